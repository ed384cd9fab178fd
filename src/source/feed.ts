import type { ByteString } from '../base/bytes.js';
import type { KeyRange } from './ranges.js';
import type { ChangeBatch, Pair } from './types.js';

/** A pair as the store has it: the same shape as store/'s KeyValue, so that it can be passed on as it is. */
export interface FeedPair {
  readonly key: ByteString;
  readonly value: Buffer;
  readonly modRevision: number;
}

/** All of one revision; the same shape as store/'s WatchBatch. */
export interface FeedBatch {
  readonly revision: number;
  readonly events: readonly { readonly type: 'put' | 'delete'; readonly kv: FeedPair }[];
  /** Clock.monotonicMs() of the commit; undefined for the past. */
  readonly committedAtMs: number | undefined;
}

/** The receiving end of a watch; the same contract as store/'s WatchSink. */
export interface FeedSink {
  /** False: taken, but no more until `resume`. */
  deliver(batch: FeedBatch): boolean;
  /** History before the watcher's position is gone; the watcher has ended. */
  compacted(compactRevision: number): void;
}

export interface FeedWatcher {
  resume(): void;
  cancel(): void;
}

/** What a member provides for the sources in the worker: its applied state and what happens to it. */
export interface EmbeddedFeed {
  /** The cluster ID in hex. */
  readonly origin: string;
  /** False: the member is cut off, or an election is under way. Nothing new comes, and what is there stays readable. */
  readonly leaderKnown: boolean;
  /**
   * Resolves when the applied state may be rendered: at once for a member that has ever caught up, else after one read
   * index. Rejects where no leader answers in time: ask again.
   */
  ready(): Promise<void>;
  /**
   * The first `limit` pairs of a range, in key order, at a revision (0: the newest applied one), without asking for a quorum.
   * Fails with `out_of_range` where the revision is compacted.
   */
  page(
    range: KeyRange,
    revision: number,
    limit: number,
  ): Promise<{ readonly revision: number; readonly pairs: readonly FeedPair[]; readonly more: boolean }>;
  /** Tells every revision of the whole keyspace from `startRevision` on, each once, in order. */
  watch(startRevision: number, sink: FeedSink): FeedWatcher;
}

/** From the worker: `id` names one following. */
export type FeedRequest =
  | { readonly type: 'follow'; readonly id: number; readonly subtrees: readonly string[] }
  /** One `pairs` or `changes` has been dealt with. */
  | { readonly type: 'ack'; readonly id: number }
  | { readonly type: 'close'; readonly id: number };

/** To the worker. */
export type FeedMessage =
  /** A part of a snapshot. */
  | { readonly type: 'pairs'; readonly id: number; readonly pairs: readonly Pair[] }
  /** It is complete. */
  | { readonly type: 'snapshot'; readonly id: number; readonly origin: string; readonly revision: number }
  /** What came of an unfinished snapshot is void: it begins again. */
  | { readonly type: 'restart'; readonly id: number }
  /** `committedAtMs` is on the time scale that all threads share. */
  | { readonly type: 'changes'; readonly id: number; readonly batch: ChangeBatch }
  /** News comes again, or for the first time. */
  | { readonly type: 'found'; readonly id: number }
  /** No news comes. `sinceMs`: Clock.wallMs(). */
  | { readonly type: 'lost'; readonly id: number; readonly reason: string; readonly sinceMs: number };

/**
 * Milliseconds to add to this thread's Clock.monotonicMs() for the time scale of all threads of the process. For the real
 * clock only: virtual ones are shared as they are.
 */
export function sharedTimeOffsetMs(monotonicMs: number): number {
  return Number(process.hrtime.bigint()) / 1e6 - monotonicMs;
}
