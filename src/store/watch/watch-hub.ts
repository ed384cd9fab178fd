import type { Clock } from '../../io/clock.js';
import type { Watcher, WatchSink, WatchSpec } from '../types.js';
import { type HistoryHost, readHistory } from './history.js';
import { HubWatcher, type WatcherHost } from './watcher.js';
import { type EventSource, WatcherIndex } from './watcher-index.js';

/** Events read for one cohort at once, and the main thread's time in one step. */
const REPLAY_EVENTS = 250;
const STEP_MS = 1;

export interface WatchHubPorts {
  readonly history: HistoryHost;
  readonly clock: Clock;
  /** History can't be read. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Tells watchers what happens: those that are up to date in the turn of the commit, the others from history, in
 * slices. A watcher is told whole revisions, each once, in order.
 */
export class WatchHub implements WatcherHost {
  readonly #ports: WatchHubPorts;
  readonly #synced = new WatcherIndex();
  /** Replaying watchers by position: those at the same one go through history together. Served in turn. */
  readonly #cohorts = new Map<number, Set<HubWatcher>>();
  readonly #paused = new Set<HubWatcher>();
  #running = false;
  #stopped = false;

  constructor(ports: WatchHubPorts) {
    this.#ports = ports;
  }

  get revision(): number {
    return this.#ports.history.revision;
  }

  watch(spec: WatchSpec, sink: WatchSink): Watcher {
    const watcher = new HubWatcher(this, spec, sink);
    if (watcher.state === 'synced') this.#synced.add(watcher);
    else this.#replay(watcher);
    return watcher;
  }

  /** The store's revision has just become this one. */
  commit(revision: number, events: readonly EventSource[]): void {
    const now = this.#ports.clock.monotonicMs();
    this.#synced.tell(revision, events, now, (watcher) => {
      if (watcher.state !== 'synced') return;
      this.#synced.remove(watcher);
      this.#pause(watcher, revision + 1);
    });
  }

  /** The state was replaced by a newer one: what lies between is told from its history. */
  restored(previousRevision: number): void {
    for (const watcher of this.#synced.watchers()) {
      watcher.from = Math.max(watcher.from, previousRevision + 1);
      if (watcher.from > this.revision) continue;
      this.#synced.remove(watcher);
      this.#replay(watcher);
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const watcher of this.#synced.watchers()) this.cancelled(watcher);
    for (const cohort of this.#cohorts.values()) for (const watcher of cohort) watcher.state = 'ended';
    for (const watcher of this.#paused) watcher.state = 'ended';
    this.#cohorts.clear();
    this.#paused.clear();
  }

  resumed(watcher: HubWatcher): void {
    this.#paused.delete(watcher);
    this.#goOn(watcher);
  }

  cancelled(watcher: HubWatcher): void {
    if (watcher.state === 'synced') this.#synced.remove(watcher);
    this.#paused.delete(watcher);
    const cohort = this.#cohorts.get(watcher.from);
    if (cohort?.delete(watcher) === true && cohort.size === 0) this.#cohorts.delete(watcher.from);
    watcher.state = 'ended';
  }

  #pause(watcher: HubWatcher, from: number): void {
    watcher.from = from;
    watcher.state = 'paused';
    this.#paused.add(watcher);
  }

  /** To where it belongs by its position. */
  #goOn(watcher: HubWatcher): void {
    if (watcher.from <= this.revision) {
      this.#replay(watcher);
      return;
    }
    watcher.state = 'synced';
    this.#synced.add(watcher);
  }

  #replay(watcher: HubWatcher): void {
    watcher.state = 'replaying';
    let cohort = this.#cohorts.get(watcher.from);
    if (cohort === undefined) {
      cohort = new Set();
      this.#cohorts.set(watcher.from, cohort);
    }
    cohort.add(watcher);
    if (this.#running || this.#stopped) return;
    this.#running = true;
    this.#run().catch(this.#ports.onFailure);
  }

  async #run(): Promise<void> {
    const { clock } = this.#ports;
    while (this.#cohorts.size > 0) {
      // Never in the turn of the caller: who asks for a watch has it before its first event.
      await clock.yield();
      const until = clock.monotonicMs() + STEP_MS;
      do {
        for (const [position, cohort] of this.#cohorts) {
          this.#cohorts.delete(position);
          this.#advance(position, cohort);
          break;
        }
      } while (this.#cohorts.size > 0 && clock.monotonicMs() < until);
    }
    this.#running = false;
  }

  #advance(position: number, cohort: ReadonlySet<HubWatcher>): void {
    const { history } = this.#ports;
    if (position < history.compactedRevision) {
      for (const watcher of cohort) {
        watcher.state = 'ended';
        watcher.sink.compacted(history.compactedRevision);
      }
      return;
    }
    const { revisions, next } = readHistory(history, position, REPLAY_EVENTS);
    const index = new WatcherIndex();
    for (const watcher of cohort) index.add(watcher);
    for (const { revision, events } of revisions) {
      index.tell(revision, events, undefined, (watcher) => {
        if (watcher.state !== 'replaying') return;
        index.remove(watcher);
        this.#pause(watcher, revision + 1);
      });
    }
    for (const watcher of cohort) {
      // Others were paused, or cancelled by a sink.
      if (watcher.state !== 'replaying') continue;
      watcher.from = next;
      this.#goOn(watcher);
    }
  }
}
