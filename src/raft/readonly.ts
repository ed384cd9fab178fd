import { assert } from '../base/assert.js';
import { hasQuorum } from './quorum.js';
import type { NodeId } from './types.js';

/** Read-index requests not yet in a round; more are refused. */
const MAX_WAITING = 4096;
const NO_CONTEXT = Buffer.alloc(0);

export interface ReadRequest {
  readonly context: Buffer;
  /** Who is to be told. */
  readonly from: NodeId;
}

/** Requests confirmed together: a read at an applied index at or past `index` is linearizable for each. */
export interface ConfirmedReads {
  readonly index: number;
  readonly requests: readonly ReadRequest[];
}

/**
 * Batched read index (thesis, section 6.4): the commit index is remembered, then a round of heartbeats confirms that
 * this leader still leads. One round is under way; what arrives meanwhile gathers into the next, since only a round
 * begun after a request came in proves anything for it. A round is known by its number within the leader's term, so
 * that no answer to another one can pass for an answer to it.
 */
export class ReadRounds {
  #waiting: ReadRequest[] = [];
  #sequence = 0;
  #round: (ConfirmedReads & { readonly context: Buffer; readonly acknowledged: Set<NodeId> }) | undefined;

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  get underWay(): boolean {
    return this.#round !== undefined;
  }

  /** The round under way, as heartbeats carry it; empty if there is none. */
  get context(): Buffer {
    return this.#round?.context ?? NO_CONTEXT;
  }

  /** False: too many wait already. */
  add(request: ReadRequest): boolean {
    if (this.#waiting.length >= MAX_WAITING) return false;
    this.#waiting.push(request);
    return true;
  }

  /** Takes all that waits, for a leader that needs nobody's confirmation. */
  takeWaiting(index: number): ConfirmedReads {
    const requests = this.#waiting;
    this.#waiting = [];
    return { index, requests };
  }

  /** Begins a round with all that waits, at the leader's commit index. */
  begin(self: NodeId, commit: number): void {
    assert(this.#round === undefined, 'a read round began while another was under way');
    const context = Buffer.alloc(8);
    context.writeBigUInt64BE(BigInt(++this.#sequence));
    this.#round = { ...this.takeWaiting(commit), context, acknowledged: new Set([self]) };
  }

  /** An answer to a heartbeat. What is confirmed by it, if it completes the round. */
  acknowledge(from: NodeId, context: Buffer, voters: ReadonlySet<NodeId>): ConfirmedReads | undefined {
    if (context.length === 0 || this.#round?.context.equals(context) !== true) return undefined;
    this.#round.acknowledged.add(from);
    return this.confirmed(voters);
  }

  /** The round under way, if a majority of the voters has answered it. */
  confirmed(voters: ReadonlySet<NodeId>): ConfirmedReads | undefined {
    const round = this.#round;
    if (round === undefined || !hasQuorum(voters, round.acknowledged)) return undefined;
    this.#round = undefined;
    return round;
  }

  /** In a new term: nothing asked before can be confirmed any more. The numbers go on. */
  reset(): void {
    this.#waiting = [];
    this.#round = undefined;
  }
}
