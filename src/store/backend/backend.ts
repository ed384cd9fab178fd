import type { ByteString } from '../../base/bytes.js';
import type { Rest } from '../../io/clock.js';

/**
 * Tables of the state. `latest`: key → its newest version. `past`: (key, revision) → a version that was replaced or
 * deleted. `events`: (revision, position) → what happened. `leaseKeys`: (lease, key) → nothing. `meta`: the store's
 * own, and what a member must know before it opens its log. The others belong to the rooms that they are named after.
 */
export const TABLES = [
  'latest',
  'past',
  'events',
  'leaseKeys',
  'leases',
  'members',
  'removedMembers',
  'alarms',
  'auth',
  'users',
  'roles',
  'directories',
  'meta',
] as const;

export type TableName = (typeof TABLES)[number];

export interface Row {
  readonly key: ByteString;
  /** Empty where only keys were asked for. Never changed by anyone. */
  readonly value: Buffer;
}

export interface RowRange {
  /** Inclusive. */
  readonly start: ByteString;
  /** Exclusive; undefined: to the last key. */
  readonly end: ByteString | undefined;
  /** At most so many rows; the caller goes on from the last key. */
  readonly limit: number;
  /** From the end towards the start. */
  readonly reverse?: boolean;
  readonly keysOnly?: boolean;
}

/** One change of a batch; without a value the row is removed. Keys aren't empty. */
export interface Write {
  readonly table: TableName;
  readonly key: ByteString;
  readonly value: Buffer | undefined;
}

/** A copy of the whole state at one moment, on its way to another member. */
export interface BackendCopy {
  readonly bytes: number;
  /** May be read once. A chunk is overwritten when the next is asked for. */
  chunks(): AsyncIterable<Buffer>;
  /**
   * Frees what the copy holds; to be called however reading ended. Other users of the disk are held up by it: `rest`
   * gives them so many milliseconds at a time, for who can wait.
   */
  close(rest?: Rest): Promise<void>;
}

/** There is no room for a batch where the state is kept. Nothing of it was written, and what was there is unharmed. */
export class BackendFullError extends Error {
  override readonly name = 'BackendFullError';
}

/**
 * Ordered tables of bytes that change by atomic, durable batches. Reads are synchronous, see the newest resolved batch
 * at least, and hold nothing after they have returned.
 */
export interface Backend {
  get(table: TableName, key: ByteString): Buffer | undefined;
  range(table: TableName, range: RowRange): Row[];
  /**
   * One batch, all or nothing; resolves when it would survive a power loss and reads see it. One at a time. A long one
   * is taken over several turns, so what it lists must not change until then. After a rejection with
   * {@link BackendFullError} it may be repeated; after any other the state is unknown, and nothing may be written any
   * more.
   */
  write(writes: Iterable<Write>): Promise<void>;
  /** Bytes that the state takes where it is kept, and those of them that aren't free for reuse. */
  size(): { readonly total: number; readonly inUse: number };
  /** A consistent copy of what has been written. */
  copy(): Promise<BackendCopy>;
  /** No write may be under way, but for one that is given up. */
  close(): Promise<void>;
}
