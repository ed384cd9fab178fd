import type { ByteString } from '../base/bytes.js';

/** A key at one version. Values are shared, never changed. */
export interface KeyValue {
  readonly key: ByteString;
  readonly value: Buffer;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  /** 0n: none. */
  readonly lease: bigint;
}

/** One key (`end` is ''), or [key, end); `end` '\0' is "every key from key on" (etcd's range_end). */
export interface KeyRange {
  readonly key: ByteString;
  readonly end: ByteString;
}

export type SortTarget = 'key' | 'version' | 'create' | 'mod' | 'value';

/** etcd's RangeRequest: filters and sort run before limit; count ignores limit and filters. */
export interface RangeQuery extends KeyRange {
  /** 0: the newest. */
  readonly revision: number;
  /** 0: none. */
  readonly limit: number;
  readonly order: 'none' | 'ascend' | 'descend';
  readonly target: SortTarget;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  /** 0: no bound. Inclusive. */
  readonly minModRevision: number;
  readonly maxModRevision: number;
  readonly minCreateRevision: number;
  readonly maxCreateRevision: number;
  /** The caller needs no `count`: the read may end with the last pair that it wants. */
  readonly uncounted?: boolean;
}

export interface RangeResult {
  readonly kvs: readonly KeyValue[];
  readonly count: number;
  readonly more: boolean;
  /** The store's newest revision when the read began. */
  readonly revision: number;
}

/** What happened to one key. A delete's `kv` has only key and modRevision (the other fields are zero, the value empty). */
export interface StoreEvent {
  readonly type: 'put' | 'delete';
  readonly kv: KeyValue;
  /** The pair just before; undefined: there was none, or it is compacted. Read only when asked for. */
  previous(): KeyValue | undefined;
}

/** All events of one revision that a watcher asked for, in the order of their sub-revision. */
export interface WatchBatch {
  readonly revision: number;
  readonly events: readonly StoreEvent[];
  /** Clock.monotonicMs() of the commit, for latencies; undefined for events replayed from history. */
  readonly committedAtMs: number | undefined;
}

export interface WatchSpec extends KeyRange {
  /** 0: from the next revision on. Otherwise the first revision of interest, which may lie in the future. */
  readonly startRevision: number;
  readonly noPut: boolean;
  readonly noDelete: boolean;
}

/** The receiving end of a watch. Called from the store's turn: it must be quick and must not throw. */
export interface WatchSink {
  /**
   * Takes one revision, whole. False: taken, but no more for now; the watcher keeps its position (not a queue) and
   * replays from history after {@link Watcher.resume}.
   */
  deliver(batch: WatchBatch): boolean;
  /** History before the watcher's position is gone; the watcher has ended. */
  compacted(compactRevision: number): void;
}

export interface Watcher {
  /** True while no event at or below the store's revision is still to be delivered. */
  readonly synced: boolean;
  /** The first revision not yet delivered. */
  readonly position: number;
  /** After a `deliver` that answered false: room again. */
  resume(): void;
  cancel(): void;
}
