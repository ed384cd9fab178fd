/** Bounds on what clients may ask; the names in comments are etcd's flags. */
export interface ApiLimits {
  /** max-txn-ops: bounds the larger of compares, success and failure of a transaction. */
  readonly maxTxnOps: number;
  /** max-request-bytes: bounds one request as it would be logged. */
  readonly maxRequestBytes: number;
  /** Bytes of one watch stream's answers that may wait for a slow reader before delivery pauses. */
  readonly watchBufferBytes: number;
  /** Watchers on one watch stream. */
  readonly maxWatchersPerStream: number;
  /** Keep-alives of one stream under way at once; reading pauses above it. */
  readonly maxKeepAlivesInFlight: number;
}

/** What gRPC framing may add above max-request-bytes, as etcd has it. */
export const GRPC_OVERHEAD_BYTES = 512 * 1024;

export const DEFAULT_API_LIMITS: ApiLimits = {
  maxTxnOps: 128,
  maxRequestBytes: 1.5 * 1024 * 1024,
  watchBufferBytes: 1024 * 1024,
  maxWatchersPerStream: 100_000,
  maxKeepAlivesInFlight: 64,
};

/** The largest gRPC message read, in bytes (2 MiB by default). */
export function maxReceiveBytes(limits: ApiLimits): number {
  return limits.maxRequestBytes + GRPC_OVERHEAD_BYTES;
}
