import { assert } from '../base/assert.js';
import { type Entry, EntryType, type Snapshot } from '../proto/generated/raft.js';
import { metadataOf } from './log.js';
import type { LogStorage } from './types.js';

/** Slots cut off stay in the array until they are so many and the half of it: compacting costs O(1) an entry. */
const MIN_TRIM = 1024;
/** Stands in the slots cut off, so that they hold no data. */
const CUT_OFF: Entry = { type: EntryType.NORMAL, term: 0, index: 0, data: Buffer.alloc(0) };

/** The part of the durable log that is held in memory: entries behind a known index and term. */
export class MemoryStorage implements LogStorage {
  #baseIndex: number;
  #baseTerm: number;
  #entries: Entry[] = [];
  /** Entries before this position are cut off. */
  #start = 0;
  #bytes = 0;
  #snapshot: Snapshot | undefined;

  /** Begins after a snapshot's index, or with an empty log. */
  constructor(base: { readonly index: number; readonly term: number } = { index: 0, term: 0 }) {
    this.#baseIndex = base.index;
    this.#baseTerm = base.term;
  }

  /** Data of the entries held, in bytes: what the owner goes by when it compacts. */
  get bytes(): number {
    return this.#bytes;
  }

  firstIndex(): number {
    return this.#baseIndex + 1;
  }

  lastIndex(): number {
    return this.#baseIndex + this.#entries.length - this.#start;
  }

  term(index: number): number | undefined {
    if (index === this.#baseIndex) return this.#baseTerm;
    return this.#at(index)?.term;
  }

  /** The byte size is that of the entries' data. The array is the caller's. */
  entries(low: number, high: number, maxBytes: number): Entry[] | undefined {
    if (low <= this.#baseIndex) return undefined;
    const from = this.#position(low);
    const end = Math.min(this.#position(high), this.#entries.length);
    let to = from;
    for (let bytes = 0; to < end; to++) {
      bytes += (this.#entries[to] as Entry).data.length;
      if (bytes > maxBytes && to > from) break;
    }
    return this.#entries.slice(from, to);
  }

  snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** What followers that are too far behind will be sent. */
  offerSnapshot(snapshot: Snapshot | undefined): void {
    this.#snapshot = snapshot;
  }

  /** Entries that have become durable; they replace what is held from the first one's index on. */
  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    assert(
      first.index > this.#baseIndex && first.index <= this.lastIndex() + 1,
      `entries from ${first.index} don't follow a log of ${this.firstIndex()} to ${this.lastIndex()}`,
    );
    const keep = this.#position(first.index);
    for (let at = keep; at < this.#entries.length; at++)
      this.#bytes -= (this.#entries[at] as Entry).data.length;
    this.#entries.length = keep;
    for (const entry of entries) {
      this.#entries.push(entry);
      this.#bytes += entry.data.length;
    }
  }

  /** Cuts off entries up to `index`, which becomes the last one known by its term only. */
  compact(index: number): void {
    if (index <= this.#baseIndex) return;
    const term = this.#at(index)?.term;
    assert(term !== undefined, `can't compact to ${index}: the log ends at ${this.lastIndex()}`);
    const to = this.#position(index) + 1;
    for (let at = this.#start; at < to; at++) {
      this.#bytes -= (this.#entries[at] as Entry).data.length;
      this.#entries[at] = CUT_OFF;
    }
    this.#start = to;
    this.#baseIndex = index;
    this.#baseTerm = term;
    this.#trim();
  }

  /** The log begins anew after a snapshot that was received. */
  applySnapshot(snapshot: Snapshot): void {
    const { index, term } = metadataOf(snapshot);
    assert(
      index > this.#baseIndex,
      `a snapshot at ${index} is older than the log, which begins after ${this.#baseIndex}`,
    );
    this.#baseIndex = index;
    this.#baseTerm = term;
    this.#entries = [];
    this.#start = 0;
    this.#bytes = 0;
    this.#snapshot = snapshot;
  }

  /** Position in the array; entry `baseIndex + 1` is the first. */
  #position(index: number): number {
    return this.#start + index - this.#baseIndex - 1;
  }

  #at(index: number): Entry | undefined {
    return index > this.#baseIndex ? this.#entries[this.#position(index)] : undefined;
  }

  #trim(): void {
    if (this.#start < MIN_TRIM || this.#start * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#start);
    this.#start = 0;
  }
}
