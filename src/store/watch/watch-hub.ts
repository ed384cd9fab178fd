import type { Clock } from '../../io/clock.js';
import type { Watcher, WatchSink, WatchSpec } from '../types.js';
import { type HistoryHost, readHistory } from './history.js';
import { LongRevision } from './long-revision.js';
import { HubWatcher, type WatcherHost } from './watcher.js';
import { type EventSource, WatcherIndex } from './watcher-index.js';

/** Events read for one cohort at once, and the main thread's time in one step. */
const REPLAY_EVENTS = 250;
const STEP_MS = 1;

export interface WatchHubPorts {
  readonly history: HistoryHost;
  readonly clock: Clock;
  /** A revision with more events is told over several turns, so many in each. */
  readonly sliceRows: number;
  /** History can't be read. */
  readonly onFailure: (error: unknown) => void;
}

/** Replaying watchers that are being told one long revision. */
interface Cohort {
  readonly watchers: ReadonlySet<HubWatcher>;
  readonly index: WatcherIndex;
  readonly long: LongRevision;
}

/**
 * Tells watchers what happens: those that are up to date in the turn of the commit, the others from history, in
 * slices. A watcher is told whole revisions, each once, in order.
 *
 * A commit of very many events takes slices too. Until it is told, those who are up to date are behind the store
 * together; what is committed meanwhile they are told from history.
 */
export class WatchHub implements WatcherHost {
  readonly #ports: WatchHubPorts;
  readonly #replayEvents: number;
  readonly #synced = new WatcherIndex();
  /** Undefined: those who are synced have been told all. Otherwise what they have been told, and what comes next. */
  #behind: { told: number; long: LongRevision | undefined } | undefined;
  /** Replaying watchers by position: those at the same one go through history together. Served in turn. */
  readonly #cohorts = new Map<number, Set<HubWatcher>>();
  readonly #longCohorts = new Set<Cohort>();
  readonly #paused = new Set<HubWatcher>();
  #running = false;
  #stopped = false;

  constructor(ports: WatchHubPorts) {
    this.#ports = ports;
    this.#replayEvents = Math.min(REPLAY_EVENTS, ports.sliceRows);
  }

  get revision(): number {
    return this.#ports.history.revision;
  }

  get told(): number {
    return this.#behind?.told ?? this.revision;
  }

  get telling(): number {
    return this.#behind?.long?.revision ?? this.told;
  }

  /** History from here on is still to be told to those who are synced; undefined: none is. */
  get oldestNeeded(): number | undefined {
    return this.#behind?.told;
  }

  watch(spec: WatchSpec, sink: WatchSink): Watcher {
    const watcher = new HubWatcher(this, spec, sink);
    if (watcher.state === 'synced') this.#synced.add(watcher);
    else this.#replay(watcher);
    return watcher;
  }

