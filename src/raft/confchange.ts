import { assert } from '../base/assert.js';
import { type ConfChange, ConfChangeType, type ConfState } from '../proto/generated/raft.js';
import { Progress, type ProgressLimits } from './progress.js';
import { quorumIndex } from './quorum.js';
import { NOBODY, type NodeId } from './types.js';

/**
 * The configuration after one member was added or removed (thesis, section 4.1: majorities of two configurations that
 * differ in one voter overlap). Undefined: it would take the last voter. A change of nobody (ID 0) changes nothing: that
 * is how the state machine applies one it has refused. A joiner begins with a configuration of nobody.
 */
export function nextConfState(conf: ConfState, change: ConfChange): ConfState | undefined {
  const id = change.nodeId;
  const without = (ids: readonly NodeId[]) => ids.filter((other) => other !== id);
  const ordered = (ids: readonly NodeId[]) => ids.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  let { voters, learners } = conf;
  if (id !== NOBODY) {
    switch (change.type) {
      case ConfChangeType.ADD_NODE:
        voters = [...without(voters), id];
        learners = without(learners);
        break;
      case ConfChangeType.ADD_LEARNER_NODE:
        voters = without(voters);
        learners = [...without(learners), id];
        break;
      case ConfChangeType.REMOVE_NODE:
        voters = without(voters);
        learners = without(learners);
        break;
      case ConfChangeType.UPDATE_NODE:
        break;
    }
  }
  if (voters.length === 0 && conf.voters.length > 0) return undefined;
  return { voters: ordered(voters), learners: ordered(learners) };
}

/** The configuration in force, and what a leader knows of each of its members. */
export class Membership {
  readonly #limits: ProgressLimits;
  readonly #voters = new Set<NodeId>();
  readonly #progress = new Map<NodeId, Progress>();

  constructor(conf: ConfState, limits: ProgressLimits) {
    this.#limits = limits;
    this.set(conf, 0);
  }

  get voters(): ReadonlySet<NodeId> {
    return this.#voters;
  }

  get confState(): ConfState {
    const conf: ConfState = { voters: [...this.#voters], learners: [] };
    for (const { id, isLearner } of this.#progress.values()) if (isLearner) conf.learners.push(id);
    return conf;
  }

  /** Voters and learners, this member among them. */
  get progress(): ReadonlyMap<NodeId, Progress> {
    return this.#progress;
  }

  isVoter(id: NodeId): boolean {
    return this.#voters.has(id);
  }

  /** Members that stay keep their progress; new ones start after `lastIndex`. */
  set(conf: ConfState, lastIndex: number): void {
    this.#voters.clear();
    for (const id of conf.voters) this.#voters.add(id);
    const learners = new Set(conf.learners);
    for (const id of this.#progress.keys()) {
      if (!this.#voters.has(id) && !learners.has(id)) this.#progress.delete(id);
    }
    for (const id of [...this.#voters, ...learners]) {
      assert(id !== NOBODY, 'a configuration names member 0');
      const isLearner = !this.#voters.has(id);
      const known = this.#progress.get(id);
      if (known !== undefined) {
        known.isLearner = isLearner;
        continue;
      }
      const added = new Progress(id, lastIndex + 1, isLearner, this.#limits);
      // So that a quorum check that is due soon doesn't take a member that was just added for a lost one.
      added.recentActive = true;
      this.#progress.set(id, added);
    }
  }

  /** For a new leader: nothing is known of anybody's log. */
  resetProgress(lastIndex: number): void {
    for (const [id, { isLearner }] of this.#progress) {
      this.#progress.set(id, new Progress(id, lastIndex + 1, isLearner, this.#limits));
    }
  }

  /** What a majority of the voters has durable. */
  quorumMatch(): number {
    const matches: number[] = [];
    for (const id of this.#voters) matches.push(this.#progress.get(id)?.match ?? 0);
    return quorumIndex(matches);
  }

  /** Whether a majority of the voters was heard of since the last check; begins the next period. */
  checkQuorum(self: NodeId): boolean {
    let active = 0;
    for (const progress of this.#progress.values()) {
      if (!progress.isLearner && (progress.recentActive || progress.id === self)) active++;
      progress.recentActive = false;
    }
    return active * 2 > this.#voters.size;
  }
}
