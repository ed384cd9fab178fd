import { describe, expect, test } from 'vitest';
import type { Member } from '../../../src/member/member.js';
import {
  AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmType,
  CompactionRequest,
  DeleteRangeRequest,
  LeaseGrantRequest,
  LeaseTimeToLiveRequest,
  PutRequest,
  RangeRequest,
  TxnRequest,
} from '../../../src/proto/generated/etcd_rpc.js';
import type { WatchBatch } from '../../../src/store/types.js';
import { VirtualClock } from '../../sim/clock.js';
import { SimHost } from '../../sim/host.js';

const bytes = (text: string): Buffer => Buffer.from(text);
const put = (key: string, value: string, lease = 0n) =>
  PutRequest.fromPartial({ key: bytes(key), value: bytes(value), lease });
const get = (key: string) => RangeRequest.fromPartial({ key: bytes(key) });

async function started(seed = 1, options: Parameters<SimHost['start']>[0] = {}) {
  const clock = new VirtualClock();
  const host = new SimHost(clock, seed);
  const member = await clock.until(host.start(options));
  // What it tells the cluster about itself is through the log.
  await clock.advance(100);
  return { clock, host, member };
}

async function textAt(clock: VirtualClock, member: Member, key: string): Promise<string | undefined> {
  const { kvs } = await clock.until(member.range(get(key)));
  return kvs[0]?.value.toString();
}

describe('a new cluster of one', () => {
  test('is at revision 1 and raft index 4, as etcd is after its start', async () => {
    const { clock, member } = await started();
    expect(member.revision).toBe(1);
    expect(member.status()).toMatchObject({ term: 2, committedIndex: 4, appliedIndex: 4, errors: [] });
    const { members } = await clock.until(member.memberList({ linearizable: true }));
    expect(members).toEqual([
      {
        ID: 0x8e9e05c52164694dn,
        name: 'default',
        peerURLs: ['http://localhost:2380'],
        clientURLs: ['http://localhost:2379'],
        isLearner: false,
      },
    ]);
  });

  test('goes on where it was after a clean stop, in another term', async () => {
    const { clock, host, member } = await started();
    await clock.until(member.put(put('/a', '1')));
    await clock.until(member.stop());
    await expect(clock.until(member.put(put('/a', '2')))).rejects.toThrow('etcdserver: server stopped');
    const again = await clock.until(host.start());
    expect(await textAt(clock, again, '/a')).toBe('1');
    expect(again.revision).toBe(2);
    expect(again.term).toBe(3);
  });

  test('a folder of another cluster is refused, and told whose it is', async () => {
    const { clock, host, member } = await started();
    await clock.until(member.stop());
    const { parseInitialCluster } = await import('../../../src/cluster/bootstrap.js');
    const cluster = parseInitialCluster({
      initialCluster: 'default=http://localhost:2380',
      token: 'another',
      name: 'default',
      advertisePeerUrls: ['http://localhost:2380'],
    });
    await expect(clock.until(host.start({ cluster }))).rejects.toThrow(
      /belongs to member 8e9e05c52164694d of cluster cdf818194e3a8c32, but the flags/,
    );
  });
});

describe('acknowledgement', () => {
  test('etcd #14370: a put on a single node is not answered before its sync', async () => {
    const { clock, host, member } = await started();
    let syncs = 0;
    let answered = false;
    host.disk.failWhen((step) => {
      if (step.operation === 'sync' && step.path.includes('/wal/')) {
        syncs++;
        expect(answered).toBe(false);
      }
      return undefined;
    });
    const before = syncs;
    await clock.until(
      member.put(put('/a', '1')).then(() => {
        answered = true;
      }),
    );
    expect(syncs).toBe(before + 1);
  });

  test('what arrives in one turn shares one sync', async () => {
    const { clock, host, member } = await started();
    let syncs = 0;
    host.disk.failWhen((step) => {
      if (step.operation === 'sync' && step.path.includes('/wal/')) syncs++;
      return undefined;
    });
    const answers = await clock.until(
      Promise.all(Array.from({ length: 20 }, (_, at) => member.put(put(`/k/${at}`, 'v')))),
    );
    expect(answers.map(({ header }) => header?.revision)).toEqual(answers.map((_, at) => at + 2));
    expect(syncs).toBeLessThanOrEqual(2);
  });

  test('a request over the limit is refused before the log', async () => {
    const { clock, member } = await started(1, { maxRequestBytes: 1000 });
    await expect(clock.until(member.put(put('/a', 'x'.repeat(1001))))).rejects.toThrow(
      'etcdserver: request is too large',
    );
    expect(member.pendingProposals).toBe(0);
    expect(member.revision).toBe(1);
  });
});

