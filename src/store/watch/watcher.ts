import type { Watcher, WatchSink, WatchSpec } from '../types.js';

/**
 * - `synced`: hears of every commit at its position or past it, at once;
 * - `replaying`: history before the store's revision is still to be told;
 * - `paused`: its sink is full, nothing is told until it resumes;
 * - `ended`: cancelled, or compacted away.
 */
export type WatcherState = 'synced' | 'replaying' | 'paused' | 'ended';

/** What the hub lends to its watchers. */
export interface WatcherHost {
  /** The store's. */
  readonly revision: number;
  /** Who is `synced` has been told all up to here. */
  readonly told: number;
  /** Being told to those who are `synced`, or told: who wants this one, or an older one, reads it from history. */
  readonly telling: number;
  resumed(watcher: HubWatcher): void;
  cancelled(watcher: HubWatcher): void;
}

/** One watcher: a position in history, and never a queue. */
export class HubWatcher implements Watcher {
  readonly spec: WatchSpec;
  readonly sink: WatchSink;
  readonly #host: WatcherHost;
  state: WatcherState;
  /** Nothing before this revision is told any more. A synced watcher's position moves on without it. */
  from: number;

  constructor(host: WatcherHost, spec: WatchSpec, sink: WatchSink) {
    this.#host = host;
    this.spec = spec;
    this.sink = sink;
    this.from = spec.startRevision > 0 ? spec.startRevision : host.revision + 1;
    this.state = this.from > host.telling ? 'synced' : 'replaying';
  }

  get position(): number {
    return this.state === 'synced' ? Math.max(this.from, this.#host.told + 1) : this.from;
  }

  get synced(): boolean {
    return this.state !== 'ended' && this.position > this.#host.revision;
  }

  resume(): void {
    if (this.state === 'paused') this.#host.resumed(this);
  }

  cancel(): void {
    if (this.state !== 'ended') this.#host.cancelled(this);
  }
}
