import { assert } from '../base/assert.js';
import {
  ConfChange,
  ConfChangeType,
  type ConfState,
  EntryType,
  type Message,
  MessageType,
} from '../proto/generated/raft.js';
import { nextConfState } from './confchange.js';
import { campaign, countOwnVote } from './election.js';
import { advanceReads, answerReads, readsDue, tickLeader, transferLeadership } from './leader.js';
import { metadataOf } from './log.js';
import type { ProgressState } from './progress.js';
import { acknowledgeOwnLog, advanceCommit, appendEntries, sendAppends } from './replication.js';
import { RaftState } from './state.js';
import { step } from './step.js';
import {
  type ConfChangeRefusal,
  type HardState,
  type LogAppend,
  NOBODY,
  type NodeId,
  type ProposalRefusal,
  type RaftConfig,
  type Ready,
  type SoftState,
} from './types.js';

/** What a leader knows of one member. */
export interface FollowerStatus {
  readonly id: NodeId;
  readonly isLearner: boolean;
  readonly state: ProgressState;
  readonly match: number;
  readonly next: number;
  /** 0: none. */
  readonly pendingSnapshot: number;
  readonly recentActive: boolean;
  readonly inflightMessages: number;
  readonly inflightBytes: number;
}

export interface RaftStatus extends SoftState {
  readonly id: NodeId;
  readonly term: number;
  readonly vote: NodeId;
  readonly commit: number;
  readonly applied: number;
  readonly lastIndex: number;
  readonly confState: ConfState;
  /** Of a leader: all members, itself included. Otherwise empty. */
  readonly progress: readonly FollowerStatus[];
}

/**
 * The consensus core of one member, without I/O, clock or threads (Raft paper and thesis). Its owner calls `tick` at a
 * steady pace, `step` with what arrives, and carries out what each {@link Ready} asks for, in this order of effects:
 * a {@link LogAppend} is written and synced, the storage is told, then `appended` is called and its messages leave;
 * committed entries are applied in order (configuration changes by `applyConfChange`), then `applied` is called.
 * Throws AssertionError where going on could lose data: the member halts.
 */
export class RawNode {
  readonly #state: RaftState;
  /** The write that is out. */
  #out: LogAppend | undefined;
  /** As the last write had it. */
  #hardState: HardState;
  #softState: SoftState = { leader: NOBODY, role: 'follower' };

  constructor(config: RaftConfig) {
    this.#state = new RaftState(config);
    this.#hardState = config.hardState;
  }

  /** Time passes, by one of the units in which the timeouts are given. */
  tick(): void {
    const state = this.#state;
    if (state.role === 'leader') {
      tickLeader(state);
      return;
    }
    state.electionElapsed++;
    if (state.electionElapsed < state.electionTimeout) return;
    state.electionElapsed = 0;
    campaign(state, 'pre-vote');
    // Also who may not campaign has no leader then: it says so, and doesn't keep others from electing one.
    if (state.role === 'follower') state.leader = NOBODY;
  }

  /** Stands for election now, without waiting for the timeout; still asks first whether it could win. */
  campaign(): void {
    campaign(this.#state, 'pre-vote');
  }

  /**
   * Appends one entry for each of `data`, all or none. Refused on whoever isn't the leader: the owner finds the leader.
   * A single entry is taken whatever its size where nothing else is uncommitted.
   */
  propose(data: readonly Buffer[]): ProposalRefusal | undefined {
    const state = this.#state;
    const refusal = this.#refusal();
    if (refusal !== undefined || data.length === 0) return refusal;
    let bytes = 0;
    for (const { length } of data) bytes += length;
    const alone = state.uncommittedBytes === 0 && data.length === 1;
    if (!alone && bytes > 0 && state.uncommittedBytes + bytes > state.config.maxUncommittedBytes) {
      return 'uncommitted log is full';
    }
    appendEntries(state, EntryType.NORMAL, data);
    return undefined;
  }

  /** Proposes to add, promote, demote or remove one member (thesis, section 4.1). It takes effect when applied. */
  proposeConfChange(change: ConfChange): ConfChangeRefusal | undefined {
    const state = this.#state;
    const refusal = this.#refusal();
    if (refusal !== undefined) return refusal;
    if (state.log.applied < state.pendingConfIndex) return 'a configuration change is pending';
    if (nextConfState(state.membership.confState, change) === undefined) return 'no voter would be left';
    appendEntries(state, EntryType.CONF_CHANGE, [Buffer.from(ConfChange.encode(change).finish())]);
    state.pendingConfIndex = state.log.lastIndex;
    return undefined;
  }

  #refusal(): ProposalRefusal | undefined {
    const { role, membership, id, transferee } = this.#state;
    if (role !== 'leader') return membership.isVoter(id) ? 'no leader' : 'not a voter';
    return transferee === NOBODY ? undefined : 'leadership is being transferred';
  }

