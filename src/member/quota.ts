import type { RequestKind } from './request-codec.js';

/** What a request is taken to add beside its bytes: records, events, free pages (etcd charges the same for a put). */
const PUT_OVERHEAD_BYTES = 512;

/**
 * Watches the size of the state against `--quota-backend-bytes`. It only raises the alarm: what apply refuses is
 * decided by the replicated alarm, never by this member's own disk.
 */
export class Quota {
  readonly #limitBytes: number;
  #measuredBytes = 0;
  /** Admitted since the last measurement. */
  #admittedBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Takes over a measurement of the bytes in use. */
  measured(bytes: number): void {
    this.#measuredBytes = bytes;
    this.#admittedBytes = 0;
  }

  /** Whether a request that may grow the state still fits; one that can't grow it always does. */
  admits(kind: RequestKind, bytes: number): boolean {
    if (kind.$case !== 'put' && kind.$case !== 'txn' && kind.$case !== 'leaseGrant') return true;
    const cost = bytes + PUT_OVERHEAD_BYTES;
    if (this.#measuredBytes + this.#admittedBytes + cost >= this.#limitBytes) return false;
    this.#admittedBytes += cost;
    return true;
  }
}
