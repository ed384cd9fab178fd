import { status as Status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type EtcdErrorName, etcdError } from '../../../../src/base/etcd-errors.js';
import {
  ClusterService,
  DefragmentRequest,
  HashKVRequest,
  HashRequest,
  KVService,
  MaintenanceService,
  MemberAddRequest,
  MemberListRequest,
  MemberPromoteRequest,
  MemberRemoveRequest,
  MemberUpdateRequest,
  MoveLeaderRequest,
  RangeRequest,
  StatusRequest,
} from '../../../../src/proto/generated/etcd_rpc.js';
import { Harness } from '../harness.js';

let harness: Harness;
beforeEach(async () => {
  harness = await Harness.start();
});
afterEach(() => harness.stop());

const add = MemberAddRequest.fromPartial({ peerURLs: ['http://10.0.0.4:2380'], isLearner: true });

describe('changes of the membership', () => {
  test('reach the member, and their headers name no revision', async () => {
    const { member } = harness;
    const header = {
      clusterId: 0xcdf818194e3a8c32n,
      memberId: member.identity.memberId,
      revision: 0,
      raftTerm: 2,
    };
    const added = await harness.call(ClusterService.memberAdd, add);
    expect(added.header).toEqual(header);
    expect(added.member).toMatchObject({ peerURLs: ['http://10.0.0.4:2380'], isLearner: true, name: '' });
    expect(added.members).toHaveLength(2);
    const ID = added.member?.ID ?? 0n;

    const peerURLs = ['http://10.0.0.5:2380'];
    const update = MemberUpdateRequest.fromPartial({ ID, peerURLs });
    const updated = await harness.call(ClusterService.memberUpdate, update);
    expect(updated).toMatchObject({ header, members: [{}, { ID, peerURLs, isLearner: true }] });

    const promoted = await harness.call(
      ClusterService.memberPromote,
      MemberPromoteRequest.fromPartial({ ID }),
    );
    expect(promoted).toMatchObject({ header, members: [{}, { ID, isLearner: false }] });

    const removed = await harness.call(ClusterService.memberRemove, MemberRemoveRequest.fromPartial({ ID }));
    expect(removed.header).toEqual(header);
    expect(removed.members).toHaveLength(1);
  });

  // As a real etcd 3.4 answers; trap 10 is the one without a code of its own.
  test.each<[EtcdErrorName, number, string]>([
    ['memberNotFound', Status.NOT_FOUND, 'member not found'],
    ['memberIdExists', Status.FAILED_PRECONDITION, 'member ID already exist'],
    ['peerUrlExists', Status.FAILED_PRECONDITION, 'Peer URLs already exists'],
    ['badMemberUrls', Status.INVALID_ARGUMENT, 'given member URLs are invalid'],
    ['tooManyLearners', Status.FAILED_PRECONDITION, 'too many learner members in cluster'],
    ['unhealthy', Status.UNAVAILABLE, 'unhealthy cluster'],
    ['notEnoughStarted', Status.UNKNOWN, 're-configuration failed due to not enough started members'],
  ])('%s keeps its code and sentence', async (name, code, sentence) => {
    harness.member.failures.set('memberAdd', etcdError(name));
    const refusal = await harness.refusal(ClusterService.memberAdd, add);
    expect(refusal).toEqual({ code, details: `etcdserver: ${sentence}` });
  });
});

describe('moving the leader', () => {
  test('its answer has no header, as etcd’s', async () => {
    harness.member.members.push({ ID: 7n, name: 'b', peerURLs: [], clientURLs: [], isLearner: false });
    const request = MoveLeaderRequest.fromPartial({ targetID: 7n });
    expect(await harness.call(MaintenanceService.moveLeader, request)).toEqual({ header: undefined });
    expect(harness.member.leader).toBe(7n);
  });

  test.each<[EtcdErrorName, string]>([
    ['notLeader', 'not leader'],
    ['badLeaderTransferee', 'bad leader transferee'],
  ])('%s', async (name, sentence) => {
    harness.member.failures.set('moveLeader', etcdError(name));
    const refusal = await harness.refusal(MaintenanceService.moveLeader, MoveLeaderRequest.fromPartial({}));
    expect(refusal).toEqual({ code: Status.FAILED_PRECONDITION, details: `etcdserver: ${sentence}` });
  });
});

test('hashes, of a revision and of everything; defragmenting has nothing to do', async () => {
  harness.member.compacted = 3;
  const at = HashKVRequest.fromPartial({ revision: 5 });
  expect(await harness.call(MaintenanceService.hashKv, at)).toMatchObject({
    header: { memberId: harness.member.identity.memberId, revision: 1 },
    hash: 0xc0ffee + 5,
    compactRevision: 3,
  });
  harness.member.compacted = 0;
  expect((await harness.call(MaintenanceService.hashKv, at)).compactRevision).toBe(-1);
  const whole = await harness.call(MaintenanceService.hash, HashRequest.fromPartial({}));
  expect(whole).toMatchObject({ header: { revision: 1 }, hash: 0xc0ffee });
  const defragment = DefragmentRequest.fromPartial({});
  expect(await harness.call(MaintenanceService.defragment, defragment)).toEqual({ header: undefined });
});

test('a learner serves its status, and refuses what needs a vote', async () => {
  harness.member.isLearner = true;
  const refused = { code: Status.FAILED_PRECONDITION, details: 'etcdserver: rpc not supported for learner' };
  const status = await harness.call(MaintenanceService.status, StatusRequest.fromPartial({}));
  expect(status.isLearner).toBe(true);
  expect(await harness.refusal(ClusterService.memberAdd, add)).toEqual(refused);
  expect(await harness.refusal(ClusterService.memberList, MemberListRequest.fromPartial({}))).toEqual(
    refused,
  );
  expect(await harness.refusal(MaintenanceService.defragment, DefragmentRequest.fromPartial({}))).toEqual(
    refused,
  );
  expect(await harness.refusal(MaintenanceService.hashKv, HashKVRequest.fromPartial({}))).toEqual(refused);
  const range = RangeRequest.fromPartial({ key: Buffer.from('k') });
  expect(await harness.refusal(KVService.range, range)).toEqual(refused);
});
