import type {
  ConfChange,
  ConfState,
  Entry,
  HardState,
  Message,
  Snapshot,
  SnapshotMetadata,
} from '../proto/generated/raft.js';

/** A member's ID. 0n is "nobody". */
export type NodeId = bigint;
export const NOBODY: NodeId = 0n;

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader';

/** What isn't durable and needn't be: useful for logging and for answering "who leads". */
export interface SoftState {
  readonly leader: NodeId;
  readonly role: Role;
}

/**
 * One write to the log: all of it, in this order, then fdatasync; then {@link RawNode.appended}. At most one is out at a
 * time, so that what arrives while one fdatasync runs gathers into the next (group commit).
 */
export interface LogAppend {
  /** First of all, where a leader sent one: the state machine is replaced by it. */
  readonly snapshot: Snapshot | undefined;
  readonly entries: readonly Entry[];
  /** Set where term or vote changed, or where the commit index did and something else is written anyway. */
  readonly hardState: HardState | undefined;
  /** Leave once the write is durable, not before: votes, append answers, rejections too. */
  readonly messages: readonly Message[];
}

/** Answer to a read-index request: a read at an applied index at or past `index` is linearizable (thesis, section 6.4). */
export interface ReadState {
  readonly context: Buffer;
  readonly index: number;
}

/** What the core wants done now. Its parts may be carried out at the same time. */
export interface Ready {
  readonly softState: SoftState | undefined;
  readonly append: LogAppend | undefined;
  /** May leave at once: a leader's appends and heartbeats while its own write is under way (thesis, section 10.2.1). */
  readonly messages: readonly Message[];
  /** Committed, and durable here: apply in order, then {@link RawNode.applied}. */
  readonly committed: readonly Entry[];
  readonly readStates: readonly ReadState[];
}

/**
 * Why durable entries can't be given now:
 * - cut off: they are gone, and whoever needs them needs a snapshot.
 * - on disk: not in memory, and being fetched; {@link RawNode.entriesFetched} says when to ask again.
 */
export type Unavailable = 'cut off' | 'on disk';

/**
 * The durable part of the log as the core reads it. Everything here was written by a {@link LogAppend} before. Entries
 * after the applied index are always in memory, and all terms.
 */
export interface LogStorage {
  /** Index of the first entry held; the one before it is known by its term only. */
  firstIndex(): number;
  lastIndex(): number;
  /** Undefined for an index before `firstIndex() - 1` or after `lastIndex()`. */
  term(index: number): number | undefined;
  /** Entries [low, high), at least one where there is one, then no more than `maxBytes` of data. */
  entries(low: number, high: number, maxBytes: number): readonly Entry[] | Unavailable;
  /**
   * What stands for the state that a follower older than `firstIndex()` needs: index, term and configuration at the
   * applied index. The state that is sent for it may be newer. Undefined: not ready yet.
   */
  snapshot(): Snapshot | undefined;
}

export interface RaftConfig {
  readonly id: NodeId;
  /** Ticks without a leader before a campaign; the actual timeout is drawn from [n, 2n). */
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  readonly storage: LogStorage;
  /** What was durable at start. */
  readonly hardState: HardState;
  readonly confState: ConfState;
  /** Index up to which the state machine had applied at start. */
  readonly applied: number;
  /** Bytes of entry data in one append message. */
  readonly maxMessageBytes: number;
  /** Append messages under way to one follower, and their bytes. */
  readonly maxInflightMessages: number;
  readonly maxInflightBytes: number;
  /** Bytes of proposals not yet committed; more are refused. */
  readonly maxUncommittedBytes: number;
  /** Bytes of committed entries handed out and not yet applied (one entry may pass it); more wait. */
  readonly maxCommittedBytes: number;
  /** Uniform in [0, 2^32), from a generator that the caller seeds. */
  readonly random: () => number;
}

/** Why a proposal wasn't taken; nothing of it is in the log. */
export type ProposalRefusal =
  | 'no leader'
  | 'uncommitted log is full'
  | 'leadership is being transferred'
  | 'not a voter';

/** Why a change of the configuration wasn't taken. */
export type ConfChangeRefusal =
  | ProposalRefusal
  /** One is in the log and not applied, or this leader hasn't applied an entry of its own term yet. */
  | 'a configuration change is pending'
  | 'no voter would be left';

export type { ConfChange, ConfState, Entry, HardState, Message, Snapshot, SnapshotMetadata };
