import { EntryType, type Message, MessageType } from '../proto/generated/raft.js';
import type { RawNode } from '../raft/rawnode.js';
import { NOBODY, type ProposalRefusal } from '../raft/types.js';
import type { Proposal, Proposals } from './proposals.js';

/** Entry data in one message to the leader, about; one proposal may pass it. */
const MAX_MESSAGE_BYTES = 1024 * 1024;
/** Room in a message's number for those of one life of the process. */
const NUMBERS_PER_BOOT = 2 ** 31;
const NO_BYTES = Buffer.alloc(0);

export interface HandoverParts {
  readonly self: bigint;
  /** Counts the lives of this member. */
  readonly boot: number;
  readonly raft: Pick<RawNode, 'propose' | 'status' | 'term'>;
  readonly proposals: Proposals;
  /** Whether there is a connection to a member: what is sent without one is lost. */
  reachable(id: bigint): boolean;
  send(messages: readonly Message[]): void;
  /** Raft took it not, for a reason that waiting doesn't mend. */
  refused(sequence: number, why: ProposalRefusal): void;
}

/**
 * Gives proposals to whoever leads: to raft here, or in PROP messages to another member. Without a leader they wait.
 * A message counts at most once, although networks repeat and reorder: it names the leader's term and carries a number
 * that rises, and the leader takes none that isn't higher than the last.
 */
export class Handover {
  readonly #parts: HandoverParts;
  #number = 0;
  /** Number of the last message taken from each member. */
  readonly #taken = new Map<bigint, number>();

  constructor(parts: HandoverParts) {
    this.#parts = parts;
  }

  /** Everything that waits, in one turn. */
  run(): void {
    const { raft, proposals } = this.#parts;
    const { term } = raft;
    const queued = this.#refuseLate(proposals.takeQueued(), term);
    if (queued.length === 0) return;
    const refusal = raft.propose(queued.map(({ data }) => data));
    if (refusal === undefined) {
      for (const proposal of queued) proposal.term = term;
    } else if (refusal === 'uncommitted log is full') {
      this.#oneByOne(queued, term);
    } else if (refusal === 'leadership is being transferred') {
      // It takes an election timeout at most: the next leader gets them.
      proposals.putBack(queued);
    } else {
      this.#forward(queued);
    }
  }

  /** Without what the leader of another term had decided: it may have been overtaken. */
  #refuseLate(queued: readonly Proposal[], term: number): readonly Proposal[] {
    if (queued.every(({ boundTo }) => boundTo === 0 || boundTo === term)) return queued;
    return queued.filter(({ boundTo, sequence }) => {
      const late = boundTo !== 0 && boundTo !== term;
      if (late) this.#parts.refused(sequence, 'no leader');
      return !late;
    });
  }

  /** All or none was none: as many as do fit go in. */
  #oneByOne(queued: readonly Proposal[], term: number): void {
    for (const proposal of queued) {
      proposal.term = term;
      const refused = this.#parts.raft.propose([proposal.data]);
      if (refused !== undefined) this.#parts.refused(proposal.sequence, refused);
    }
  }

  #forward(queued: readonly Proposal[]): void {
    const { raft, proposals } = this.#parts;
    const { leader, term, id } = raft.status;
    if (leader === NOBODY || leader === id || !this.#parts.reachable(leader)) {
      proposals.putBack(queued);
      return;
    }
    const messages: Message[] = [];
    let bytes = Number.POSITIVE_INFINITY;
    for (const proposal of queued) {
      const { data, boundTo, sequence } = proposal;
      if (boundTo !== 0) {
        this.#parts.refused(sequence, 'no leader');
        continue;
      }
      if (bytes + data.length > MAX_MESSAGE_BYTES) {
        messages.push(this.#message(leader, term));
        bytes = 0;
      }
      bytes += data.length;
      proposal.term = term;
      messages.at(-1)?.entries.push({ type: EntryType.NORMAL, term: 0, index: 0, data });
    }
    this.#parts.send(messages);
  }

  #message(to: bigint, term: number): Message {
    const { self, boot } = this.#parts;
    const index = boot * NUMBERS_PER_BOOT + ++this.#number;
    return {
      type: MessageType.PROP,
      to,
      from: self,
      term,
      index,
      logTerm: 0,
      entries: [],
      commit: 0,
      snapshot: undefined,
      reject: false,
      rejectHint: 0,
      context: NO_BYTES,
    };
  }

  /** A PROP message from another member. What isn't taken is lost, as the network might have lost it. */
  receive({ from, term, index, entries }: Message): void {
    const { raft } = this.#parts;
    if (term !== raft.term || index <= (this.#taken.get(from) ?? 0)) return;
    const data = entries.map((entry) => entry.data);
    const refusal = raft.propose(data);
    if (refusal === 'uncommitted log is full') {
      for (const one of data) raft.propose([one]);
    }
    this.#taken.set(from, index);
  }

  /** Forgets members that are gone. */
  keepOnly(members: ReadonlySet<bigint>): void {
    for (const id of this.#taken.keys()) if (!members.has(id)) this.#taken.delete(id);
  }
}