  /** The store's revision has just become this one. */
  commit(revision: number, events: readonly EventSource[]): void {
    if (this.#behind !== undefined) return;
    const now = this.#ports.clock.monotonicMs();
    if (events.length > this.#ports.sliceRows && !this.#synced.isEmpty) {
      this.#behind = { told: revision - 1, long: LongRevision.live(revision, events, now) };
      this.#start();
    } else {
      this.#synced.tell(revision, events, now, (watcher) => this.#isFull(watcher, revision));
    }
  }

  /** The state was replaced by a newer one: what lies between is told from its history. */
  restored(previousRevision: number): void {
    const told = this.#behind?.told ?? previousRevision;
    this.#behind?.long?.drop();
    this.#behind = undefined;
    for (const watcher of this.#synced.watchers()) {
      watcher.from = Math.max(watcher.from, told + 1);
      if (watcher.from > this.revision) continue;
      this.#synced.remove(watcher);
      this.#replay(watcher);
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#behind = undefined;
    for (const watcher of this.#synced.watchers()) this.cancelled(watcher);
    for (const cohort of this.#cohorts.values()) for (const watcher of cohort) watcher.state = 'ended';
    for (const { watchers } of this.#longCohorts) for (const watcher of watchers) watcher.state = 'ended';
    for (const watcher of this.#paused) watcher.state = 'ended';
    this.#cohorts.clear();
    this.#longCohorts.clear();
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

  /** A synced watcher wants no more for now. */
  #isFull(watcher: HubWatcher, revision: number): void {
    if (watcher.state !== 'synced') return;
    this.#synced.remove(watcher);
    this.#pause(watcher, revision + 1);
  }

  #pause(watcher: HubWatcher, from: number): void {
    watcher.from = from;
    watcher.state = 'paused';
    this.#paused.add(watcher);
  }

  /** To where it belongs by its position. */
  #goOn(watcher: HubWatcher): void {
    if (watcher.from <= this.telling) {
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
    this.#start();
  }

  #start(): void {
    if (this.#running || this.#stopped) return;
    this.#running = true;
    this.#run().catch(this.#ports.onFailure);
  }

  async #run(): Promise<void> {
    const { clock } = this.#ports;
    while (this.#cohorts.size > 0 || this.#longCohorts.size > 0 || this.#behind !== undefined) {
      // Never in the turn of the caller: who asks for a watch has it before its first event.
      await clock.yield();
      this.#catchUp();
      this.#advanceLong();
      const until = clock.monotonicMs() + STEP_MS;
      while (this.#cohorts.size > 0) {
        for (const [position, cohort] of this.#cohorts) {
          this.#cohorts.delete(position);
          this.#advance(position, cohort);
          break;
        }
        if (clock.monotonicMs() >= until) break;
      }
    }
    this.#running = false;
  }

  /** One slice for those who are synced, where they are behind. What they need can't be compacted away. */
  #catchUp(): void {
    const behind = this.#behind;
    if (behind === undefined) return;
    const { history, sliceRows } = this.#ports;
    if (behind.long !== undefined) {
      if (!behind.long.gather(this.#synced, sliceRows)) return;
      const { revision } = behind.long;
      // First of all: whoever a sink adds, or lets go on, belongs behind it.
      const { long } = behind;
      behind.told = revision;
      behind.long = undefined;
      long.tell((watcher) => this.#isFull(watcher, revision));
    } else {
      const { revisions, next, isLong } = readHistory(history, behind.told + 1, this.#replayEvents);
      for (const { revision, events } of revisions) {
        behind.told = revision;
        this.#synced.tell(revision, events, undefined, (watcher) => this.#isFull(watcher, revision));
      }
      behind.told = next - 1;
      if (isLong) behind.long = LongRevision.past(history, next);
    }
    if (this.#behind === behind && behind.told === history.revision) this.#behind = undefined;
  }

  #advance(position: number, cohort: ReadonlySet<HubWatcher>): void {
    const { history } = this.#ports;
    if (this.#isCompacted(position, cohort)) return;
    const { revisions, next, isLong } = readHistory(history, position, this.#replayEvents);
    const index = new WatcherIndex();
    for (const watcher of cohort) index.add(watcher);
    if (isLong) {
      // Those at `next` may begin before it: there is nothing between.
      this.#longCohorts.add({ watchers: cohort, index, long: LongRevision.past(history, next) });
      return;
    }
    for (const { revision, events } of revisions) {
      index.tell(revision, events, undefined, (watcher) => this.#isFullReplaying(watcher, index, revision));
    }
    this.#advanced(cohort, next);
  }

  /** One slice of a long revision, for those who replay; each in turn. */
  #advanceLong(): void {
    const [cohort] = this.#longCohorts;
    if (cohort === undefined) return;
    this.#longCohorts.delete(cohort);
    const { watchers, index, long } = cohort;
    if (this.#isCompacted(long.revision, watchers)) return;
    if (!long.gather(index, this.#ports.sliceRows)) {
      this.#longCohorts.add(cohort);
      return;
    }
    long.tell((watcher) => this.#isFullReplaying(watcher, index, long.revision));
    this.#advanced(watchers, long.revision + 1);
  }

  #isFullReplaying(watcher: HubWatcher, index: WatcherIndex, revision: number): void {
    if (watcher.state !== 'replaying') return;
    index.remove(watcher);
    this.#pause(watcher, revision + 1);
  }

  #advanced(cohort: ReadonlySet<HubWatcher>, next: number): void {
    for (const watcher of cohort) {
      // Others were paused, or cancelled by a sink.
      if (watcher.state !== 'replaying') continue;
      watcher.from = next;
      this.#goOn(watcher);
    }
  }

  /** History at a position is gone, and its watchers have been told so. */
  #isCompacted(position: number, cohort: ReadonlySet<HubWatcher>): boolean {
    const { compactedRevision } = this.#ports.history;
    if (position >= compactedRevision) return false;
    for (const watcher of cohort) {
      if (watcher.state === 'ended') continue;
      watcher.state = 'ended';
      watcher.sink.compacted(compactedRevision);
    }
    return true;
  }
}
