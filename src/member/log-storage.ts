import { ConfetdError } from '../base/errors.js';
import type { Entry, Snapshot, SnapshotMetadata } from '../proto/generated/raft.js';
import { ENTRY_OVERHEAD_BYTES, MemoryStorage, sliceWithin } from '../raft/memory-storage.js';
import type { LogStorage, Unavailable } from '../raft/types.js';
import type { Wal } from '../wal/wal.js';

const MiB = 1024 * 1024;
/** More reads wait for raft's next question. */
const MAX_FETCHES = 2;
/** Pages kept: as many as can arrive before raft asks again, and those for others that lag by as much. */
const MAX_PAGES = 4;

export interface MemberLogOptions {
  readonly wal: Pick<Wal, 'firstIndex' | 'term' | 'read'>;
  /** The entry that the state had applied at start. */
  readonly base: { readonly index: number; readonly term: number };
  /** What the WAL holds behind it. */
  readonly entries: readonly Entry[];
  /** Of entries in memory; those not applied may pass it. */
  readonly maxBytes: number;
  /** Bytes of the log that one read brings back (one entry may pass them); 1 MiB. Raft asks for less at a time. */
  readonly pageBytes?: number;
  /** Stands for the state at the applied index; undefined: none can be sent now. */
  snapshot(): Snapshot | undefined;
  /** A read from the disk has ended: raft may be told ({@link RawNode.entriesFetched}). */
  fetched(): void;
  /** Entries couldn't be read back: `wal_corrupt` or `disk`. They are read again when raft asks again. */
  failed(error: Error): void;
}

/** Entries read back from the disk, without gaps. All of them are applied, so they never change. */
interface Page {
  readonly first: number;
  readonly entries: readonly Entry[];
}

/**
 * The durable log as raft reads it: the newest entries in memory, as many as fit into a number of bytes and all that
 * aren't applied; older ones in the WAL, from which they are brought back page by page when a follower lags. It reaches
 * back as far as the WAL does, across restarts too.
 */
export class MemberLog implements LogStorage {
  readonly #options: MemberLogOptions;
  #memory: MemoryStorage;
  /** The one used last comes last. */
  #pages: Page[] = [];
  /** First indexes of the reads under way. */
  readonly #fetching = new Set<number>();

  /** Fails with `data_folder` where log and state can't belong together. */
  constructor(options: MemberLogOptions) {
    const { wal, base, entries } = options;
    const logged = wal.term(base.index);
    if (logged !== undefined && logged !== base.term) {
      throw new ConfetdError(
        'data_folder',
        `the state has applied entry ${base.index} of term ${base.term}, and in the log that entry is of term ${logged}: log and state are not of one data folder; restore the whole data folder from one backup`,
      );
    }
    this.#options = options;
    this.#memory = new MemoryStorage(base);
    this.#memory.append(entries);
  }

  /** What entries take in memory, bytes. */
  get bytes(): number {
    let bytes = this.#memory.bytes;
    for (const { entries } of this.#pages)
      for (const { data } of entries) bytes += data.length + ENTRY_OVERHEAD_BYTES;
    return bytes;
  }

  firstIndex(): number {
    const { wal } = this.#options;
    const { firstIndex } = wal;
    // Raft needs the term before the first entry. A restart knows it no more once its segment is gone.
    const retained = wal.term(firstIndex - 1) === undefined ? firstIndex + 1 : firstIndex;
    return Math.min(retained, this.#memory.firstIndex());
  }

  lastIndex(): number {
    return this.#memory.lastIndex();
  }

  term(index: number): number | undefined {
    if (index >= this.#memory.firstIndex() - 1) return this.#memory.term(index);
    return index >= this.firstIndex() - 1 ? this.#options.wal.term(index) : undefined;
  }

  entries(low: number, high: number, maxBytes: number): readonly Entry[] | Unavailable {
    if (low >= this.#memory.firstIndex()) return this.#memory.entries(low, high, maxBytes);
    if (low < this.firstIndex()) return 'cut off';
    const at = this.#pages.findIndex(({ first, entries }) => low >= first && low < first + entries.length);
    if (at < 0) {
      this.#fetch(low);
      return 'on disk';
    }
    const [page] = this.#pages.splice(at, 1) as [Page];
    this.#pages.push(page);
    const { first, entries } = page;
    return sliceWithin(entries, low - first, Math.min(high - first, entries.length), maxBytes);
  }

  #fetch(low: number): void {
    if (this.#fetching.has(low) || this.#fetching.size >= MAX_FETCHES) return;
    const options = this.#options;
    const { wal, pageBytes = MiB } = options;
    this.#fetching.add(low);
    wal.read(low, this.#memory.firstIndex(), pageBytes).then(
      (entries) => {
        this.#fetching.delete(low);
        this.#pages.push({ first: low, entries });
        if (this.#pages.length > MAX_PAGES) this.#pages.shift();
        options.fetched();
      },
      (error: Error) => {
        this.#fetching.delete(low);
        const closed = error instanceof ConfetdError && error.code === 'cancelled';
        if (!closed) options.failed(error);
      },
    );
  }

  snapshot(): Snapshot | undefined {
    return this.#options.snapshot();
  }

  /** Entries that have become durable; they replace what is held from the first one's index on. */
  append(entries: readonly Entry[]): void {
    this.#memory.append(entries);
  }

  /** A received snapshot has become durable: the log begins anew after it. */
  applySnapshot({ index, term }: SnapshotMetadata): void {
    this.#memory = new MemoryStorage({ index, term });
    this.#pages = [];
  }

  /** Lets go of what is over the bytes allowed in memory, never of an entry after `appliedIndex`. */
  trim(appliedIndex: number): void {
    this.#memory.trim(appliedIndex, this.#options.maxBytes);
  }
}
