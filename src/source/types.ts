/** A key and its value as text, for templates and hooks; bytes that aren't UTF-8 as byte-text.ts has them. */
export interface Pair {
  readonly key: string;
  readonly value: string;
  /** 0 where the source has no revisions per key. */
  readonly modRevision: number;
}

/**
 * A path names itself and everything under `path/`; '' names every key. No trailing slash. This is how confd's
 * `keys` and `prefix` select.
 */
export type Subtree = string;

/** All pairs of the subtrees at one revision. */
export interface Snapshot {
  /** Whose revisions these are: a cluster ID in hex, `env`, `file:PATH`. */
  readonly origin: string;
  readonly revision: number;
  readonly pairs: readonly Pair[];
}

export type Change =
  | { readonly type: 'put'; readonly pair: Pair }
  | { readonly type: 'delete'; readonly key: string; readonly modRevision: number };

/** Changes up to and including `revision`: whole revisions, in order, possibly several merged into one. */
export interface ChangeBatch {
  readonly revision: number;
  readonly changes: readonly Change[];
  /** Clock.monotonicMs() when the newest of them was committed here, for latencies; undefined if unknown. */
  readonly committedAtMs: number | undefined;
}

/** What a following source tells, in order: a snapshot first, and again whenever it had to start over. */
export interface SourceListener {
  snapshot(snapshot: Snapshot): void;
  changes(batch: ChangeBatch): void;
  /** News comes from `where` from now on: first, and again after each `lost`. Says nothing of what has been missed. */
  found(where: string): void;
  /**
   * No news comes; it keeps trying by itself, with backoff. Once a spell. `sinceMs`: Clock.wallMs() at its beginning, where
   * that wasn't just now.
   */
  lost(reason: string, sinceMs?: number): void;
}

export interface Following {
  /** Tells nothing after it has resolved. */
  close(): Promise<void>;
}

/** The past of a source that keeps it. */
export interface History {
  /**
   * All pairs of the subtrees as they were at a revision. Fails with a `source` error where that is compacted, or still to
   * come.
   */
  loadAt(subtrees: readonly Subtree[], revision: number, signal: AbortSignal): Promise<Snapshot>;
  /**
   * A revision after `from` and up to `to` at which a key was deleted: the only one, unless it came back in between.
   * Undefined: it isn't there at `from`. The key must be gone at `to`.
   */
  deletedAt(key: string, from: number, to: number, signal: AbortSignal): Promise<number | undefined>;
}

/** Where keys come from. A source that can't be reached retries; it never ends the process. */
export interface Source {
  /** `embedded`, `etcdv3`, `env`, `file`, for logs and status. */
  readonly name: string;
  /** Undefined: there is no past to ask for. */
  readonly history?: History | undefined;
  /** One snapshot. Fails with a `source` error that says what was tried, no later than the signal. */
  load(subtrees: readonly Subtree[], signal: AbortSignal): Promise<Snapshot>;
  /** A snapshot and then every change. */
  follow(subtrees: readonly Subtree[], listener: SourceListener): Following;
  close(): Promise<void>;
}
