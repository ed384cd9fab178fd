import type { Entry } from '../../../src/proto/generated/raft.js';
import { MemoryStorage } from '../../../src/raft/memory-storage.js';
import type { Unavailable } from '../../../src/raft/types.js';

const PAGE_ENTRIES = 5;

/** A storage that can say of old entries that they are on disk, until somebody fetches them: one page at a time. */
export class PagedStorage extends MemoryStorage {
  /** Entries before this one are on disk. */
  #inMemoryFrom = 0;
  #page = { low: 0, high: 0 };
  #wanted: number | undefined;
  /** How often raft was told so. */
  refusals = 0;

  /** Entries up to `index`, all of them applied, leave the memory. */
  evict(index: number): void {
    this.#inMemoryFrom = Math.max(this.#inMemoryFrom, index + 1);
    this.#page = { low: 0, high: 0 };
  }

  override entries(low: number, high: number, maxBytes: number): Entry[] | Unavailable {
    if (low < this.firstIndex() || low >= this.#inMemoryFrom) return super.entries(low, high, maxBytes);
    if (low >= this.#page.low && low < this.#page.high) {
      return super.entries(low, Math.min(high, this.#page.high), maxBytes);
    }
    this.refusals++;
    this.#wanted ??= low;
    return 'on disk';
  }

  get isFetching(): boolean {
    return this.#wanted !== undefined;
  }

  /** The read ends; raft is to be told. A read that was cut off brought nothing. */
  fetched(): void {
    const low = this.#wanted;
    if (low === undefined) return;
    this.#wanted = undefined;
    this.#page = { low, high: low + PAGE_ENTRIES };
  }

  /** A restart has all entries after the applied one in memory, and no read under way. */
  restarted(applied: number): void {
    this.#inMemoryFrom = Math.min(this.#inMemoryFrom, applied + 1);
    this.#wanted = undefined;
    this.#page = { low: 0, high: 0 };
  }
}
