import { unreachable } from '../base/assert.js';
import { ConfetdError } from '../base/errors.js';
import { etcdError } from '../base/etcd-errors.js';
import { MemberChange, MemberChange_Kind } from '../proto/generated/member.js';
import { type ConfChange, ConfChangeType } from '../proto/generated/raft.js';
import type { ConfChangeRefusal, ProposalRefusal } from '../raft/types.js';

/** The entry that raft sees of a change of the membership. */
export function toConfChange(change: MemberChange): ConfChange {
  return {
    id: 0n,
    type: confChangeType(change),
    nodeId: change.member?.id ?? 0n,
    context: Buffer.from(MemberChange.encode(change).finish()),
  };
}

function confChangeType({ kind, member }: MemberChange): ConfChangeType {
  switch (kind) {
    case MemberChange_Kind.ADD:
      return member?.isLearner === true ? ConfChangeType.ADD_LEARNER_NODE : ConfChangeType.ADD_NODE;
    case MemberChange_Kind.PROMOTE:
      return ConfChangeType.ADD_NODE;
    case MemberChange_Kind.REMOVE:
      return ConfChangeType.REMOVE_NODE;
    case MemberChange_Kind.UPDATE:
      return ConfChangeType.UPDATE_NODE;
    default:
      return unreachable(kind);
  }
}

/** Why raft took no proposal, in etcd's words. */
export function proposalRefusal(why: ProposalRefusal): ConfetdError {
  switch (why) {
    case 'uncommitted log is full':
      return etcdError('tooManyRequests');
    case 'leadership is being transferred':
      return etcdError('leaderChanged');
    case 'no leader':
    case 'not a voter':
      return etcdError('noLeader');
    default:
      return unreachable(why);
  }
}

export function confChangeRefusal(why: ConfChangeRefusal): ConfetdError {
  if (why === 'a configuration change is pending') {
    return new ConfetdError('unavailable', 'another change of the membership is under way: try again');
  }
  if (why === 'no voter would be left') {
    return new ConfetdError('failed_precondition', 'etcdserver: the last voting member can not be removed');
  }
  return proposalRefusal(why);
}
