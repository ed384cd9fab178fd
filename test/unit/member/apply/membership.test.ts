import { expect, test } from 'vitest';
import { getMember, isRemoved, listMembers, type Member } from '../../../../src/cluster/members.js';
import { applyMemberChange } from '../../../../src/member/apply/membership.js';
import { toConfChange } from '../../../../src/member/member-changes.js';
import { MemberChange_Kind as Kind } from '../../../../src/proto/generated/member.js';
import { ConfChangeType } from '../../../../src/proto/generated/raft.js';
import { entry, openStore } from '../../store/harness.js';

const member = (id: bigint, more: Partial<Member> = {}): Member => ({
  id,
  name: '',
  peerUrls: [`http://10.0.0.${id}:2380`],
  clientUrls: [],
  isLearner: false,
  ...more,
});

function cluster() {
  const store = openStore();
  const change = (kind: Kind, wanted: Member) =>
    entry(store, (txn) => applyMemberChange(txn, toConfChange({ id: undefined, kind, member: wanted })));
  change(Kind.ADD, member(1n));
  change(Kind.ADD, member(2n, { name: 'b', clientUrls: ['http://10.0.0.2:2379'], isLearner: true }));
  return { store, change };
}

test('an addition is a row, and raft gets it as it is', () => {
  const { store, change } = cluster();
  const { accepted, member: added, refused } = change(Kind.ADD, member(3n));
  expect(accepted).toMatchObject({ type: ConfChangeType.ADD_NODE, nodeId: 3n });
  expect([added, refused]).toEqual([member(3n), undefined]);
  expect(listMembers(store.table('members')).map(({ id }) => id)).toEqual([1n, 2n, 3n]);
});

test('a refusal reaches raft as a change of nobody, and leaves the tables alone', () => {
  const { store, change } = cluster();
  const before = listMembers(store.table('members'));
  const { accepted, refused } = change(Kind.ADD, member(9n, { peerUrls: ['http://10.0.0.1:2380'] }));
  expect(accepted.nodeId).toBe(0n);
  expect(refused?.message).toBe('etcdserver: Peer URLs already exists');
  expect(listMembers(store.table('members'))).toEqual(before);
});

test('a promotion and an update keep what they are not about', () => {
  const { store, change } = cluster();
  const known = { name: 'b', clientUrls: ['http://10.0.0.2:2379'] };
  expect(change(Kind.UPDATE, member(2n, { peerUrls: ['http://new:1'] })).member).toEqual(
    // A learner stays one: etcd 3.4 forgets that here.
    member(2n, { ...known, peerUrls: ['http://new:1'], isLearner: true }),
  );
  expect(change(Kind.PROMOTE, member(2n, { peerUrls: [] })).member).toEqual(
    member(2n, { ...known, peerUrls: ['http://new:1'] }),
  );
  expect(getMember(store.table('members'), 2n)?.isLearner).toBe(false);
});

test('a removed ID is gone for ever', () => {
  const { store, change } = cluster();
  expect(change(Kind.REMOVE, member(2n, { peerUrls: [] })).member?.name).toBe('b');
  expect(isRemoved(store.table('removedMembers'), 2n)).toBe(true);
  expect(getMember(store.table('members'), 2n)).toBeUndefined();
  expect(change(Kind.ADD, member(2n)).refused?.message).toBe('etcdserver: member not found');
  expect(change(Kind.REMOVE, member(2n)).accepted.nodeId).toBe(0n);
});

test('the last voter stays, whatever the leader has let through', () => {
  const { change } = cluster();
  expect(change(Kind.REMOVE, member(1n))).toMatchObject({ accepted: { nodeId: 0n }, member: undefined });
});
