import { type ClientDuplexStream, Metadata, type ServiceError, status as Status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  AlarmRequest,
  AlarmType,
  ClusterService,
  DowngradeRequest,
  LeaseGrantRequest,
  type LeaseKeepAliveRequest,
  type LeaseKeepAliveResponse,
  LeaseService,
  LeaseTimeToLiveRequest,
  MaintenanceService,
  MemberListRequest,
  StatusRequest,
} from '../../../../src/proto/generated/etcd_rpc.js';
import {
  RenderService,
  RenderStatusResponse,
  RenderWaitRequest,
  RenderWaitResponse,
} from '../../../../src/proto/generated/render.js';
import { Harness } from '../harness.js';

let harness: Harness;
beforeEach(async () => {
  harness = await Harness.start({ limits: { maxKeepAlivesInFlight: 4 } });
});
afterEach(() => harness.stop());

describe('Lease', () => {
  const keepAlive = (
    metadata = new Metadata(),
  ): ClientDuplexStream<LeaseKeepAliveRequest, LeaseKeepAliveResponse> => {
    const { path, requestSerialize, responseDeserialize } = LeaseService.leaseKeepAlive;
    return harness.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata);
  };
  const grant = (ID: bigint, TTL: number) =>
    harness.call(LeaseService.leaseGrant, { ...LeaseGrantRequest.fromPartial({}), ID, TTL });

  it('grants, lists and shows leases; one that is missing has TTL -1', async () => {
    expect(await grant(7n, 20)).toMatchObject({
      ID: 7n,
      TTL: 20,
      header: { revision: 1, memberId: 0x8e9e05c52164694dn },
    });
    expect((await harness.call(LeaseService.leaseLeases, {})).leases).toEqual([{ ID: 7n }]);
    const shown = await harness.call(
      LeaseService.leaseTimeToLive,
      LeaseTimeToLiveRequest.fromPartial({ ID: 7n }),
    );
    expect(shown).toMatchObject({ TTL: 20, grantedTTL: 20 });
    const missing = await harness.call(
      LeaseService.leaseTimeToLive,
      LeaseTimeToLiveRequest.fromPartial({ ID: 8n }),
    );
    expect(missing).toMatchObject({ ID: 8n, TTL: -1, grantedTTL: 0, header: { revision: 1 } });
  });

  it('answers keep-alives in order, few at a time, TTL 0 for a lease that is gone', async () => {
    await grant(1n, 30);
    let open = () => {};
    harness.member.gate = new Promise((resolve) => {
      open = resolve;
    });
    const call = keepAlive();
    const answers: LeaseKeepAliveResponse[] = [];
    const done = new Promise<void>((resolve) => call.on('end', resolve));
    call.on('data', (answer: LeaseKeepAliveResponse) => answers.push(answer));
    const asked = Array.from({ length: 100 }, (_, i) => (i % 3 === 0 ? 1n : BigInt(1000 + i)));
    for (const ID of asked) call.write({ ID });
    call.end();
    await expect.poll(() => harness.member.keepAlivesUnderWay).toBeGreaterThan(0);
    open();
    await done;
    expect(answers.map(({ ID }) => ID)).toEqual(asked);
    expect(answers.map(({ TTL }) => TTL)).toEqual(asked.map((ID) => (ID === 1n ? 30 : 0)));
    expect(answers[0]?.header).toMatchObject({ revision: 1, raftTerm: 2, memberId: 0x8e9e05c52164694dn });
    expect(harness.member.mostKeepAlives).toBe(4);
  });

  it('ends the stream with what the member refuses', async () => {
    harness.member.failures.set('leaseKeepAlive', new TypeError('broken'));
    const call = keepAlive();
    const failed = new Promise<ServiceError>((resolve) => call.on('error', resolve));
    call.on('data', () => {});
    call.write({ ID: 1n });
    expect((await failed).code).toBe(Status.INTERNAL);
  });

  it('ends a keep-alive stream that requires a leader when there is none', async () => {
    const metadata = new Metadata();
    metadata.set('hasleader', 'true');
    const call = keepAlive(metadata);
    const failed = new Promise<ServiceError>((resolve) => call.on('error', resolve));
    const answered = new Promise((resolve) => call.on('data', resolve));
    call.write({ ID: 1n });
    await answered;
    harness.member.leader = 0n;
    expect(await failed).toMatchObject({ code: Status.UNAVAILABLE, details: 'etcdserver: no leader' });
  });
});

