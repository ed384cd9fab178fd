import { MessageType } from '../proto/generated/raft.js';
import { Membership } from './confchange.js';
import { RaftLog } from './log.js';
import { ReadRounds } from './readonly.js';
import { type Message, NOBODY, type NodeId, type RaftConfig, type ReadState, type Role } from './types.js';

export const NO_BYTES: Buffer = Buffer.alloc(0);

/**
 * One member's state (Raft paper, figure 2), and what it wants sent. What changes it is in election.ts, follower.ts,
 * leader.ts and replication.ts; only {@link RawNode} is seen from outside.
 */
export class RaftState {
  readonly config: RaftConfig;
  readonly id: NodeId;
  readonly log: RaftLog;
  readonly membership: Membership;

  term: number;
  vote: NodeId;
  leader: NodeId = NOBODY;
  role: Role = 'follower';

  /** Ticks since the leader was heard of; of a leader, since its last quorum check. */
  electionElapsed = 0;
  /** Drawn anew for each term, so that split votes don't repeat (section 5.2). */
  electionTimeout: number;
  heartbeatElapsed = 0;

  /** Of a candidate. */
  readonly votes = new Map<NodeId, boolean>();

  // Of a leader.
  readonly reads = new ReadRounds();
  /** Bytes of own proposals that haven't been handed out as committed. */
  uncommittedBytes = 0;
  /** Index of the empty entry that opened the term. */
  termStart = 0;
  /** A configuration change may be in the log up to here: none is proposed until it is applied. */
  pendingConfIndex = 0;
  /** Who leadership is being transferred to (thesis, section 3.10). */
  transferee: NodeId = NOBODY;
  /** Followers may have something to be sent. */
  sendDue = false;

  /** May leave at once. */
  messages: Message[] = [];
  /** Leave with the next write to the log, once that is durable. */
  messagesAfterWrite: Message[] = [];
  readStates: ReadState[] = [];

  constructor(config: RaftConfig) {
    this.config = config;
    this.id = config.id;
    this.log = new RaftLog(config.storage, config.hardState.commit, config.applied);
    this.membership = new Membership(config.confState, config);
    const { term, vote } = config.hardState;
    // A write cut short by a crash may have left entries of a term whose hard state, behind them, is lost. No vote in
    // that term was sent then.
    this.term = Math.max(term, this.log.lastTerm);
    this.vote = this.term === term ? vote : NOBODY;
    this.electionTimeout = this.#drawTimeout();
    this.#commitSettledConfChanges();
  }

  /**
   * A configuration change is proposed only once the one before was applied, so of those in a log all but the last are
   * committed, even where a crash tore off the hard state that said so. Unaware of that, this member could campaign
   * with a configuration two changes old, whose majorities needn't overlap with today's.
   */
  #commitSettledConfChanges(): void {
    let last = 0;
    for (const index of this.log.unappliedConfChanges(this.config.maxCommittedBytes)) {
      this.log.commitTo(last);
      last = index;
    }
  }

  /** Whether it may campaign: a voter whose log isn't being replaced. */
  get promotable(): boolean {
    return this.membership.isVoter(this.id) && this.log.pendingSnapshot === undefined;
  }

  get isOnlyVoter(): boolean {
    return this.membership.voters.size === 1 && this.membership.isVoter(this.id);
  }

  /** Of a leader: an entry of its own term is committed, so its commit index is the newest (paper, section 8). */
  get hasCommittedInTerm(): boolean {
    return this.log.committed >= this.termStart;
  }

  becomeFollower(term: number, leader: NodeId): void {
    this.reset(term);
    this.leader = leader;
    this.role = 'follower';
  }

  /** Everything that belonged to a role or a term. The vote stays within its term. */
  reset(term: number): void {
    if (term !== this.term) {
      this.term = term;
      this.vote = NOBODY;
    }
    this.leader = NOBODY;
    this.electionElapsed = 0;
    this.heartbeatElapsed = 0;
    this.electionTimeout = this.#drawTimeout();
    this.votes.clear();
    this.reads.reset();
    this.uncommittedBytes = 0;
    this.transferee = NOBODY;
    this.sendDue = false;
  }

  /** A message of this member in its term; `fields` over the defaults. */
  message(type: MessageType, to: NodeId, fields: Partial<Message> = {}): Message {
    return {
      type,
      to,
      from: this.id,
      term: this.term,
      logTerm: 0,
      index: 0,
      entries: [],
      commit: 0,
      snapshot: undefined,
      reject: false,
      rejectHint: 0,
      context: NO_BYTES,
      ...fields,
    };
  }

  send(type: MessageType, to: NodeId, fields?: Partial<Message>): void {
    this.messages.push(this.message(type, to, fields));
  }

  /** Holds for what says that something is durable here: a term, a vote, entries. */
  sendAfterWrite(type: MessageType, to: NodeId, fields?: Partial<Message>): void {
    this.messagesAfterWrite.push(this.message(type, to, fields));
  }

  /** After the next write this member has the leader's log up to `index`. Of several in one write the highest says all. */
  acknowledge(leader: NodeId, index: number): void {
    const last = this.messagesAfterWrite.at(-1);
    if (
      last?.type === MessageType.APP_RESP &&
      last.to === leader &&
      last.term === this.term &&
      !last.reject
    ) {
      last.index = Math.max(last.index, index);
    } else {
      this.sendAfterWrite(MessageType.APP_RESP, leader, { index });
    }
  }

  /** Uniform in [n, 2n). */
  #drawTimeout(): number {
    const { electionTicks, random } = this.config;
    return electionTicks + Math.floor((random() / 0x1_0000_0000) * electionTicks);
  }
}
