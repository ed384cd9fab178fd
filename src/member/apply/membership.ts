import { assert } from '../../base/assert.js';
import type { ConfetdError } from '../../base/errors.js';
import { memberChangeFault } from '../../cluster/member-rules.js';
import {
  getMember,
  isRemoved,
  listMembers,
  type Member,
  putMember,
  putRemovedMember,
  removeMember,
} from '../../cluster/members.js';
import { MemberChange, MemberChange_Kind } from '../../proto/generated/member.js';
import type { ConfChange } from '../../proto/generated/raft.js';
import type { WriteTxn } from '../../store/write-txn.js';

/** What became of a change of the membership. */
export interface AppliedMemberChange {
  /** What raft is to apply: the change, or one of nobody (ID 0) where it is refused. */
  readonly accepted: ConfChange;
  /** As it is from here on, or as it was when it was removed. */
  readonly member: Member | undefined;
  readonly refused: ConfetdError | undefined;
}

/**
 * Applies a change to the tables of members. What the leader has checked is checked again: it looked at an older state,
 * and another change may have come between.
 */
export function applyMemberChange(txn: Pick<WriteTxn, 'table'>, change: ConfChange): AppliedMemberChange {
  const members = txn.table('members');
  const removed = txn.table('removedMembers');
  const wanted = MemberChange.decode(change.context);
  const refused = memberChangeFault(
    { members: listMembers(members), isRemoved: (id) => isRemoved(removed, id) },
    wanted,
  );
  if (refused !== undefined || wanted.member === undefined) {
    return { accepted: { ...change, nodeId: 0n }, member: undefined, refused };
  }
  const { kind, member } = wanted;
  assert(member.id === change.nodeId, 'a change of the membership names one member to raft and another here');
  if (kind === MemberChange_Kind.REMOVE) {
    const gone = getMember(members, member.id);
    removeMember(members, member.id);
    putRemovedMember(removed, member.id);
    return { accepted: change, member: gone, refused };
  }
  const now = changed(getMember(members, member.id) ?? member, wanted.kind, member);
  putMember(members, now);
  return { accepted: change, member: now, refused };
}

function changed(known: Member, kind: MemberChange_Kind, wanted: Member): Member {
  if (kind === MemberChange_Kind.UPDATE) return { ...known, peerUrls: wanted.peerUrls };
  if (kind === MemberChange_Kind.PROMOTE) return { ...known, isLearner: false };
  return wanted;
}
