import type { ConfetdError } from '../base/errors.js';
import { etcdError } from '../base/etcd-errors.js';
import type { RequestId } from '../proto/generated/member.js';
import { RequestEncoder, type RequestKind } from './request-codec.js';

/** How the caller of a proposal hears of its end: exactly one of the two, once. */
export interface Outcome<T> {
  done(response: T): void;
  failed(error: ConfetdError): void;
}

interface Waiting {
  readonly outcome: Outcome<unknown>;
  readonly deadlineMs: number;
}

/**
 * Proposals on their way through the log, by sequence. A proposal's ID holds this member, its boot counter and the
 * sequence, so that an entry of an earlier life of this process never answers a request of this one.
 */
export class Proposals {
  readonly #member: bigint;
  readonly #boot: number;
  readonly #encoder: RequestEncoder;
  readonly #timeoutMs: number;
  readonly #waiting = new Map<number, Waiting>();
  #sequence = 0;

  constructor(identity: { member: bigint; boot: number }, timeoutMs: number) {
    this.#member = identity.member;
    this.#boot = identity.boot;
    this.#encoder = new RequestEncoder(identity);
    this.#timeoutMs = timeoutMs;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Names and encodes a request; the outcome is told once its entry was applied, or it is given up. */
  register(kind: RequestKind, outcome: Outcome<unknown>, nowMs: number): { sequence: number; data: Buffer } {
    const sequence = ++this.#sequence;
    const data = this.#encoder.encode(sequence, kind);
    this.#waiting.set(sequence, { outcome, deadlineMs: nowMs + this.#timeoutMs });
    return { sequence, data };
  }

  /** The proposal of this process that an applied entry belongs to, taken out of the waiting ones. */
  take(id: RequestId | undefined): Outcome<unknown> | undefined {
    if (id === undefined || id.member !== this.#member || id.boot !== this.#boot) return undefined;
    const waiting = this.#waiting.get(id.sequence);
    this.#waiting.delete(id.sequence);
    return waiting?.outcome;
  }

  /** The proposal never got into the log. */
  refuse(sequence: number, error: ConfetdError): void {
    const waiting = this.#waiting.get(sequence);
    this.#waiting.delete(sequence);
    waiting?.outcome.failed(error);
  }

  /** Gives up what has waited too long: whether it will be applied is unknown. */
  expire(nowMs: number): void {
    // Deadlines rise with the order of insertion: the first that isn't due ends the walk.
    for (const [sequence, { deadlineMs }] of this.#waiting) {
      if (deadlineMs > nowMs) return;
      this.refuse(sequence, etcdError('timedOut'));
    }
  }

  /** Ends everything, in a member that stops or halts. */
  failAll(error: ConfetdError): void {
    for (const sequence of this.#waiting.keys()) this.refuse(sequence, error);
  }
}
