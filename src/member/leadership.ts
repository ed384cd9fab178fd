import { etcdError } from '../base/etcd-errors.js';
import { type Clock, sleep } from '../io/clock.js';
import type { RawNode } from '../raft/rawnode.js';
import type { RaftLoop } from './loop.js';

/** How often a transfer is looked at. */
const LOOK_AGAIN_MS = 10;

export interface LeadershipParts {
  readonly self: bigint;
  readonly raft: RawNode;
  readonly loop: RaftLoop;
  readonly clock: Clock;
  readonly electionMs: number;
  /** Whether the member is connected. */
  reachable(id: bigint): boolean;
}

/** Who leads, and giving it to another (thesis, section 3.10). */
export class Leadership {
  readonly #parts: LeadershipParts;

  constructor(parts: LeadershipParts) {
    this.#parts = parts;
  }

  get isOurs(): boolean {
    return this.#parts.raft.status.leader === this.#parts.self;
  }

  /** Throws `unavailable` unless this member leads. */
  require(): void {
    if (!this.isOurs) throw etcdError('leaderChanged');
  }

  /** Resolves once `target` leads. `failed_precondition` where this member doesn't, or `target` is no other voter. */
  async moveTo(target: bigint): Promise<void> {
    const { raft, loop, clock, electionMs, self } = this.#parts;
    if (!this.isOurs) throw etcdError('notLeader');
    if (target === self) return;
    let began = false;
    loop.tell(() => {
      began = raft.transferLeadership(target);
    });
    if (!began) throw etcdError('badLeaderTransferee');
    // Raft gives a transfer up after an election timeout; the target's own election takes a round more.
    const deadlineMs = clock.monotonicMs() + 2 * electionMs;
    while (raft.status.leader !== target) {
      if (clock.monotonicMs() >= deadlineMs || loop.ended) throw etcdError('leaderTransferTimedOut');
      await sleep(clock, LOOK_AGAIN_MS);
    }
  }

  /** Gives it to the voter that has most of the log, if there is one that answers; resolves when that is over. */
  async stepDown(): Promise<void> {
    const { raft, loop, clock, electionMs, self } = this.#parts;
    const target = this.#bestOther();
    if (target === undefined) return;
    loop.tell(() => raft.transferLeadership(target));
    const deadlineMs = clock.monotonicMs() + electionMs;
    while (!loop.ended && this.#leader() === self && clock.monotonicMs() < deadlineMs) {
      await sleep(clock, LOOK_AGAIN_MS);
    }
    // Until it has heard who leads, it could not say so to those who ask.
    while (!loop.ended && this.#leader() === 0n && clock.monotonicMs() < deadlineMs) {
      await sleep(clock, LOOK_AGAIN_MS);
    }
  }

  #leader(): bigint {
    return this.#parts.raft.status.leader;
  }

  #bestOther(): bigint | undefined {
    const { raft, self } = this.#parts;
    let best: { id: bigint; match: number } | undefined;
    for (const { id, isLearner, match } of raft.status.progress) {
      if (id === self || isLearner || !this.#parts.reachable(id)) continue;
      if (best === undefined || match > best.match) best = { id, match };
    }
    return best?.id;
  }
}
