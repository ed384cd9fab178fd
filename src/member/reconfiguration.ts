import { unreachable } from '../base/assert.js';
import type { ConfetdError } from '../base/errors.js';
import { etcdError } from '../base/etcd-errors.js';
import type { Member } from '../cluster/members.js';
import { type MemberChange, MemberChange_Kind } from '../proto/generated/member.js';
import type { RaftStatus } from '../raft/rawnode.js';

/** etcd's: a member counts as connected that has been for so long. Milliseconds. */
const HEALTHY_AFTER_MS = 5_000;
/** Of the leader's log, that a learner must hold to be given a vote. */
const READY_SHARE = 0.9;

/** What a leader sees of its cluster. */
export interface ClusterView {
  readonly self: bigint;
  readonly members: readonly Member[];
  readonly status: RaftStatus;
  readonly nowMs: number;
  /** As Transport.activeSince. */
  activeSince(id: bigint): number | undefined;
}

/**
 * Why a leader won't begin a change that would leave, or could soon leave, too few members for a quorum: etcd's
 * strict-reconfig-check. Undefined: it may begin. Other than in etcd a learner may come while a voter is down: it counts
 * for nothing until it is promoted, so that the one in a dead member's place can be there before the dead one goes.
 */
export function quorumFault(view: ClusterView, { kind, member }: MemberChange): ConfetdError | undefined {
  switch (kind) {
    case MemberChange_Kind.ADD:
      return member?.isLearner === true ? undefined : additionFault(view);
    case MemberChange_Kind.REMOVE:
      return removalFault(view, member?.id ?? 0n);
    case MemberChange_Kind.PROMOTE:
      return enoughStarted(votersOf(view), 1, 1);
    case MemberChange_Kind.UPDATE:
      return undefined;
    default:
      return unreachable(kind);
  }
}

/** Why a learner can't be given a vote yet. One that isn't known here isn't this rule's matter. */
export function learnerFault({ self, status }: ClusterView, id: bigint): ConfetdError | undefined {
  const matchOf = (wanted: bigint) => status.progress.find((member) => member.id === wanted)?.match;
  const match = matchOf(id);
  if (match === undefined) return undefined;
  return match < (matchOf(self) ?? 0) * READY_SHARE ? etcdError('learnerNotReady') : undefined;
}

function additionFault(view: ClusterView): ConfetdError | undefined {
  const voters = votersOf(view);
  const grows = voters.length === 1 && voters.every(isStarted);
  if (!grows) {
    const fault = enoughStarted(voters, 1, 0);
    if (fault !== undefined) return fault;
  }
  return connected(view, voters) < voters.length ? etcdError('unhealthy') : undefined;
}

function removalFault(view: ClusterView, id: bigint): ConfetdError | undefined {
  const { self, members } = view;
  if (members.find((member) => member.id === id)?.isLearner === true) return undefined;
  const voters = votersOf(view);
  const fault = enoughStarted(
    voters.filter((voter) => voter.id !== id),
    0,
    0,
  );
  if (fault !== undefined) return fault;
  // One that is down isn't part of the quorum that is there.
  if (id !== self && view.activeSince(id) === undefined) return undefined;
  const quorumAfter = 1 + Math.floor((voters.length - 1) / 2);
  return connected(view, voters) - 1 < quorumAfter ? etcdError('unhealthy') : undefined;
}

function votersOf({ members }: ClusterView): readonly Member[] {
  return members.filter(({ isLearner }) => !isLearner);
}

/** A member makes its name known when it starts. */
function isStarted({ name }: Member): boolean {
  return name !== '';
}

/** Whether the started ones of a configuration, with `more` members of which `moreStarted` run, are a quorum of it. */
function enoughStarted(
  voters: readonly Member[],
  more: number,
  moreStarted: number,
): ConfetdError | undefined {
  const quorum = Math.floor((voters.length + more) / 2) + 1;
  const started = voters.filter(isStarted).length + moreStarted;
  return started < quorum ? etcdError('notEnoughStarted') : undefined;
}

/** This member, and those that have been connected for a while. */
function connected(view: ClusterView, voters: readonly Member[]): number {
  return voters.filter(({ id }) => {
    if (id === view.self) return true;
    const since = view.activeSince(id);
    return since !== undefined && since <= view.nowMs - HEALTHY_AFTER_MS;
  }).length;
}
