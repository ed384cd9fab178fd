import { ConfetdError, type ErrorCode } from '../base/errors.js';
import { etcdError } from '../base/etcd-errors.js';
import { type Clock, sleep } from '../io/clock.js';
import { type Hello, type PeerRequest, type PeerResponse, Refusal } from '../proto/generated/peer.js';
import type { Transport } from '../transport/types.js';

/** How often a call looks for a leader while there is none. */
const LOOK_AGAIN_MS = 20;
/** Left of the caller's patience, an answer can't be expected any more. */
const MIN_CALL_MS = 10;

export interface LeaderCallsParts {
  readonly hello: Hello;
  readonly clock: Clock;
  readonly transport: Transport;
  readonly timeoutMs: number;
  /** 0n: nobody is known to lead. */
  leader(): bigint;
}

/** What the leader alone can answer, asked by a follower on its client's behalf. */
export class LeaderCalls {
  readonly #parts: LeaderCallsParts;

  constructor(parts: LeaderCallsParts) {
    this.#parts = parts;
  }

  /**
   * Asks the leader, once: whether it did what was asked is unknown where this rejects with `unavailable`. Waits for a
   * leader first. Undefined: this member leads by now.
   */
  async ask(kind: NonNullable<PeerRequest['kind']>): Promise<PeerResponse | undefined> {
    const { clock, timeoutMs } = this.#parts;
    return this.#askOnce(kind, clock.monotonicMs() + timeoutMs);
  }

  /** The same for what may be done twice: asks again, and the next leader too, until the time is up. */
  async askRepeatedly(kind: NonNullable<PeerRequest['kind']>): Promise<PeerResponse | undefined> {
    const { clock, timeoutMs } = this.#parts;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    for (;;) {
      try {
        return await this.#askOnce(kind, deadlineMs);
      } catch (error) {
        const passing = error instanceof ConfetdError && error.code === 'unavailable';
        if (!passing || clock.monotonicMs() + LOOK_AGAIN_MS + MIN_CALL_MS > deadlineMs) throw error;
        await sleep(clock, LOOK_AGAIN_MS);
      }
    }
  }

  async #askOnce(
    kind: NonNullable<PeerRequest['kind']>,
    deadlineMs: number,
  ): Promise<PeerResponse | undefined> {
    const { hello, clock, transport } = this.#parts;
    let leader = this.#parts.leader();
    while (leader === 0n) {
      if (clock.monotonicMs() + LOOK_AGAIN_MS + MIN_CALL_MS > deadlineMs) throw etcdError('noLeader');
      await sleep(clock, LOOK_AGAIN_MS);
      leader = this.#parts.leader();
    }
    if (leader === hello.memberId) return undefined;
    const leftMs = Math.max(MIN_CALL_MS, deadlineMs - clock.monotonicMs());
    return accepted(await transport.call(leader, { hello, to: leader, kind }, leftMs));
  }
}

/** A response whose request was taken and done; otherwise throws what the other side failed with. */
export function accepted(response: PeerResponse): PeerResponse {
  if (response.refusal !== Refusal.ADMITTED) {
    throw new ConfetdError('unavailable', `the other member refuses this one: ${Refusal[response.refusal]}`);
  }
  if (response.error !== undefined) {
    throw new ConfetdError(response.error.code as ErrorCode, response.error.message);
  }
  return response;
}
