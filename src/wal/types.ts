import type { Clock } from '../io/clock.js';
import type { Entry, HardState, SnapshotMetadata } from '../proto/generated/raft.js';
import type { Metadata } from '../proto/generated/wal.js';

/** Written into every log's metadata (etcd writes none, which reads as 0); a log with a larger one is refused. */
export const WAL_FORMAT = 1;

export interface WalOptions {
  readonly clock: Clock;
  /** Size of a segment, bytes; default {@link SEGMENT_BYTES}. A batch that is larger gets a larger one. */
  readonly segmentBytes?: number;
  /** Called after each batch that was written durably, with how long that took. */
  readonly onSync?: (durationMs: number) => void;
  /**
   * Called with true when the disk is too full for the next segment, and with false when it fitted after all. Until
   * then the log goes on in the segment it has; a batch that finds no room there waits.
   */
  readonly onDiskFull?: (full: boolean) => void;
}

/** Everything a log holds from an index on, as {@link Wal.open} found it. */
export interface WalContents {
  readonly metadata: Metadata;
  /** Of the last hard-state record; undefined in a log that has none yet. */
  readonly hardState: HardState | undefined;
  /**
   * Entries after the index asked for, in order and without gaps, later ones having replaced what they overwrote. They
   * begin later than the next index only if `snapshot` is ahead of the index asked for: an installed snapshot, from
   * which the log goes on.
   */
  readonly entries: Entry[];
  /** The newest snapshot record that the retained segments hold. */
  readonly snapshot: SnapshotMetadata | undefined;
  /** Bytes cut off the torn tail of the last segment; 0: it ended cleanly. */
  readonly tornBytes: number;
}
