import { join } from 'node:path';
import { ConfetdError, messageOf } from '../base/errors.js';
import { carryOver } from '../confdir/carryover.js';
import { type LoadOptions, load, reservedFolders } from '../confdir/load.js';
import type { Generation } from '../confdir/types.js';
import { type Watching, watchConfdir } from '../confdir/watch.js';
import { isLogged, type Log, type LogLevel } from '../io/log.js';
import { EmbeddedSource } from '../source/embedded.js';
import type { Source } from '../source/types.js';
import type { Call, CallName, Calls, FromWorker, ToWorker, WorkerSettings } from './messages.js';
import { openSource } from './open-source.js';
import { Renderer } from './renderer.js';
import type { RenderPorts } from './world.js';

/** A worker's end of a message port: all that ties it to the main thread. */
export interface WorkerPort {
  postMessage(message: FromWorker): void;
  on(event: 'message', listener: (message: ToWorker) => void): unknown;
  close(): void;
}

/** What else works with the same source and generations: hooks. */
export interface Companion {
  setGeneration(generation: Generation): void;
  close(): Promise<void>;
}

/** Of the renderer's ports the worker makes the log itself: it goes to the main thread. */
export interface WorkerPorts extends Omit<RenderPorts, 'log'> {
  /** See `sharedTimeOffsetMs`; 0 where all threads' clocks are one. */
  readonly timeOffsetMs: number;
  readonly companion?: (source: Source, log: Log) => Companion;
}

/** Serves a renderer over a port: the first message starts it, `shutdown` ends it and closes the port. */
export function serveRenderer(port: WorkerPort, ports: WorkerPorts): void {
  const worker = new RenderWorker(port, ports);
  port.on('message', (message) => worker.receive(message));
}

class RenderWorker {
  readonly #port: WorkerPort;
  readonly #ports: WorkerPorts;
  readonly #embedded: EmbeddedSource;
  #running: Promise<Running> | undefined;

  constructor(port: WorkerPort, ports: WorkerPorts) {
    this.#port = port;
    this.#ports = ports;
    this.#embedded = new EmbeddedSource({
      post: (request) => port.postMessage({ type: 'feed', request }),
      timeOffsetMs: ports.timeOffsetMs,
    });
  }

  receive(message: ToWorker): void {
    switch (message.type) {
      case 'start':
        this.#running = this.#start(message.settings);
        this.#running.then(
          ({ problems }) => this.#port.postMessage({ type: 'started', problems }),
          (error: unknown) => {
            this.#port.postMessage({ type: 'refused', code: codeOf(error), message: messageOf(error) });
          },
        );
        return;
      case 'feed':
        this.#embedded.receive(message.message);
        return;
      case 'call':
        void this.#call(message);
    }
  }

  async #start(settings: WorkerSettings): Promise<Running> {
    const { clock, random, env } = this.#ports;
    const source = await openSource(settings.source, { clock, random, env, embedded: () => this.#embedded });
    const running = new Running(
      settings,
      source,
      { ...this.#ports, log: portLog(this.#port, settings.logLevel) },
      this.#ports,
      this.#port,
    );
    await running.start();
    return running;
  }

  async #call(call: Call): Promise<void> {
    const { id } = call;
    try {
      const running = await this.#running;
      if (running === undefined)
        throw new ConfetdError('failed_precondition', 'the renderer was not started');
      const answer = await running.call(call);
      this.#port.postMessage({ type: 'answer', id, answer });
    } catch (error) {
      this.#port.postMessage({ type: 'failure', id, code: codeOf(error), message: messageOf(error) });
    }
    if (call.name === 'shutdown') this.#port.close();
  }
}

/** A renderer with its source, its configuration folder and its companion. */
class Running {
  readonly #settings: WorkerSettings;
  readonly #source: Source;
  readonly #ports: RenderPorts;
  readonly #renderer: Renderer;
  readonly #companion: Companion | undefined;
  #inForce: Generation = { resources: [], hooks: [], problems: [] };
  #watching: Watching | undefined;
  /** Readings of conf.d run one after another. */
  #reading: Promise<void> = Promise.resolve();

  constructor(
    settings: WorkerSettings,
    source: Source,
    ports: RenderPorts,
    { companion }: Pick<WorkerPorts, 'companion'>,
    port: WorkerPort,
  ) {
    this.#settings = settings;
    this.#source = source;
    this.#ports = ports;
    this.#renderer = new Renderer(source, ports, {
      templates: join(settings.confdir, 'templates'),
      reserved: reservedFolders(settings.confdir, { dataFolder: settings.dataFolder }),
      stateFolder: settings.stateFolder,
      intervalMs: settings.intervalMs,
      pass: settings.pass,
      onEvent: (event) => port.postMessage({ type: 'event', event }),
    });
    this.#companion = companion?.(source, ports.log);
  }

  get problems(): Generation['problems'] {
    return this.#inForce.problems;
  }

  async start(): Promise<void> {
    const { confdir, watchFiles } = this.#settings;
    await this.#renderer.start();
    // Watched before it is read: nothing that changes meanwhile is missed.
    if (watchFiles) {
      this.#watching = await watchConfdir(confdir, {
        clock: this.#ports.clock,
        onChange: () => void this.#reload(),
        onError: (message) => this.#ports.log.warn({}, message),
      });
    }
    await this.#reload();
  }

  #reload(): Promise<void> {
    this.#reading = this.#reading
      .then(() => this.#read())
      .catch((error: unknown) =>
        this.#ports.log.error({ error: messageOf(error) }, "the configuration can't be read"),
      );
    return this.#reading;
  }

  async #read(): Promise<void> {
    const { confdir, prefix, prefixMode, defaults, dataFolder, cwd } = this.#settings;
    const options: LoadOptions = { prefix, prefixMode, defaults, dataFolder, cwd, env: this.#ports.env };
    const loaded = await load(confdir, options);
    this.#inForce = await carryOver(this.#inForce, loaded, reservedFolders(confdir, options));
    this.#companion?.setGeneration(this.#inForce);
    await this.#renderer.setGeneration(this.#inForce);
  }

  async call(call: Call): Promise<Calls[CallName]['answer']> {
    switch (call.name) {
      case 'status':
        return this.#renderer.status();
      case 'wait':
        return this.#renderer.wait(call.arguments.revision, call.arguments.timeoutMs);
      case 'why': {
        const { dest, resource, limit } = call.arguments;
        return this.#renderer.why(dest, resource, limit);
      }
      case 'accept':
        await this.#renderer.accept(call.arguments.dest);
        return undefined;
      case 'pause':
        await this.#renderer.pause(call.arguments.dest, call.arguments.forMs);
        return undefined;
      case 'resume':
        await this.#renderer.resume(call.arguments.dest);
        return undefined;
      case 'reconcile':
        await this.#renderer.reconcileNow();
        return undefined;
      case 'reload':
        await this.#reload();
        return undefined;
      case 'shutdown':
        await this.#shutdown(call.arguments.reloadTimeoutMs);
        return undefined;
    }
  }

  async #shutdown(reloadTimeoutMs: number): Promise<void> {
    await this.#watching?.close();
    await Promise.all([this.#renderer.shutdown(reloadTimeoutMs), this.#companion?.close()]);
    await this.#source.close();
  }
}

function portLog(port: WorkerPort, least: LogLevel): Log {
  const at = (level: keyof Log) =>
    isLogged(level, least)
      ? (fields: object, message: string): void => port.postMessage({ type: 'log', level, fields, message })
      : (): void => undefined;
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function codeOf(error: unknown): ConfetdError['code'] {
  return error instanceof ConfetdError ? error.code : 'internal';
}
