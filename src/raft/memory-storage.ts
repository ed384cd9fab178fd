import { assert } from '../base/assert.js';
import { type Entry, EntryType, type Snapshot } from '../proto/generated/raft.js';
import { metadataOf } from './log.js';
import type { LogStorage, Unavailable } from './types.js';

/** Slots cut off stay in the array until they are so many and the half of it: compacting costs O(1) an entry. */
const MIN_SHRINK = 1024;
/** Stands in the slots cut off, so that they hold no data. */
const CUT_OFF: Entry = { type: EntryType.NORMAL, term: 0, index: 0, data: Buffer.alloc(0) };

/** What an entry takes in memory beside its data, about, in bytes. */
export const ENTRY_OVERHEAD_BYTES = 128;

function heldBytes({ data }: Entry): number {
  return data.length + ENTRY_OVERHEAD_BYTES;
}

/** Entries [from, end) of a list, at least one where there is one, then no more than `maxBytes` of data. */
export function sliceWithin(list: readonly Entry[], from: number, end: number, maxBytes: number): Entry[] {
  let to = from;
  for (let bytes = 0; to < end; to++) {
    bytes += (list[to] as Entry).data.length;
    if (bytes > maxBytes && to > from) break;
  }
  return list.slice(from, to);
}

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

  /** What the entries held take, in bytes: what the owner goes by when it compacts. */
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
  entries(low: number, high: number, maxBytes: number): Entry[] | Unavailable {
    if (low <= this.#baseIndex) return 'cut off';
    const end = Math.min(this.#position(high), this.#entries.length);
    return sliceWithin(this.#entries, this.#position(low), end, maxBytes);
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
    for (let at = keep; at < this.#entries.length; at++) this.#bytes -= heldBytes(this.#entries[at] as Entry);
    this.#entries.length = keep;
    for (const entry of entries) {
      this.#entries.push(entry);
      this.#bytes += heldBytes(entry);
    }
  }

  /** Cuts off entries up to `index`, which becomes the last one known by its term only. */
  compact(index: number): void {
    if (index <= this.#baseIndex) return;
    const term = this.#at(index)?.term;
    assert(term !== undefined, `can't compact to ${index}: the log ends at ${this.lastIndex()}`);
    const to = this.#position(index) + 1;
    for (let at = this.#start; at < to; at++) {
      this.#bytes -= heldBytes(this.#entries[at] as Entry);
      this.#entries[at] = CUT_OFF;
    }
    this.#start = to;
    this.#baseIndex = index;
    this.#baseTerm = term;
    this.#shrink();
  }

  /** Cuts off the oldest entries, none after `index`, until what is held takes no more than `maxBytes`. */
  trim(index: number, maxBytes: number): void {
    const last = Math.min(index, this.lastIndex());
    let to = this.#baseIndex;
    for (let bytes = this.#bytes; bytes > maxBytes && to < last; ) {
      to++;
      bytes -= heldBytes(this.#at(to) as Entry);
    }
    this.compact(to);
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

  #shrink(): void {
    if (this.#start < MIN_SHRINK || this.#start * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#start);
    this.#start = 0;
  }
}
