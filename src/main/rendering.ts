import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { RenderControl } from '../api/v3/render-control.js';
import { ConfetdError, messageOf } from '../base/errors.js';
import { formatProblem } from '../confdir/load.js';
import type { Clock } from '../io/clock.js';
import type { Log, LogLevel } from '../io/log.js';
import type {
  RenderStatusResponse,
  RenderWaitResponse,
  RenderWhyResponse,
} from '../proto/generated/render.js';
import type { RenderEvent } from '../render/events.js';
import type { WorkerSettings } from '../render/messages.js';
import { RenderHost } from '../render/worker-host.js';
import { type EmbeddedFeed, sharedTimeOffsetMs } from '../source/feed.js';
import { confdirOptions } from './config.js';
import type { DaemonFlags } from './flags.js';
import { sourceSpec } from './source-spec.js';

/** A worker that died is replaced after so long, doubling up to the bound. */
const FIRST_RESTART_MS = 1_000;
const MAX_RESTART_MS = 60_000;
/** A worker that ran for so long had nothing wrong with its start. */
const STABLE_MS = 60_000;

export interface RenderingOptions {
  readonly flags: DaemonFlags;
  /** Undefined: there is no member. */
  readonly dataFolder: string | undefined;
  readonly feed: EmbeddedFeed | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Of the renderer: what events show a person needn't be logged too. */
  readonly logLevel: LogLevel;
  /** A person watches: events carry diffs. */
  readonly diffs: boolean;
  readonly onEvent: (event: RenderEvent) => void;
}

/** The renderer's thread. One that ends by itself is replaced: keys are served meanwhile, and files stay as they are. */
export class Rendering implements RenderControl {
  readonly #options: RenderingOptions;
  #host: RenderHost | undefined;
  #worker: Worker | undefined;
  #ending = false;
  #failures = 0;
  #startedAtMs = 0;

  constructor(options: RenderingOptions) {
    this.#options = options;
  }

  /** Resolves once the first generation is in force. Under --strict it fails with `config` where that has a problem. */
  async start(): Promise<void> {
    const problems = await this.#launch();
    if (this.#options.flags.strict && problems.length > 0) {
      await this.close();
      throw new ConfetdError('config', `--strict: ${problems.join('\n')}`);
    }
  }

  async status(): Promise<RenderStatusResponse> {
    return await this.#current().status();
  }

  async wait(revision: number, timeoutMs: number): Promise<RenderWaitResponse> {
    return await this.#current().wait(revision, timeoutMs);
  }

  async why(dest: string, resource: string, limit: number): Promise<RenderWhyResponse> {
    return await this.#current().why(dest, resource, limit);
  }

  async pause(dest: string, forMs: number): Promise<void> {
    await this.#current().pause(dest, forMs);
  }

  async resume(dest: string): Promise<void> {
    await this.#current().resume(dest);
  }

  async accept(dest: string): Promise<void> {
    await this.#current().accept(dest);
  }

  /** Reads conf.d and templates again. */
  async reload(): Promise<void> {
    await this.#current().reload();
  }

  async close(): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    try {
      await this.#host?.shutdown(this.#options.flags['shutdown-timeout']);
    } finally {
      await this.#worker?.terminate();
    }
  }

  #current(): RenderHost {
    if (this.#host === undefined)
      throw new ConfetdError('unavailable', 'confetd: the renderer is not running');
    return this.#host;
  }

  async #launch(): Promise<readonly string[]> {
    const { feed, clock, log, onEvent } = this.#options;
    this.#startedAtMs = clock.monotonicMs();
    const worker = new Worker(new URL('./render-worker.js', import.meta.url));
    const templateProblems: string[] = [];
    const host = new RenderHost(worker, {
      clock,
      log,
      timeOffsetMs: sharedTimeOffsetMs(clock.monotonicMs()),
      onEvent: (event) => {
        if (event.type === 'configuration') templateProblems.splice(0, Infinity, ...event.problems);
        onEvent(event);
      },
      ...(feed === undefined ? {} : { feed }),
    });
    this.#worker = worker;
    this.#host = host;
    worker.on('error', (error) => log.error({ error: messageOf(error) }, 'the renderer failed'));
    worker.on('exit', () => this.#exited(host));
    const problems = await host.start(this.#settings());
    return [...new Set([...problems.map(formatProblem), ...templateProblems])];
  }

  #settings(): WorkerSettings {
    const { flags, dataFolder, diffs, logLevel } = this.#options;
    const stateFolder =
      flags['state-dir'] !== ''
        ? resolve(flags['state-dir'])
        : dataFolder === undefined
          ? undefined
          : join(dataFolder, 'render');
    return {
      confdir: resolve(flags.confdir),
      ...confdirOptions(flags),
      dataFolder,
      cwd: process.cwd(),
      stateFolder,
      intervalMs: flags.interval,
      watchFiles: flags['watch-files'],
      pass: {
        diffs,
        noop: flags.noop,
        strict: flags.strict,
        syncOnly: flags['sync-only'],
        keepStage: flags['keep-stage-file'],
      },
      logLevel,
      source: sourceSpec(flags),
    };
  }

  #exited(host: RenderHost): void {
    host.lost('its thread ended');
    if (this.#ending || this.#host !== host) return;
    const { clock, log } = this.#options;
    if (clock.monotonicMs() - this.#startedAtMs > STABLE_MS) this.#failures = 0;
    const delayMs = Math.min(MAX_RESTART_MS, FIRST_RESTART_MS * 2 ** this.#failures++);
    log.error({ delayMs }, 'the renderer ended; it is started again, files stay as they are meanwhile');
    clock.schedule(delayMs, () => {
      if (this.#ending) return;
      this.#launch().catch((error) => log.error({}, `the renderer did not start: ${messageOf(error)}`));
    });
  }
}