describe('Cluster and Maintenance', () => {
  it('lists members under a header without revision', async () => {
    const { header, members } = await harness.call(
      ClusterService.memberList,
      MemberListRequest.fromPartial({}),
    );
    expect(header).toEqual({
      clusterId: 0xcdf818194e3a8c32n,
      memberId: 0x8e9e05c52164694dn,
      revision: 0,
      raftTerm: 2,
    });
    expect(members.map(({ name, clientURLs }) => [name, clientURLs])).toEqual([
      ['default', ['http://localhost:2379']],
    ]);
  });

  it('shows the status of the member, its alarms, and that no leader is known', async () => {
    const status = await harness.call(MaintenanceService.status, StatusRequest.fromPartial({}));
    expect(status).toMatchObject({
      version: '3.4.23',
      leader: 0x8e9e05c52164694dn,
      dbSize: 20480,
      dbSizeInUse: 16384,
      raftTerm: 2,
      raftIndex: 4,
      raftAppliedIndex: 3,
      isLearner: false,
      errors: [],
      header: { revision: 1, memberId: 0x8e9e05c52164694dn },
    });
    const raise = AlarmRequest.fromPartial({ action: 1, memberID: 9n, alarm: AlarmType.Nospace });
    expect((await harness.call(MaintenanceService.alarm, raise)).alarms).toEqual([
      { memberID: 9n, alarm: 1 },
    ]);
    harness.member.leader = 0n;
    const { errors, leader } = await harness.call(MaintenanceService.status, StatusRequest.fromPartial({}));
    expect(leader).toBe(0n);
    expect(errors).toEqual(['etcdserver: no leader', 'memberID:9 alarm:NOSPACE ']);
  });

  it('answers Unimplemented to what is not there, with what to do instead', async () => {
    const { path, requestSerialize, responseDeserialize } = MaintenanceService.snapshot;
    const stream = harness.client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {});
    const snapshot = await new Promise((resolve) => {
      stream.on('error', resolve);
      stream.on('data', resolve);
    });
    expect(snapshot).toMatchObject({
      code: Status.UNIMPLEMENTED,
      details: expect.stringContaining('copy its data folder'),
    });
    const downgrade = DowngradeRequest.fromPartial({});
    expect(await harness.refusal(MaintenanceService.downgrade, downgrade)).toMatchObject({
      code: Status.UNIMPLEMENTED,
      details: expect.stringContaining('start the other version'),
    });
    expect(await harness.refusal(RenderService.status, {})).toMatchObject({ code: Status.UNIMPLEMENTED });
  });
});

describe('Render', () => {
  it("passes on the renderer's answers, and bounds how long a call waits", async () => {
    const waits: [number, number][] = [];
    const other = await Harness.start({
      render: {
        status: async () => RenderStatusResponse.fromPartial({ source: 'embedded', sourceRevision: 12 }),
        why: () => Promise.reject(new Error('not used')),
        wait: async (revision, timeoutMs) => {
          waits.push([revision, timeoutMs]);
          return RenderWaitResponse.fromPartial({ latencyMs: 1.5, files: [{ dest: '/out', revision }] });
        },
        pause: () => Promise.reject(new Error('not used')),
        resume: () => Promise.reject(new Error('not used')),
        accept: () => Promise.reject(new Error('not used')),
      },
    });
    const wait = (revision: number, timeoutMs: number) =>
      RenderWaitRequest.fromPartial({ revision, timeoutMs });
    expect(await other.call(RenderService.status, {})).toMatchObject({
      source: 'embedded',
      sourceRevision: 12,
    });
    const answer = await other.call(RenderService.wait, wait(5, 250));
    await other.call(RenderService.wait, wait(6, 0));
    await other.call(RenderService.wait, wait(7, 1e12));
    const refused = await other.refusal(RenderService.wait, wait(-1, 0));
    await other.stop();
    expect(answer).toMatchObject({ latencyMs: 1.5, files: [{ dest: '/out', revision: 5 }] });
    expect(waits).toEqual([
      [5, 250],
      [6, 60_000],
      [7, 600_000],
    ]);
    expect(refused.code).toBe(Status.INVALID_ARGUMENT);
  });
});
