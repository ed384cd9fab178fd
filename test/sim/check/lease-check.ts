import type { Clock } from '../../../src/io/clock.js';
import type { Findings } from '../findings.js';
import type { Model } from './model.js';

/** No clock of a member runs faster than this. */
export const MAX_RATE = 1.02;

interface Lease {
  readonly ttlSeconds: number;
  /** Before it nothing but a client may end the lease; true time. */
  guaranteedUntilMs: number;
  /** A client has asked for its end. */
  revokeAsked: boolean;
  endedMs: number | undefined;
}

/**
 * Leases end when nobody wants them any more, and not before: each answered grant or keep-alive guarantees a whole
 * time to live from the moment it was asked for, by the fastest clock there is. When one ends its keys go with it.
 */
export class LeaseCheck {
  readonly #clock: Clock;
  readonly #findings: Findings;
  readonly #model: Model;
  readonly #leases = new Map<bigint, Lease>();
  /** Ends of leases, by the index of the entry. */
  readonly #ends = new Map<number, bigint>();
  readonly #ended = new Map<bigint, number>();

  constructor(clock: Clock, findings: Findings, model: Model) {
    this.#clock = clock;
    this.#findings = findings;
    this.#model = model;
  }

  /** The grant was answered; it was asked for at `askedMs`. */
  granted(id: bigint, ttlSeconds: number, askedMs: number): void {
    this.#leases.set(id, {
      ttlSeconds,
      guaranteedUntilMs: askedMs + (ttlSeconds * 1_000) / MAX_RATE,
      revokeAsked: false,
      endedMs: this.#ended.get(id),
    });
    this.#judge(id);
  }

  /** A keep-alive was answered with a time to live; 0: no such lease. */
  renewed(id: bigint, ttlSeconds: number, askedMs: number): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    if (ttlSeconds === 0) {
      if (lease.endedMs === undefined && this.#clock.monotonicMs() < lease.guaranteedUntilMs)
        this.#findings.add('a lease never ends early', `${name(id)} is unknown to a member before its time`);
      return;
    }
    const until = askedMs + (ttlSeconds * 1_000) / MAX_RATE;
    lease.guaranteedUntilMs = Math.max(lease.guaranteedUntilMs, until);
    this.#judge(id);
  }

  /** A member says how much of it is left; negative: there is no such lease. */
  told(id: bigint, ttlSeconds: number): void {
    const lease = this.#leases.get(id);
    if (lease === undefined || ttlSeconds >= 0 || lease.endedMs !== undefined) return;
    if (this.#clock.monotonicMs() < lease.guaranteedUntilMs)
      this.#findings.add('a lease never ends early', `${name(id)} is unknown to a member before its time`);
  }

  /** A client is about to ask for its end. */
  revokeAsked(id: bigint): void {
    const lease = this.#leases.get(id);
    if (lease !== undefined) lease.revokeAsked = true;
  }

  /** The entry that ends it is committed. */
  revoked(id: bigint, index: number): void {
    this.#ends.set(index, id);
    // Once ended it stays so; a second attempt finds nothing.
    if (this.#ended.has(id)) return;
    const now = this.#clock.monotonicMs();
    this.#ended.set(id, now);
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    lease.endedMs = now;
    this.#judge(id);
  }

  #judge(id: bigint): void {
    const lease = this.#leases.get(id);
    if (lease?.endedMs === undefined || lease.revokeAsked || lease.endedMs >= lease.guaranteedUntilMs) return;
    const early = (lease.guaranteedUntilMs - lease.endedMs).toFixed(0);
    this.#findings.add(
      'a lease never ends early',
      `${name(id)} of ${lease.ttlSeconds} s ended ${early} ms too early`,
    );
  }

  /** A revision was made by the entry at `index`, for the first time anywhere. */
  revised(index: number, revision: number): void {
    const id = this.#ends.get(index);
    if (id === undefined) return;
    const gone = new Set(this.#model.events(revision).map(({ key }) => key));
    for (const { key, lease } of this.#model.range('\0', '\0', revision - 1)) {
      if ((lease === id) !== gone.has(key))
        this.#findings.add(
          'its keys go with a lease',
          `${name(id)} ended at ${revision}: ${key} did not follow`,
        );
    }
  }

  /** At the end of a run: what nobody has kept alive for `ms` must be gone. */
  checkGone(ms: number): void {
    const now = this.#clock.monotonicMs();
    for (const [id, { endedMs, guaranteedUntilMs }] of this.#leases) {
      if (endedMs === undefined && guaranteedUntilMs + ms < now)
        this.#findings.add('a lease ends', `${name(id)} should have ended by itself`);
    }
    for (const { key, lease } of this.#model.range('\0', '\0', this.#model.head)) {
      if (lease !== 0n && this.#ended.has(lease))
        this.#findings.add('its keys go with a lease', `${key} has outlived ${name(lease)}`);
    }
  }
}

function name(id: bigint): string {
  return `lease ${id.toString(16)}`;
}
