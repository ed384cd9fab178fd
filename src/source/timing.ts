/** How long a store is waited for, in milliseconds. What is left out is the source's own. */
export interface SourceTiming {
  /** For a connection to one node. */
  readonly dialTimeoutMs?: number;
  /** For one request to etcd, or one reading of another store. */
  readonly readTimeoutMs?: number;
  /** Before the first retry, and the most that this doubles to. */
  readonly firstRetryMs?: number;
  readonly maxRetryMs?: number;
  /** Of a `load` whose store can't be reached; once unless told. */
  readonly loadAttempts?: number;
}
