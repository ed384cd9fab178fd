import { ConfetdError } from '../base/errors.js';
import type { Problem } from '../confdir/types.js';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import type {
  RenderStatusResponse,
  RenderWaitResponse,
  RenderWhyResponse,
} from '../proto/generated/render.js';
import type { EmbeddedFeed } from '../source/feed.js';
import { FeedServer } from '../source/feed-server.js';
import type { RenderEvent } from './events.js';
import type { CallName, Calls, FromWorker, ToWorker, WorkerSettings } from './messages.js';

/** The main thread's end of the port: a Worker has this shape, and so has a MessagePort. */
export interface HostPort {
  postMessage(message: ToWorker): void;
  on(event: 'message', listener: (message: FromWorker) => void): unknown;
}

export interface RenderHostOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** For an embedded source. */
  readonly feed?: EmbeddedFeed;
  /** See `sharedTimeOffsetMs`; 0 where all threads' clocks are one. */
  readonly timeOffsetMs: number;
  readonly onEvent?: (event: RenderEvent) => void;
}

interface Open {
  readonly resolve: (answer: Calls[CallName]['answer']) => void;
  readonly reject: (error: Error) => void;
}

/** A renderer in a worker, as the main thread sees it. */
export class RenderHost {
  readonly #port: HostPort;
  readonly #options: RenderHostOptions;
  readonly #feed: FeedServer | undefined;
  readonly #open = new Map<number, Open>();
  #lastId = 0;
  #starting: { resolve(problems: readonly Problem[]): void; reject(error: Error): void } | undefined;
  #gone: ConfetdError | undefined;

  constructor(port: HostPort, options: RenderHostOptions) {
    this.#port = port;
    this.#options = options;
    const { feed, clock, timeOffsetMs } = options;
    this.#feed =
      feed === undefined
        ? undefined
        : new FeedServer(feed, {
            post: (message) => port.postMessage({ type: 'feed', message }),
            clock,
            timeOffsetMs,
          });
    port.on('message', (message) => this.#receive(message));
  }

  /** Resolves with the problems of the first generation once it is in force. */
  start(settings: WorkerSettings): Promise<readonly Problem[]> {
    return new Promise((resolve, reject) => {
      this.#starting = { resolve, reject };
      this.#port.postMessage({ type: 'start', settings });
    });
  }

  status(): Promise<RenderStatusResponse> {
    return this.#call('status', undefined);
  }

  wait(revision: number, timeoutMs: number): Promise<RenderWaitResponse> {
    return this.#call('wait', { revision, timeoutMs });
  }

  /** See Renderer.why. */
  why(dest: string, resource: string, limit: number): Promise<RenderWhyResponse> {
    return this.#call('why', { dest, resource, limit });
  }

  /** Takes the source as it is for a destination that is held. */
  async accept(dest: string): Promise<void> {
    await this.#call('accept', { dest });
  }

  /** Leaves a destination alone, '' all of them, for so many milliseconds; 0: until it is resumed. */
  async pause(dest: string, forMs: number): Promise<void> {
    await this.#call('pause', { dest, forMs });
  }

  async resume(dest: string): Promise<void> {
    await this.#call('resume', { dest });
  }

  /** Looks at every destination now. */
  async reconcile(): Promise<void> {
    await this.#call('reconcile', undefined);
  }

  /** Reads conf.d and templates again: SIGHUP. */
  async reload(): Promise<void> {
    await this.#call('reload', undefined);
  }

  /** Resolves once everything has ended; see Renderer.shutdown. */
  async shutdown(reloadTimeoutMs: number): Promise<void> {
    await this.#call('shutdown', { reloadTimeoutMs });
    this.lost('it was shut down');
  }

  /** The worker has ended: whoever waits for it is told so. */
  lost(why: string): void {
    this.#gone ??= new ConfetdError('unavailable', `confetd: the renderer is gone: ${why}`);
    this.#feed?.close();
    this.#starting?.reject(this.#gone);
    for (const { reject } of this.#open.values()) reject(this.#gone);
    this.#open.clear();
  }

  async #call<Name extends CallName>(
    name: Name,
    values: Calls[Name]['arguments'],
  ): Promise<Calls[Name]['answer']> {
    if (this.#gone !== undefined) throw this.#gone;
    const id = ++this.#lastId;
    const answer = new Promise<Calls[CallName]['answer']>((resolve, reject) => {
      this.#open.set(id, { resolve, reject });
    });
    // The compiler doesn't see that a name and its own arguments belong together.
    this.#port.postMessage({ type: 'call', id, name, arguments: values } as ToWorker);
    return (await answer) as Calls[Name]['answer'];
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'started':
        this.#starting?.resolve(message.problems);
        this.#starting = undefined;
        return;
      case 'refused':
        this.#starting?.reject(new ConfetdError(message.code, message.message));
        this.#starting = undefined;
        return;
      case 'feed':
        this.#feed?.receive(message.request);
        return;
      case 'answer':
        this.#open.get(message.id)?.resolve(message.answer);
        this.#open.delete(message.id);
        return;
      case 'failure':
        this.#open.get(message.id)?.reject(new ConfetdError(message.code, message.message));
        this.#open.delete(message.id);
        return;
      case 'event':
        this.#options.onEvent?.(message.event);
        return;
      case 'log':
        this.#options.log[message.level](message.fields, message.message);
    }
  }
}
