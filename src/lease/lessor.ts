import { etcdError } from '../base/etcd-errors.js';
import type { Sliced } from '../base/sliced.js';
import type { Clock } from '../io/clock.js';
import { StoredLease } from '../proto/generated/store.js';
import { leaseBytes } from '../store/keys.js';
import type { Store } from '../store/store.js';
import type { KeyValue } from '../store/types.js';
import type { WriteTxn } from '../store/write-txn.js';
import { DeadlineHeap } from './deadline-heap.js';

/** Seconds; etcd's bound. */
export const MAX_TTL_SECONDS = 9_000_000_000;

/** A lease that was reported as expired and is still there (its revocation got lost) is reported again so much later. */
const REPORT_AGAIN_MS = 3_000;
const LOAD_ROWS = 1_000;
const SWEEP_SLACK = 1_000;

export interface LessorOptions {
  readonly clock: Clock;
  /** ceil(1.5 × election timeout): less could not outlast a change of leaders. Seconds. */
  readonly minTtlSeconds: number;
}

export interface LeaseStatus {
  readonly id: bigint;
  /** As granted, in seconds. */
  readonly grantedTtl: number;
  /** Whole seconds left, rounded down; 0: less than one. */
  readonly ttl: number;
}

interface Lease {
  readonly id: bigint;
  readonly ttl: number;
  /** Clock.monotonicMs() before which it doesn't end; Infinity: this member doesn't lead, and doesn't judge. */
  deadlineMs: number;
}

/**
 * Leases. Which ones exist is replicated state: granted and revoked by entries, kept in table `leases`. When they end
 * is the leader's alone to say, by its own monotonic clock: it proposes to revoke what has expired. A new leader gives
 * every lease its whole time again, so none ends early.
 */
export class Lessor {
  readonly #clock: Clock;
  readonly #minTtlSeconds: number;
  readonly #leases = new Map<bigint, Lease>();
  readonly #deadlines = new DeadlineHeap<Lease>();
  #primary = false;

  constructor({ clock, minTtlSeconds }: LessorOptions) {
    this.#clock = clock;
    this.#minTtlSeconds = minTtlSeconds;
  }

  /** Reads the leases of a store that was just opened, or restored from a snapshot. */
  load(store: Store): void {
    this.#leases.clear();
    this.#deadlines.clear();
    const table = store.table('leases');
    for (let start = ''; ; ) {
      const rows = table.range({ start, end: undefined, limit: LOAD_ROWS });
      for (const { value } of rows) {
        const { id, ttl } = StoredLease.decode(value);
        this.#add(id, ttl);
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < LOAD_ROWS) return;
      start = `${last.key}\0`;
    }
  }