describe('what a member refuses to go on with', () => {
  const row = (key: string, fields: object) => [
    { table: 'meta' as const, key, value: bytes(JSON.stringify(fields)) },
  ];

  test('a state that is ahead of its log', async () => {
    const { clock, host, member } = await started();
    await clock.until(member.stop());
    await clock.until(host.state.write(row('applied', { format: 1, index: 999, term: 2, revision: 5 })));
    await expect(clock.until(host.start())).rejects.toThrow(/ends at entry \d+, but the state holds 999/);
  });

  test('a folder of a newer version', async () => {
    const { clock, host, member } = await started();
    await clock.until(member.stop());
    const identity = { format: 3, memberId: '8e9e05c52164694d', clusterId: 'cdf818194e3a8c32' };
    await clock.until(host.state.write(row('identity', identity)));
    await expect(clock.until(host.start())).rejects.toThrow('was written by a newer confetd (format 3');
  });

  test('not a folder from before clusters of several: it gets what it lacks, once', async () => {
    const { clock, host, member } = await started();
    await clock.until(member.put(put('/a', '1')));
    await clock.until(member.stop());
    const identity = { format: 1, memberId: '8e9e05c52164694d', clusterId: 'cdf818194e3a8c32' };
    await clock.until(host.state.write(row('identity', identity)));
    const stored = () => host.state.get('meta', 'identity')?.toString() ?? '';
    const again = await clock.until(host.start());
    expect(await textAt(clock, again, '/a')).toBe('1');
    const upgraded = stored();
    expect(JSON.parse(upgraded)).toMatchObject({ ...identity, format: 2, joined: false });
    await clock.until(again.stop());
    await clock.until((await clock.until(host.start())).stop());
    expect(stored()).toBe(upgraded);
  });

  test('an entry that it does not know: it halts, and halts again at the next start', async () => {
    const { clock, host, member } = await started();
    const future = { $case: 'of the future' } as unknown as Parameters<Member['propose']>[0];
    await expect(clock.until(member.propose(future))).rejects.toThrow('etcdserver: server stopped');
    expect(host.halted?.message).toContain('no request that this version knows');
    await expect(clock.until(member.put(put('/a', '1')))).rejects.toThrow('etcdserver: server stopped');
    host.crashProcess();
    await expect(clock.until(host.start())).rejects.toThrow('no request that this version knows');
  });
});

describe('requests', () => {
  test('a transaction is one revision to watchers, and all or nothing', async () => {
    const { clock, member } = await started();
    const batches: WatchBatch[] = [];
    member.watch(
      { key: '\0', end: '\0', startRevision: 0, noPut: false, noDelete: false },
      { deliver: (batch) => batches.push(batch) > 0, compacted: () => undefined },
    );
    const operation = (key: string, lease = 0n) => ({
      request: { $case: 'requestPut' as const, value: put(key, 'v', lease) },
    });
    const txn = (...success: ReturnType<typeof operation>[]) => TxnRequest.fromPartial({ success });
    await clock.until(member.txn(txn(operation('/a'), operation('/b'))));
    await expect(clock.until(member.txn(txn(operation('/c'), operation('/d', 7n))))).rejects.toThrow(
      'etcdserver: requested lease not found',
    );
    await clock.advance(0);
    expect(batches.map(({ revision, events }) => [revision, events.map(({ kv }) => kv.key)])).toEqual([
      [2, ['/a', '/b']],
    ]);
    expect(await textAt(clock, member, '/c')).toBeUndefined();
  });

  test('history before a compaction is refused, the revision itself is readable', async () => {
    const { clock, member } = await started();
    for (const value of ['1', '2', '3']) await clock.until(member.put(put('/a', value)));
    await clock.until(member.compact(CompactionRequest.fromPartial({ revision: 3, physical: true })));
    const at = (revision: number) => member.range(RangeRequest.fromPartial({ key: bytes('/a'), revision }));
    await expect(clock.until(at(2))).rejects.toThrow('required revision has been compacted');
    expect((await clock.until(at(3))).kvs[0]?.value.toString()).toBe('2');
    await expect(clock.until(at(9))).rejects.toThrow('required revision is a future revision');
  });

  test('a read-only transaction costs no entry in the log', async () => {
    const { clock, member } = await started();
    await clock.until(member.put(put('/a', '1')));
    const { appliedIndex } = member.status();
    const request = TxnRequest.fromPartial({
      success: [{ request: { $case: 'requestRange', value: get('/a') } }],
    });
    const { succeeded, responses } = await clock.until(member.txn(request));
    expect(succeeded).toBe(true);
    expect(responses[0]?.response).toMatchObject({ $case: 'responseRange', value: { count: 1 } });
    expect(member.status().appliedIndex).toBe(appliedIndex);
  });
});

