import { assert } from '../base/assert.js';
import type { Entry, Snapshot } from './types.js';

const NONE: readonly Entry[] = [];

/**
 * The end of the log that isn't durable yet: what is being written (one batch at most), followed by what waits for the
 * next write. Entries that a new leader overwrites while they are being written are dropped from `writing`, so the end
 * of that write makes durable here exactly what is still in the log, whatever else reached the disk.
 */
export class Unstable {
  /** Index of the first entry of `writing`, or of `waiting` where that is empty. */
  #offset: number;
  #writing: readonly Entry[] = NONE;
  #waiting: Entry[] = [];
  #snapshot: Snapshot | undefined;
  #snapshotWriting = false;

  constructor(offset: number) {
    this.#offset = offset;
  }

  get offset(): number {
    return this.#offset;
  }

  /** Last index, or `offset - 1` without entries. */
  get lastIndex(): number {
    return this.#offset + this.#writing.length + this.#waiting.length - 1;
  }

  /** A snapshot that has replaced the log and isn't durable yet. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** Something that a next write must hold. */
  get hasWaiting(): boolean {
    return this.#waiting.length > 0 || (this.#snapshot !== undefined && !this.#snapshotWriting);
  }

  at(index: number): Entry | undefined {
    const position = index - this.#offset;
    if (position < this.#writing.length) return this.#writing[position];
    return this.#waiting[position - this.#writing.length];
  }

  /** Appends entries [low, high) to `into`; all of them are here. */
  collect(low: number, high: number, into: Entry[]): void {
    for (let index = low; index < high; index++) into.push(this.at(index) as Entry);
  }

  push(entry: Entry): void {
    this.#waiting.push(entry);
  }

  /** Forgets `index` and all after it, durable ones included. */
  truncate(index: number): void {
    if (index <= this.#offset) {
      this.#offset = index;
      this.#writing = NONE;
      this.#waiting = [];
    } else {
      const kept = index - this.#offset;
      if (kept < this.#writing.length) {
        this.#writing = this.#writing.slice(0, kept);
        this.#waiting = [];
      } else {
        this.#waiting.length = kept - this.#writing.length;
      }
    }
  }

  /** The log is replaced by a snapshot; entries follow it. */
  restore(snapshot: Snapshot, index: number): void {
    this.#offset = index + 1;
    this.#writing = NONE;
    this.#waiting = [];
    this.#snapshot = snapshot;
    this.#snapshotWriting = false;
  }

  /** Hands out what waits as one write. The arrays handed out aren't touched again. */
  take(): { snapshot: Snapshot | undefined; entries: readonly Entry[] } {
    assert(this.#writing.length === 0 && !this.#snapshotWriting, 'two writes to the log at a time');
    if (this.#waiting.length > 0) {
      this.#writing = this.#waiting;
      this.#waiting = [];
    }
    this.#snapshotWriting = this.#snapshot !== undefined;
    return { snapshot: this.#snapshot, entries: this.#writing };
  }

  /** The write handed out is durable. */
  written(): void {
    if (this.#snapshotWriting) {
      this.#snapshot = undefined;
      this.#snapshotWriting = false;
    }
    this.#offset += this.#writing.length;
    this.#writing = NONE;
  }
}
