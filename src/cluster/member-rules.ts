import { unreachable } from '../base/assert.js';
import { ConfetdError } from '../base/errors.js';
import { etcdError } from '../base/etcd-errors.js';
import { type MemberChange, MemberChange_Kind } from '../proto/generated/member.js';
import type { Member } from './members.js';

/** etcd's bound: each learner costs the leader as much as a voter and adds no safety. */
const MAX_LEARNERS = 1;

/** Who belongs to the cluster, and who once did. */
export interface MemberView {
  readonly members: readonly Member[];
  isRemoved(id: bigint): boolean;
}

/**
 * Why a change can't be, in etcd's words; undefined: it can. It looks at the replicated membership alone, so that all
 * members decide alike where they apply it.
 */
export function memberChangeFault(
  view: MemberView,
  { kind, member: wanted }: MemberChange,
): ConfetdError | undefined {
  if (wanted === undefined || view.isRemoved(wanted.id)) return etcdError('memberNotFound');
  const { members } = view;
  const known = members.find(({ id }) => id === wanted.id);
  if (kind === MemberChange_Kind.ADD) {
    if (known !== undefined) return etcdError('memberIdExists');
    if (hasUrlOf(members, wanted)) return etcdError('peerUrlExists');
    const learners = members.filter(({ isLearner }) => isLearner).length;
    return wanted.isLearner && learners >= MAX_LEARNERS ? etcdError('tooManyLearners') : undefined;
  }
  if (known === undefined) return etcdError('memberNotFound');
  switch (kind) {
    case MemberChange_Kind.REMOVE:
      return members.some(({ id, isLearner }) => !isLearner && id !== known.id)
        ? undefined
        : new ConfetdError('failed_precondition', 'etcdserver: the last voting member can not be removed');
    case MemberChange_Kind.UPDATE:
      return hasUrlOf(members, wanted) ? etcdError('peerUrlExists') : undefined;
    case MemberChange_Kind.PROMOTE:
      return known.isLearner ? undefined : etcdError('memberNotLearner');
    default:
      return unreachable(kind);
  }
}

/** Whether a member other than this one has one of its URLs. */
function hasUrlOf(members: readonly Member[], { id, peerUrls }: Member): boolean {
  return members.some((other) => other.id !== id && other.peerUrls.some((url) => peerUrls.includes(url)));
}
