import type { ConfetdError } from '../base/errors.js';
import { etcdError } from '../base/etcd-errors.js';
import type { RequestId } from '../proto/generated/member.js';
import { RequestEncoder, type RequestKind } from './request-codec.js';

/** How the caller of a proposal hears of its end: exactly one of the two, once. */
export interface Outcome<T> {
  done(response: T): void;
  failed(error: ConfetdError): void;
}

/** A request on its way through the log. */
export interface Proposal {
  readonly sequence: number;
  readonly data: Buffer;
  /** Term of the leader that it was given to; 0: it waits for one. */
  term: number;
  /** It was decided by the leader of this term, and is void in another; 0: anybody's who leads. */
  readonly boundTo: number;
}

interface Waiting extends Proposal {
  readonly outcome: Outcome<unknown>;
  readonly deadlineMs: number;
  /** Whether it may be given to another leader once it is certain that the first one's log has lost it. */
  repeatable: boolean;
}

const NO_DATA = Buffer.alloc(0);

/**
 * Proposals on their way through the log, by sequence. A proposal's ID holds this member, its boot counter and the
 * sequence, so that an entry of an earlier life of this process never answers a request of this one.
 *
 * A proposal is given to one leader, in one term. Terms never fall along a log, so once an entry of a newer term is
 * applied here, whatever was given to older leaders and hasn't come out never will: only then is it given to the next.
 */
export class Proposals {
  readonly #origin: { readonly member: bigint; readonly boot: number };
  readonly #encoder: RequestEncoder;
  readonly #timeoutMs: number;
  readonly #waiting = new Map<number, Waiting>();
  #queue: Waiting[] = [];
  #bytes = 0;
  #sequence = 0;
  /** Of the newest applied entry. */
  #appliedTerm = 0;

  constructor(origin: { member: bigint; boot: number }, timeoutMs: number) {
    this.#origin = origin;
    this.#encoder = new RequestEncoder(origin);
    this.#timeoutMs = timeoutMs;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Of the requests that are held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Names and encodes a request; the outcome is told once its entry was applied, or it is given up. */
  register(kind: RequestKind, outcome: Outcome<unknown>, nowMs: number, boundTo = 0): Proposal {
    const sequence = ++this.#sequence;
    const data = this.#encoder.encode(sequence, kind);
    return this.#wait({ sequence, data, outcome, boundTo, deadlineMs: nowMs + this.#timeoutMs });
  }

  /** Names something that its owner encodes and gives to raft itself, in this term. It is never repeated. */
  name(outcome: Outcome<unknown>, nowMs: number, term: number): RequestId {
    const sequence = ++this.#sequence;
    const deadlineMs = nowMs + this.#timeoutMs;
    this.#wait({ sequence, data: NO_DATA, outcome, boundTo: term, deadlineMs }).term = term;
    return { ...this.#origin, sequence };
  }

  #wait(request: Omit<Waiting, 'term' | 'repeatable'>): Waiting {
    const waiting: Waiting = { ...request, term: 0, repeatable: request.boundTo === 0 };
    this.#waiting.set(waiting.sequence, waiting);
    this.#bytes += waiting.data.length;
    return waiting;
  }

  /** The proposal waits to be given to a leader. */
  queue(proposal: Proposal): void {
    this.#queue.push(proposal as Waiting);
  }

  /** All that waits for a leader, for the caller to give away or to {@link putBack}. */
  takeQueued(): readonly Proposal[] {
    if (this.#queue.length === 0) return this.#queue;
    const queued = this.#queue;
    this.#queue = [];
    return queued;
  }

  /** Not taken by anybody: first in line the next time. What was given up meanwhile is left out. */
  putBack(proposals: readonly Proposal[]): void {
    this.#queue = [...(proposals as readonly Waiting[]), ...this.#queue].filter(({ sequence }) =>
      this.#waiting.has(sequence),
    );
  }

  /** An entry of this term was applied. */
  applied(term: number): void {
    if (term <= this.#appliedTerm) return;
    this.#appliedTerm = term;
    const lost: Waiting[] = [];
    for (const waiting of this.#waiting.values()) {
      if (waiting.term !== 0 && waiting.term < term) lost.push(waiting);
    }
    for (const waiting of lost) {
      if (waiting.repeatable) {
        waiting.term = 0;
        this.#queue.push(waiting);
      } else {
        this.refuse(waiting.sequence, etcdError('leaderChanged'));
      }
    }
  }

  /** The state came from a snapshot: whether it holds what was given away up to this term can't be known. */
  stateReplaced(term: number): void {
    for (const waiting of this.#waiting.values()) {
      if (waiting.term !== 0 && waiting.term <= term) waiting.repeatable = false;
    }
  }

  /** The proposal of this process that an applied entry belongs to, taken out of the waiting ones. */
  take(id: RequestId | undefined): Outcome<unknown> | undefined {
    if (id === undefined || id.member !== this.#origin.member || id.boot !== this.#origin.boot)
      return undefined;
    return this.#end(id.sequence)?.outcome;
  }

  /** The proposal never got into the log. */
  refuse(sequence: number, error: ConfetdError): void {
    this.#end(sequence)?.outcome.failed(error);
  }

  #end(sequence: number): Waiting | undefined {
    const waiting = this.#waiting.get(sequence);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(sequence);
    this.#bytes -= waiting.data.length;
    return waiting;
  }

  /** Gives up what has waited too long: whether it will be applied is unknown. */
  expire(nowMs: number): void {
    let expired = false;
    // Deadlines rise with the order of insertion: the first that isn't due ends the walk.
    for (const [sequence, { deadlineMs }] of this.#waiting) {
      if (deadlineMs > nowMs) break;
      this.refuse(sequence, etcdError('timedOut'));
      expired = true;
    }
    if (expired) this.putBack([]);
  }

  /** Ends everything, in a member that stops or halts. */
  failAll(error: ConfetdError): void {
    this.#queue = [];
    for (const sequence of [...this.#waiting.keys()]) this.refuse(sequence, error);
  }
}
