import type { RawNode } from '../raft/rawnode.js';
import type { Store } from '../store/store.js';
import type { Wal } from '../wal/wal.js';
import type { MemberLog } from './log-storage.js';

export interface LogRetentionParts {
  readonly raft: RawNode;
  readonly wal: Wal;
  readonly storage: MemberLog;
  readonly store: Store;
  /** Entries kept behind the state, for members that lag. */
  readonly catchUpEntries: number;
  /** What is kept for transfers under way ends here; bytes of log. */
  readonly maxHeldBytes: number;
  readonly walSegmentBytes: number;
}

/**
 * Lets go of entries that the state on disk covers. Those behind a state that is on its way to another member stay until
 * it replicates again: it would need the next transfer at once otherwise, and so for ever under load.
 */
export class LogRetention {
  readonly #parts: LogRetentionParts;
  /** Receiver → the index that the state it is being sent holds at least. */
  readonly #transfers = new Map<bigint, number>();

  constructor(parts: LogRetentionParts) {
    this.#parts = parts;
  }

  /** A transfer begins; its copy is made after this. */
  sending(to: bigint): void {
    this.#transfers.set(to, this.#parts.store.flushedIndex);
  }

  /** A transfer has ended. After success the entries stay until the receiver has told where it is. */
  sent(to: bigint, succeeded: boolean): void {
    if (!succeeded) this.#transfers.delete(to);
  }

  release(): void {
    const { wal, storage, store, catchUpEntries } = this.#parts;
    const applied = store.applied.index;
    this.#forgetArrived();
    let index = Math.min(store.flushedIndex, applied) - catchUpEntries;
    for (const held of this.#transfers.values()) index = Math.min(index, held);
    // A log that failed says so to its next writer too, and that one halts the member.
    void wal.release(index).catch(() => undefined);
    // A follower may be served whatever the WAL still holds: the rest of its oldest segment too.
    storage.trim(applied);
  }

  #forgetArrived(): void {
    if (this.#transfers.size === 0) return;
    const { raft, wal, walSegmentBytes, maxHeldBytes } = this.#parts;
    const { progress } = raft.status;
    const tooMuch = wal.segments.length * walSegmentBytes > maxHeldBytes;
    for (const [to] of this.#transfers) {
      const state = progress.find(({ id }) => id === to)?.state;
      // Gone, or this member leads no more.
      if (state === undefined || state === 'replicate' || tooMuch) this.#transfers.delete(to);
    }
  }
}
