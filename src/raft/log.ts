import { assert } from '../base/assert.js';
import { type Entry, EntryType, type Snapshot, type SnapshotMetadata } from '../proto/generated/raft.js';
import type { LogStorage, Unavailable } from './types.js';
import { Unstable } from './unstable.js';

/** The index and term that a snapshot stands for. */
export function metadataOf(snapshot: Snapshot): SnapshotMetadata {
  assert(snapshot.metadata !== undefined, 'a snapshot without metadata');
  return snapshot.metadata;
}

/** Bytes of data, by which everything here is bounded. */
export function bytesOf(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const { data } of entries) bytes += data.length;
  return bytes;
}

/**
 * One member's log: the durable part in {@link LogStorage}, its end in {@link Unstable}. Entries up to `committed` never
 * change. Of these, what is durable here is handed out once, in order, for the state machine:
 * applied ≤ handedOut ≤ min(committed, durableIndex).
 */
export class RaftLog {
  readonly #storage: LogStorage;
  readonly #unstable: Unstable;
  #committed: number;
  #applied: number;
  #handedOut: number;
  /** Bytes handed out since the state machine had caught up last. */
  #handedOutBytes = 0;

  constructor(storage: LogStorage, committed: number, applied: number) {
    this.#storage = storage;
    this.#unstable = new Unstable(storage.lastIndex() + 1);
    // What was applied was committed, though the hard state may not have said so in time.
    this.#committed = storage.firstIndex() - 1;
    this.commitTo(Math.max(committed, applied, this.#committed));
    this.#applied = applied;
    this.#handedOut = applied;
  }

  get committed(): number {
    return this.#committed;
  }

  get applied(): number {
    return this.#applied;
  }

  get firstIndex(): number {
    const snapshot = this.#unstable.snapshot;
    return snapshot === undefined ? this.#storage.firstIndex() : metadataOf(snapshot).index + 1;
  }

  get lastIndex(): number {
    return this.#unstable.lastIndex;
  }

  get lastTerm(): number {
    const term = this.term(this.lastIndex);
    assert(term !== undefined, 'the last entry of the log has no term');
    return term;
  }

  /** Up to here the log was written and synced on this member. */
  get durableIndex(): number {
    return this.#unstable.offset - 1;
  }

  /** A snapshot that isn't durable yet. */
  get pendingSnapshot(): Snapshot | undefined {
    return this.#unstable.snapshot;
  }

  /** Undefined: compacted away, or past the end. */
  term(index: number): number | undefined {
    if (index > this.lastIndex) return undefined;
    if (index >= this.#unstable.offset) return this.#unstable.at(index)?.term;
    const snapshot = this.#unstable.snapshot;
    if (snapshot === undefined) return this.#storage.term(index);
    const metadata = metadataOf(snapshot);
    return index === metadata.index ? metadata.term : undefined;
  }

  matches(index: number, term: number): boolean {
    return this.term(index) === term;
  }

  /** Whether a log that ends so is at least as new as this one (Raft paper, section 5.4.1). */
  isUpToDate(lastIndex: number, lastTerm: number): boolean {
    const own = this.lastTerm;
    return lastTerm > own || (lastTerm === own && lastIndex >= this.lastIndex);
  }

  /**
   * The last index at or before `index` whose term isn't above `term`: behind it, two logs can't agree. Stops at the
   * first entry held.
   */
  lastNotAbove(index: number, term: number): number {
    let at = Math.min(index, this.lastIndex);
    for (const first = this.firstIndex - 1; at > first; at--) {
      if ((this.term(at) ?? 0) <= term) break;
    }
    return at;
  }

  /** A leader's own new entry. */
  push(entry: Entry): void {
    this.#unstable.push(entry);
  }

  /**
   * A follower's part of log matching (Raft paper, figure 2): the entries follow an index where both logs agree. What
   * is there already stays, and the first entry that differs replaces all from there on.
   */
  append(entries: readonly Entry[]): void {
    let from = 0;
    for (; from < entries.length; from++) {
      const { index, term } = entries[from] as Entry;
      if (index > this.lastIndex) break;
      if (this.matches(index, term)) continue;
      assert(index > this.#committed, `entry ${index} conflicts with a committed one`);
      this.#unstable.truncate(index);
      break;
    }
    for (; from < entries.length; from++) {
      const entry = entries[from] as Entry;
      assert(entry.index === this.lastIndex + 1, `a gap in the log before entry ${entry.index}`);
      this.#unstable.push(entry);
    }
  }

  /** Entries from `low` on, at least one where there is one, unless the first of them isn't there. */
  entriesFrom(low: number, maxBytes: number): Entry[] | Unavailable {
    if (low > this.lastIndex) return [];
    if (low < this.firstIndex) return 'cut off';
    const { offset } = this.#unstable;
    const entries: Entry[] = [];
    let bytes = 0;
    if (low < offset) {
      const durable = this.#storage.entries(low, offset, maxBytes);
      if (typeof durable === 'string') return durable;
      for (const entry of durable) entries.push(entry);
      bytes = bytesOf(entries);
      if (entries.length < offset - low) return entries;
    }
    for (let index = Math.max(low, offset); index <= this.lastIndex; index++) {
      const entry = this.#unstable.at(index) as Entry;
      bytes += entry.data.length;
      if (bytes > maxBytes && entries.length > 0) break;
      entries.push(entry);
    }
    return entries;
  }

  /**
   * Never clamps: a commit index past the end says that this member has lost entries which it had acknowledged, and
   * whatever it did next would be wrong.
   */
  commitTo(index: number): void {
    if (index <= this.#committed) return;
    const last = this.lastIndex;
    assert(index <= last, `log lost: ${index} is committed, but the log here ends at ${last}`);
    this.#committed = index;
  }

  /** Whether {@link takeCommitted} would hand out something. */
  hasCommitted(maxBytes: number): boolean {
    return (
      this.#handedOut < Math.min(this.#committed, this.durableIndex) &&
      this.#unstable.snapshot === undefined &&
      (this.#handedOutBytes < maxBytes || this.#handedOut === this.#applied)
    );
  }

  /** Committed and durable entries, each handed out once; no more than `maxBytes` of them wait to be applied. */
  takeCommitted(maxBytes: number): readonly Entry[] {
    if (!this.hasCommitted(maxBytes)) return [];
    const high = Math.min(this.#committed, this.durableIndex) + 1;
    const entries = this.#storage.entries(this.#handedOut + 1, high, maxBytes - this.#handedOutBytes);
    assert(typeof entries !== 'string', `entry ${this.#handedOut + 1} isn't in memory`);
    const last = entries.at(-1);
    assert(last !== undefined, `entry ${this.#handedOut + 1} is committed, and the log has none`);
    this.#handedOut = last.index;
    this.#handedOutBytes += bytesOf(entries);
    return entries;
  }

  /** Indexes of the configuration changes that aren't applied. Reads all those entries: for rare questions. */
  *unappliedConfChanges(pageBytes: number): Generator<number> {
    for (let next = this.#applied + 1; next <= this.lastIndex; ) {
      const page = this.entriesFrom(next, pageBytes);
      assert(typeof page !== 'string' && page.length > 0, `entry ${next} isn't in memory`);
      for (const { type, index } of page) if (type === EntryType.CONF_CHANGE) yield index;
      next += page.length;
    }
  }

  appliedTo(index: number): void {
    if (index <= this.#applied) return;
    assert(index <= this.#handedOut, `entry ${index} was applied before it was handed out`);
    this.#applied = index;
    if (index === this.#handedOut) this.#handedOutBytes = 0;
  }

  /** What a follower too far behind needs. Undefined: not ready yet. */
  snapshot(): Snapshot | undefined {
    return this.#unstable.snapshot ?? this.#storage.snapshot();
  }

  /** The log is replaced by what a leader's snapshot stands for. */
  restore(snapshot: Snapshot): void {
    const { index } = metadataOf(snapshot);
    this.#unstable.restore(snapshot, index);
    this.#committed = index;
  }

  get hasUnwritten(): boolean {
    return this.#unstable.hasWaiting;
  }

  /** What the next write holds. */
  takeUnwritten(): { snapshot: Snapshot | undefined; entries: readonly Entry[] } {
    return this.#unstable.take();
  }

  /** That write is durable; with a snapshot, the state machine was replaced too. */
  written(snapshot: Snapshot | undefined): void {
    this.#unstable.written();
    if (snapshot === undefined) return;
    const { index } = metadataOf(snapshot);
    this.#applied = Math.max(this.#applied, index);
    this.#handedOut = Math.max(this.#handedOut, index);
    if (this.#applied === this.#handedOut) this.#handedOutBytes = 0;
  }
}
