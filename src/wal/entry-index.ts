import { assert } from '../base/assert.js';
import type { SnapshotMetadata } from '../proto/generated/raft.js';
import { TermRuns } from './term-runs.js';

/** Frames begin at multiples of 8 bytes, so a 32-bit number of those reaches through 32 GiB of a segment. */
const UNIT_BYTES = 8;
const FIRST_CAPACITY = 64;

/** Where a record lies: in the segment with that number, bytes [offset, end). */
export interface Place {
  readonly sequence: number;
  readonly offset: number;
  readonly end: number;
}

/** Retained entries of one segment that lie behind each other in one of its stretches; what to read to get them. */
export interface Extent {
  readonly sequence: number;
  /** Index of the first entry. */
  readonly first: number;
  /** Of each entry's frame, in bytes / 8. */
  readonly offsets: Uint32Array;
  /** Byte where the last one's frame, or what lies between it and the next entry, ends. */
  readonly end: number;
  /** Byte of a frame before the first entry's: the CRC it holds is the one from which the chain is checked. */
  readonly seed: number;
}

/** The retained entries of one segment: those that no later entry has replaced. */
class SegmentEntries {
  readonly sequence: number;
  readonly first: number;
  seed: number;
  end = 0;
  count = 0;
  #offsets = new Uint32Array(FIRST_CAPACITY);

  constructor(sequence: number, first: number, seed: number) {
    this.sequence = sequence;
    this.first = first;
    this.seed = seed;
  }

  /** Index after the last entry. */
  get next(): number {
    return this.first + this.count;
  }

  push({ offset, end }: Place): void {
    if (this.count === this.#offsets.length) {
      const grown = new Uint32Array(this.count * 2);
      grown.set(this.#offsets);
      this.#offsets = grown;
    }
    this.#offsets[this.count++] = offset / UNIT_BYTES;
    this.end = end;
  }

  truncate(index: number): void {
    if (index >= this.next) return;
    this.end = this.offsetOf(index);
    this.count = index - this.first;
  }

  /** Byte of the entry's frame. */
  offsetOf(index: number): number {
    return (this.#offsets[index - this.first] as number) * UNIT_BYTES;
  }

  /** Byte up to which the entry's frame reaches, and the records between it and the next entry. */
  endOf(index: number): number {
    return index + 1 < this.next ? this.offsetOf(index + 1) : this.end;
  }

  extent(low: number, high: number): Extent {
    return {
      sequence: this.sequence,
      first: low,
      offsets: this.#offsets.slice(low - this.first, high - this.first),
      end: this.endOf(high - 1),
      seed: low > this.first ? this.offsetOf(low - 1) : this.seed,
    };
  }
}

/**
 * Where the retained entries of a log lie, four bytes an entry, and what their terms are. It follows the records in the
 * order they were written: a later entry replaces those from its index on, a snapshot that isn't a point of the log
 * starts it anew behind itself, and a segment that is deleted takes its entries with it.
 */
export class EntryIndex {
  #base: number;
  #last: number;
  readonly #terms = new TermRuns();
  #segments: SegmentEntries[] = [];
  /** In the segment being written: the frame behind which the log began anew. */
  #restart: { readonly sequence: number; readonly offset: number } | undefined;

  /** `firstIndex`: of the first entry that the log can hold. */
  constructor(firstIndex: number) {
    this.#base = firstIndex - 1;
    this.#last = this.#base;
    if (firstIndex === 1) this.#terms.push(0, 0);
  }

  /** Index of the first entry that is there; one after the last where there is none. */
  get firstIndex(): number {
    return this.#base + 1;
  }

  /** Index of the newest entry, or of the snapshot the log goes on from. */
  get lastIndex(): number {
    return this.#last;
  }

  /** Of a retained entry, and of the one before the first where that is known. */
  term(index: number): number | undefined {
    return index >= this.#base && index <= this.#last ? this.#terms.at(index) : undefined;
  }

  /** The entry was written there; its index is at most `lastIndex` + 1. */
  add(index: number, term: number, place: Place): void {
    assert(index <= this.#last + 1, `entry ${index} follows entry ${this.#last}`);
    if (index <= this.#last) this.#truncate(index);
    this.#last = index;
    this.#terms.push(index, term);
    this.#tail(index, place.sequence).push(place);
  }

  #truncate(index: number): void {
    this.#terms.truncate(index);
    while ((this.#segments.at(-1)?.first ?? 0) >= index) this.#segments.pop();
    this.#segments.at(-1)?.truncate(index);
    // After a restart the oldest segment's name may promise less than it holds.
    if (index <= this.#base) this.#base = index - 1;
  }

  #tail(index: number, sequence: number): SegmentEntries {
    const last = this.#segments.at(-1);
    if (last?.sequence === sequence) return last;
    const seed = this.#restart?.sequence === sequence ? this.#restart.offset : 0;
    const added = new SegmentEntries(sequence, index, seed);
    this.#segments.push(added);
    return added;
  }

  /** The snapshot was recorded there. True: the log begins anew after it. */
  addSnapshot({ index, term }: SnapshotMetadata, { sequence, offset }: Place): boolean {
    // Every log begins with an empty one.
    if (index === 0) return false;
    const known = this.term(index);
    // A snapshot of this log itself, at an entry it has or had: the log goes on as it was.
    if (index <= this.#last && (known === undefined || known === term)) return false;
    this.#segments = [];
    this.#terms.clear();
    this.#terms.push(index, term);
    this.#base = index;
    this.#last = index;
    this.#restart = { sequence, offset };
    return true;
  }

  /** The oldest segment is going to be deleted. */
  drop(sequence: number): void {
    const [oldest] = this.#segments;
    if (oldest?.sequence !== sequence) return;
    this.#segments.shift();
    this.#base = oldest.next - 1;
    this.#terms.release(this.#base);
  }

  /**
   * Where entries [low, high) lie, all of them retained: at least the first, then as many as `maxBytes` of the log hold.
   * It stays true while entries are added, for these.
   */
  locate(
    low: number,
    high: number,
    maxBytes: number,
  ): { readonly extents: Extent[]; readonly terms: TermRuns } {
    assert(
      low >= this.firstIndex && low < high && high <= this.#last + 1,
      `entries ${low} to ${high - 1} of a log of ${this.firstIndex} to ${this.#last}`,
    );
    const extents: Extent[] = [];
    let room = maxBytes;
    let next = low;
    for (const segment of this.#segments) {
      if (segment.next <= next) continue;
      const until = Math.min(high, segment.next);
      const from = segment.offsetOf(next);
      let to = extents.length === 0 ? next + 1 : next;
      while (to < until && segment.endOf(to) - from <= room) to++;
      if (to === next) break;
      extents.push(segment.extent(next, to));
      room -= segment.endOf(to - 1) - from;
      next = to;
      if (to < segment.next || to === high) break;
    }
    return { extents, terms: this.#terms.clone() };
  }
}