  /**
   * Called while the entry of a change is being applied. A change that the state machine refuses is passed with member
   * ID 0: it counts as done and changes nothing. Returns the configuration from here on.
   */
  applyConfChange(change: ConfChange): ConfState {
    const state = this.#state;
    const { membership, log } = state;
    const conf = nextConfState(membership.confState, change);
    assert(conf !== undefined, `a configuration change that leaves no voter: ${ConfChangeType[change.type]}`);
    membership.set(conf, log.lastIndex);
    if (!membership.isVoter(state.id)) {
      // A leader that was removed has done its last duty with this entry's commit (thesis, section 4.2.2).
      if (state.role !== 'follower') state.becomeFollower(state.term, NOBODY);
      return conf;
    }
    if (state.role !== 'leader') return conf;
    if (!membership.isVoter(state.transferee)) state.transferee = NOBODY;
    // A smaller majority may be reached already; a new member is to be sent its first append.
    advanceCommit(state);
    state.sendDue = true;
    const confirmed = state.reads.confirmed(membership.voters);
    if (confirmed !== undefined) answerReads(state, confirmed);
    return conf;
  }

  /**
   * Asks for an index at which a read is linearizable; the answer is a read state with this context, which must be one
   * of a kind for ever. False: no leader is known, or too many wait. There is no answer where leadership changes or
   * messages are lost: the owner asks again, with a new context.
   */
  readIndex(context: Buffer): boolean {
    const state = this.#state;
    if (state.role === 'leader') return state.reads.add({ context, from: state.id });
    if (state.leader === NOBODY) return false;
    state.send(MessageType.READ_INDEX, state.leader, { context });
    return true;
  }

  /** Begins to hand leadership to another voter (thesis, section 3.10). False: not the leader, or not a voter. */
  transferLeadership(to: NodeId): boolean {
    return this.#state.role === 'leader' && transferLeadership(this.#state, to);
  }

  /** The transport couldn't deliver to this member: what was sent may be lost. */
  reportUnreachable(id: NodeId): void {
    const progress = this.#follower(id);
    if (progress?.state === 'replicate') progress.becomeProbe();
  }

