import { Inflights } from './inflights.js';
import type { NodeId } from './types.js';

/**
 * How a leader sends to one follower:
 * - probe: it isn't known where their logs agree; one message, then its answer (or a heartbeat's) is waited for.
 * - replicate: logs agree up to `match`; messages follow each other without waiting, within the inflight bounds.
 * - snapshot: the follower needs entries that are gone; nothing is sent until the snapshot got there or failed.
 */
export type ProgressState = 'probe' | 'replicate' | 'snapshot';

export interface ProgressLimits {
  readonly maxInflightMessages: number;
  readonly maxInflightBytes: number;
}

/** What a leader knows of one member's log. Invariant: match < next. */
export class Progress {
  readonly id: NodeId;
  readonly inflights: Inflights;
  isLearner: boolean;
  state: ProgressState = 'probe';
  /** Known to be durable there. */
  match: number;
  /** The next entry to send. */
  next: number;
  /** The highest commit index that was told. */
  sentCommit = 0;
  /** In state snapshot: the snapshot's index. */
  pendingSnapshot = 0;
  /** In state probe: a message is out, wait. */
  probeSent = false;
  /** Heard of since the last quorum check. */
  recentActive = false;
  /** Set with each periodic heartbeat: its answer may check once whether appends were lost. */
  recheck = false;

  constructor(id: NodeId, next: number, isLearner: boolean, limits: ProgressLimits) {
    this.id = id;
    this.match = 0;
    this.next = next;
    this.isLearner = isLearner;
    this.inflights = new Inflights(limits.maxInflightMessages, limits.maxInflightBytes);
  }

  /** Nothing may be sent now, not even an append without entries. */
  get paused(): boolean {
    return this.state === 'snapshot' || (this.state === 'probe' && this.probeSent);
  }

  becomeProbe(): void {
    const next = this.state === 'snapshot' ? Math.max(this.match, this.pendingSnapshot) + 1 : this.match + 1;
    this.#enter('probe');
    this.next = next;
    this.sentCommit = Math.min(this.sentCommit, next - 1);
  }

  becomeReplicate(): void {
    this.#enter('replicate');
    this.next = this.match + 1;
    this.sentCommit = Math.min(this.sentCommit, this.match);
  }

  becomeSnapshot(index: number): void {
    this.#enter('snapshot');
    this.pendingSnapshot = index;
    this.next = index + 1;
    this.sentCommit = index;
  }

  /** The snapshot didn't get there: start over from what is known. */
  snapshotFailed(): void {
    this.pendingSnapshot = 0;
    this.becomeProbe();
    this.sentCommit = 0;
  }

  #enter(state: ProgressState): void {
    this.state = state;
    this.probeSent = false;
    this.pendingSnapshot = 0;
    this.inflights.reset();
  }

  /** An append message has left with entries up to `lastIndex` (none: the index before `next`). */
  sent(lastIndex: number, bytes: number, commit: number): void {
    if (this.state === 'replicate') {
      if (lastIndex >= this.next) this.inflights.add(lastIndex, bytes);
      this.next = lastIndex + 1;
    } else {
      this.probeSent = true;
    }
    this.sentCommit = Math.min(commit, lastIndex);
  }

  /** The follower has `index` durable. False: known already (an old or doubled answer). */
  acknowledge(index: number): boolean {
    if (index <= this.match) return false;
    this.match = index;
    this.next = Math.max(this.next, index + 1);
    this.probeSent = false;
    return true;
  }

  /**
   * The follower refused an append after `rejected`; `hint` is the last index where the logs may agree. False: an
   * old answer that says nothing about what was sent since.
   */
  decreaseTo(rejected: number, hint: number): boolean {
    if (this.state === 'snapshot') return false;
    if (this.state === 'replicate') {
      if (rejected <= this.match) return false;
      this.becomeProbe();
      return true;
    }
    if (this.next - 1 !== rejected) return false;
    this.next = Math.max(Math.min(rejected, hint + 1), this.match + 1);
    this.probeSent = false;
    this.sentCommit = Math.min(this.sentCommit, this.next - 1);
    return true;
  }
}