  /**
   * The TTL to propose for the one asked for: no less than the minimum. Asked before proposing, because the minimum
   * is a local flag and applying must not depend on one. Throws `out_of_range` over {@link MAX_TTL_SECONDS}.
   */
  proposedTtl(ttl: number): number {
    if (ttl > MAX_TTL_SECONDS) throw etcdError('leaseTtlTooLarge');
    return Math.max(ttl, this.#minTtlSeconds);
  }

  has(id: bigint): boolean {
    return this.#leases.has(id);
  }

  /**
   * Applies a grant. Throws `failed_precondition` where the ID is taken, `not_found` for ID 0, `out_of_range` for a
   * TTL that is too large.
   */
  grant(txn: WriteTxn, id: bigint, ttl: number): void {
    // The proposer draws an ID where the client gave none, so 0 never gets here from one of ours.
    if (id === 0n) throw etcdError('leaseNotFound');
    if (ttl > MAX_TTL_SECONDS) throw etcdError('leaseTtlTooLarge');
    if (this.#leases.has(id)) {
      throw etcdError('leaseExists');
    }
    const row = StoredLease.encode({ id, ttl }).finish();
    txn.table('leases').put(leaseBytes(id), Buffer.from(row.buffer, row.byteOffset, row.length));
    this.#add(id, ttl);
  }

  /**
   * Applies a revocation: the lease's keys go, sorted, in one revision. Until the entry ends the lease is there for all
   * others, as its keys are. Throws `not_found`.
   */
  *revoke(txn: WriteTxn, id: bigint): Sliced<KeyValue[]> {
    if (!this.#leases.has(id)) throw etcdError('leaseNotFound');
    txn.whenEnded(() => {
      this.#leases.delete(id);
      this.#sweep();
    });
    const deleted = yield* txn.deleteLeaseKeys(id);
    txn.table('leases').remove(leaseBytes(id));
    return deleted;
  }

  /**
   * Gives a lease its whole time again, and answers it in seconds. Throws `not_found` for one that is unknown or has
   * expired, even if it hasn't been revoked yet: it will be.
   */
  renew(id: bigint): number {
    const lease = this.#leases.get(id);
    const now = this.#clock.monotonicMs();
    if (lease === undefined || lease.deadlineMs <= now) throw etcdError('leaseNotFound');
    // The heap learns of it when the former deadline comes up.
    if (this.#primary) lease.deadlineMs = now + lease.ttl * 1_000;
    return lease.ttl;
  }

  /** Undefined: unknown, or expired. Only the leader knows what is left. */
  timeToLive(id: bigint): LeaseStatus | undefined {
    const lease = this.#leases.get(id);
    if (lease === undefined) return undefined;
    if (!this.#primary) return { id, grantedTtl: lease.ttl, ttl: lease.ttl };
    const leftMs = lease.deadlineMs - this.#clock.monotonicMs();
    return leftMs <= 0 ? undefined : { id, grantedTtl: lease.ttl, ttl: Math.floor(leftMs / 1_000) };
  }

  /** Of all leases, sorted. */
  list(): bigint[] {
    return [...this.#leases.keys()].sort((a, b) => (a < b ? -1 : 1));
  }

  /** This member leads now: every lease gets its whole time, and `extendMs` more (what the election may have cost). */
  promote(extendMs: number): void {
    this.#primary = true;
    this.#deadlines.clear();
    const now = this.#clock.monotonicMs();
    for (const lease of this.#leases.values()) {
      lease.deadlineMs = now + extendMs + lease.ttl * 1_000;
      this.#deadlines.push(lease.deadlineMs, lease);
    }
  }

  /** It leads no more: nothing expires here. */
  demote(): void {
    this.#primary = false;
    this.#deadlines.clear();
    for (const lease of this.#leases.values()) lease.deadlineMs = Number.POSITIVE_INFINITY;
  }

  /** Up to `limit` leases to revoke now. One that stays is reported again after three seconds. */
  expired(limit: number): bigint[] {
    const ids: bigint[] = [];
    const now = this.#clock.monotonicMs();
    while (ids.length < limit && this.#deadlines.earliestMs <= now) {
      const lease = this.#deadlines.pop();
      // One that was revoked meanwhile; its ID may belong to another by now.
      if (lease === undefined || this.#leases.get(lease.id) !== lease) continue;
      if (lease.deadlineMs > now) {
        this.#deadlines.push(lease.deadlineMs, lease);
        continue;
      }
      ids.push(lease.id);
      this.#deadlines.push(now + REPORT_AGAIN_MS, lease);
    }
    return ids;
  }

  #add(id: bigint, ttl: number): void {
    const deadlineMs = this.#primary ? this.#clock.monotonicMs() + ttl * 1_000 : Number.POSITIVE_INFINITY;
    const lease = { id, ttl, deadlineMs };
    this.#leases.set(id, lease);
    if (this.#primary) this.#deadlines.push(deadlineMs, lease);
  }

  /** Revoked leases stay in the heap until they come up, which may be in years. */
  #sweep(): void {
    if (this.#deadlines.size < 2 * this.#leases.size + SWEEP_SLACK) return;
    this.#deadlines.clear();
    for (const lease of this.#leases.values()) this.#deadlines.push(lease.deadlineMs, lease);
  }
}