  /**
   * The storage has ended fetching entries that it had said are on disk: who is owed some is sent them, or the storage
   * is asked again.
   */
  entriesFetched(): void {
    if (this.#state.role === 'leader') this.#state.sendDue = true;
  }

  /** How the transfer of a snapshot to this member ended. Must be called for each SNAP message. */
  reportSnapshot(id: NodeId, succeeded: boolean): void {
    const progress = this.#follower(id);
    if (progress?.state !== 'snapshot') return;
    if (succeeded) {
      progress.becomeProbe();
      // The state that arrived may have been newer than the message for it: where the log still reaches is worth asking,
      // before the state is sent once more.
      progress.next = Math.max(progress.next, this.#state.log.firstIndex);
    } else progress.snapshotFailed();
    // Its answer, or the next heartbeat's, says when to go on.
    progress.probeSent = true;
  }

  #follower(id: NodeId) {
    return this.#state.role === 'leader' ? this.#state.membership.progress.get(id) : undefined;
  }

  /** A message from another member. */
  step(message: Message): void {
    step(this.#state, message);
  }

  /** Whether {@link ready} has something to hand out. */
  hasReady(): boolean {
    this.#flush();
    const state = this.#state;
    return (
      state.messages.length > 0 ||
      state.readStates.length > 0 ||
      state.role !== this.#softState.role ||
      state.leader !== this.#softState.leader ||
      this.#appendDue() ||
      state.log.hasCommitted(state.config.maxCommittedBytes)
    );
  }

  /** What there is to do now. It counts as handed out: the owner does all of it. */
  ready(): Ready {
    this.#flush();
    const state = this.#state;
    const softState = this.#takeSoftState();
    const append = this.#takeAppend();
    const committed = state.log.takeCommitted(state.config.maxCommittedBytes);
    if (state.uncommittedBytes > 0) {
      for (const { term, data } of committed) if (term === state.term) state.uncommittedBytes -= data.length;
    }
    const { messages, readStates } = state;
    // Handed out even where empty, so never written to again.
    state.messages = [];
    state.readStates = [];
    return { softState, append, messages, committed, readStates };
  }

  /** What a leader owes its followers is gathered until it is asked for, so that one message holds a turn's entries. */
  #flush(): void {
    const state = this.#state;
    if (state.role !== 'leader') return;
    if (readsDue(state)) advanceReads(state);
    if (state.sendDue) sendAppends(state);
  }

  #takeSoftState(): SoftState | undefined {
    const { leader, role } = this.#state;
    if (leader === this.#softState.leader && role === this.#softState.role) return undefined;
    this.#softState = { leader, role };
    return this.#softState;
  }

  /** A new commit index alone needn't be written: it rides with the next write. */
  #appendDue(): boolean {
    const { log, messagesAfterWrite, term, vote } = this.#state;
    return (
      this.#out === undefined &&
      (log.hasUnwritten ||
        messagesAfterWrite.length > 0 ||
        term !== this.#hardState.term ||
        vote !== this.#hardState.vote)
    );
  }

  #takeAppend(): LogAppend | undefined {
    if (!this.#appendDue()) return undefined;
    const state = this.#state;
    const { snapshot, entries } = state.log.takeUnwritten();
    const hardState = this.#takeHardState(snapshot !== undefined || entries.length > 0);
    const messages = state.messagesAfterWrite;
    state.messagesAfterWrite = [];
    this.#out = { snapshot, entries, hardState, messages };
    return this.#out;
  }

  /**
   * A new commit index goes along with what is written anyway: a write of its own would cost every follower a sync for
   * each news of it, and losing it loses nothing, as the leader tells it again.
   */
  #takeHardState(writes: boolean): HardState | undefined {
    const before = this.#hardState;
    const now = { term: this.#state.term, vote: this.#state.vote, commit: this.#state.log.committed };
    const required = now.term !== before.term || now.vote !== before.vote;
    if (!required && (!writes || now.commit === before.commit)) return undefined;
    this.#hardState = now;
    return now;
  }

  /** The write is durable, and the storage holds it. */
  appended(append: LogAppend): void {
    assert(append === this.#out, 'a write was reported that is not the one under way');
    this.#out = undefined;
    const state = this.#state;
    const last = append.entries.at(-1);
    assert(
      last === undefined || state.config.storage.term(last.index) === last.term,
      `entry ${last?.index} was reported durable before the storage held it`,
    );
    if (append.snapshot !== undefined) {
      const { index, term } = metadataOf(append.snapshot);
      assert(
        state.config.storage.term(index) === term,
        `the snapshot at ${index} was reported durable before the storage began after it`,
      );
    }
    state.log.written(append.snapshot);
    acknowledgeOwnLog(state);
    if (append.hardState !== undefined) countOwnVote(state, append.hardState.term, append.hardState.vote);
  }

  /** The state machine has applied all committed entries up to `index`. */
  applied(index: number): void {
    this.#state.log.appliedTo(index);
  }

  /** The index up to which the log is durable on this member. */
  get durableIndex(): number {
    return this.#state.log.durableIndex;
  }

  get term(): number {
    return this.#state.term;
  }

  get isLearner(): boolean {
    const { membership, id } = this.#state;
    return membership.progress.get(id)?.isLearner === true;
  }

  /** Index of a leader's snapshot that the next write, or the one under way, installs; undefined: there is none. */
  get pendingSnapshot(): number | undefined {
    return this.#state.log.pendingSnapshot?.metadata?.index;
  }

  get status(): RaftStatus {
    const { id, term, vote, leader, role, log, membership } = this.#state;
    const progress: FollowerStatus[] = [];
    if (role === 'leader') {
      for (const member of membership.progress.values()) {
        progress.push({
          id: member.id,
          isLearner: member.isLearner,
          state: member.state,
          match: member.match,
          next: member.next,
          pendingSnapshot: member.pendingSnapshot,
          recentActive: member.recentActive,
          inflightMessages: member.inflights.count,
          inflightBytes: member.inflights.bytes,
        });
      }
    }
    const { committed, applied, lastIndex } = log;
    const { confState } = membership;
    return { id, term, vote, leader, role, commit: committed, applied, lastIndex, confState, progress };
  }
}
