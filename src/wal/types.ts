import type { Entry, HardState, SnapshotMetadata } from '../proto/generated/raft.js';
import type { Metadata } from '../proto/generated/wal.js';

/** Everything a log holds from an index on, as {@link Wal.open} found it. */
export interface WalContents {
  readonly metadata: Metadata;
  /** Of the last hard-state record; undefined in a log that has none yet. */
  readonly hardState: HardState | undefined;
  /** Entries after the index asked for, in order, later ones having replaced what they overwrote. */
  readonly entries: Entry[];
  /** The newest snapshot record. */
  readonly snapshot: SnapshotMetadata | undefined;
  /** Bytes cut off the torn tail of the last segment; 0: it ended cleanly. */
  readonly tornBytes: number;
}
