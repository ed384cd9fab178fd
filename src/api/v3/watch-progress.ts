import type { Clock, Timer } from '../../io/clock.js';
import type { WatchChannel } from './watch-channel.js';

/** etcd's interval of notifications to watchers that asked for them and hear nothing; milliseconds. */
export const PROGRESS_INTERVAL_MS = 10 * 60 * 1000;
/** How often a request for progress that came while a watcher was behind is looked at again. */
const RETRY_MS = 50;

export interface ProgressPort {
  channels(): Iterable<WatchChannel>;
  /** undefined: for the whole stream (watch_id -1). */
  send(channel: WatchChannel | undefined): void;
}

/** Says how far a stream is. Never ahead of events: a revision is named only once everything up to it was sent. */
export class WatchProgress {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #port: ProgressPort;
  #interval: Timer | undefined;
  #retry: Timer | undefined;
  #wanted = false;

  constructor(clock: Clock, intervalMs: number, port: ProgressPort) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#port = port;
  }

  /** A watcher of the stream wants notifications. */
  notify(): void {
    this.#interval ??= this.#clock.schedule(this.#intervalMs, () => {
      this.#interval = undefined;
      let anyone = false;
      for (const channel of this.#port.channels()) {
        if (!channel.spec.progressNotify) continue;
        anyone = true;
        if (channel.quiet && channel.synced) this.#port.send(channel);
        channel.quiet = true;
      }
      if (anyone) this.notify();
    });
  }

  /** The client asks: answered now, or as soon as all watchers of the stream have caught up. */
  request(): void {
    this.#wanted = true;
    this.#answer();
  }

  stop(): void {
    this.#interval?.cancel();
    this.#retry?.cancel();
    this.#interval = undefined;
    this.#retry = undefined;
    this.#wanted = false;
  }

  #answer(): void {
    if (!this.#wanted) return;
    for (const channel of this.#port.channels()) {
      if (channel.synced) continue;
      this.#retry ??= this.#clock.schedule(RETRY_MS, () => {
        this.#retry = undefined;
        this.#answer();
      });
      return;
    }
    this.#wanted = false;
    this.#port.send(undefined);
  }
}