describe('leases', () => {
  test('an expired lease takes its keys with it, in one revision', async () => {
    const { clock, member } = await started();
    const { ID, TTL } = await clock.until(member.leaseGrant(LeaseGrantRequest.fromPartial({ TTL: 5 })));
    expect(TTL).toBe(5);
    // The member's two lowest bytes lead the ID.
    expect(ID >> 48n).toBe(0x694dn);
    for (const key of ['/b', '/a']) await clock.until(member.put(put(key, 'v', ID)));
    await clock.advance(4_900);
    expect(await textAt(clock, member, '/a')).toBe('v');
    const { revision } = member;
    await clock.advance(1_500);
    expect(await textAt(clock, member, '/a')).toBeUndefined();
    expect(member.revision).toBe(revision + 1);
    expect(await clock.until(member.leaseKeepAlive(ID))).toBe(0);
    const gone = await clock.until(member.leaseTimeToLive(LeaseTimeToLiveRequest.fromPartial({ ID })));
    expect(gone.TTL).toBe(-1);
  });

  test('a restart gives each lease its whole time again: none ends early', async () => {
    const { clock, host, member } = await started();
    const { ID } = await clock.until(member.leaseGrant(LeaseGrantRequest.fromPartial({ TTL: 10 })));
    await clock.until(member.put(put('/a', 'v', ID)));
    await clock.advance(9_000);
    host.crashProcess();
    const again = await clock.until(host.start());
    await clock.advance(9_000);
    expect(await textAt(clock, again, '/a')).toBe('v');
    await clock.advance(2_000);
    expect(await textAt(clock, again, '/a')).toBeUndefined();
  });

  test('a time shorter than one and a half election timeouts is raised to it', async () => {
    const { clock, member } = await started();
    const { TTL } = await clock.until(member.leaseGrant(LeaseGrantRequest.fromPartial({ TTL: 1 })));
    expect(TTL).toBe(2);
  });
});

describe('quota', () => {
  test('reached, it raises NOSPACE: puts are refused, deletes and compaction are not, until it is disarmed', async () => {
    const { clock, host, member } = await started(1, { quotaBytes: 20_000 });
    const value = 'x'.repeat(2_000);
    let refused: unknown;
    for (let at = 0; at < 30 && refused === undefined; at++) {
      await clock.until(member.put(put(`/k/${at}`, value))).catch((error: unknown) => {
        refused = error;
      });
    }
    expect(refused).toMatchObject({
      code: 'resource_exhausted',
      message: 'etcdserver: mvcc: database space exceeded',
    });
    await clock.advance(100);
    const memberID = member.identity.memberId;
    expect(member.status().errors).toEqual([`memberID:${memberID} alarm:NOSPACE `]);
    // Replicated: it outlives the process, and so does what it refuses.
    host.crashProcess();
    const again = await clock.until(host.start({ quotaBytes: 2 ** 31 }));
    await expect(clock.until(again.put(put('/a', '1')))).rejects.toThrow('database space exceeded');
    const everything = DeleteRangeRequest.fromPartial({ key: bytes('\0'), rangeEnd: bytes('\0') });
    expect((await clock.until(again.deleteRange(everything))).deleted).toBeGreaterThan(0);
    await clock.until(again.compact(CompactionRequest.fromPartial({ revision: again.revision })));
    await clock.until(
      again.alarm(
        AlarmRequest.fromPartial({
          action: AlarmRequest_AlarmAction.Deactivate,
          alarm: AlarmType.Nospace,
          memberID,
        }),
      ),
    );
    await clock.until(again.put(put('/a', '1')));
    expect(again.status().errors).toEqual([]);
  });
});
