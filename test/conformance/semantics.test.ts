import { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ClusterService, KVService, type TxnRequest } from '../../src/proto/generated/etcd_rpc.js';
import { byBytes, delOp, putOp, rangeOp, txn } from './operations.js';
import { bytes, put, Rpc, range } from './rpc.js';
import { KINDS, type Server, startServer } from './servers.js';

const EVERY = { rangeEnd: bytes('\0') };

/** What clients depend on, beyond what the message types say: each case holds for a real etcd too. Transactions, watches and leases have files of their own. */
describe.each(KINDS)('semantics on %s', (kind) => {
  let server: Server & { stop(): Promise<void> };
  let rpc: Rpc;
  beforeAll(async () => {
    server = await startServer(kind);
    rpc = new Rpc(server.endpoint);
  });
  afterAll(async () => {
    rpc?.close();
    await server?.stop();
  });

  const refusedTxn = (request: Partial<TxnRequest>) => rpc.refusal(KVService.txn, txn(request));
  const keys = async (key: string, more: Parameters<Rpc['range']>[1] = {}) =>
    (await rpc.range(key, more)).kvs.map((kv) => kv.key.toString('latin1'));

  describe('revisions', () => {
    // The only case that wants an empty store.
    test('an empty store is at 1; what changes nothing moves nothing; the first write makes 2', async () => {
      expect(await rpc.revision()).toBe(1);
      expect((await rpc.del('nothing')).header?.revision).toBe(1);
      expect((await rpc.txn({})).header?.revision).toBe(1);
      expect((await rpc.txn({ success: [delOp('nothing'), rangeOp('nothing')] })).header?.revision).toBe(1);
      const first = await rpc.put('first');
      expect(first.header).toMatchObject({ revision: 2, raftTerm: 2 });
    });

    test('a txn’s writes share one, its answers’ headers carry nothing else, and the cluster service none', async () => {
      const before = await rpc.revision();
      const { header, responses } = await rpc.txn({ success: [putOp('t/1'), putOp('t/2'), rangeOp('t/1')] });
      expect(header?.revision).toBe(before + 1);
      for (const { response } of responses) {
        expect(response?.value.header).toEqual({
          clusterId: 0n,
          memberId: 0n,
          revision: before + 1,
          raftTerm: 0,
        });
      }
      const members = await rpc.call(ClusterService.memberList, { linearizable: false });
      expect(members.header?.revision).toBe(0);
      expect(members.header?.raftTerm).toBe(2);
    });

    test('version starts again at 1 after a deletion, create_revision with it', async () => {
      await rpc.put('v', '1');
      await rpc.put('v', '2');
      expect((await rpc.range('v')).kvs[0]?.version).toBe(2);
      await rpc.del('v');
      const { header } = await rpc.put('v', '3');
      const [kv] = (await rpc.range('v')).kvs;
      expect([kv?.version, kv?.createRevision, kv?.modRevision]).toEqual([
        1,
        header?.revision,
        header?.revision,
      ]);
    });

    test('the past can be read as it was until it is compacted; the compacted revision itself remains', async () => {
      const at = (await rpc.put('past', 'one')).header?.revision ?? 0;
      await rpc.put('past', 'two');
      await rpc.del('past');
      const value = async (revision: number) =>
        (await rpc.range('past', { revision })).kvs[0]?.value.toString();
      expect([await value(at), await value(at + 1), await value(at + 2)]).toEqual(['one', 'two', undefined]);
      await rpc.compact(at + 1, true);
      expect(await value(at + 1)).toBe('two');
      const read = (revision: number) => rpc.refusal(KVService.range, range('past', { revision }));
      expect(await read(at)).toBe('11 etcdserver: mvcc: required revision has been compacted');
      expect(await read(at + 100)).toBe('11 etcdserver: mvcc: required revision is a future revision');
      const compact = (revision: number) => rpc.refusal(KVService.compact, { revision, physical: false });
      expect(await compact(at + 1)).toBe('11 etcdserver: mvcc: required revision has been compacted');
      expect(await compact(at + 100)).toBe('11 etcdserver: mvcc: required revision is a future revision');
      expect(
        await refusedTxn({
          success: [{ request: { $case: 'requestRange', value: range('past', { revision: at }) } }],
        }),
      ).toBe('11 etcdserver: mvcc: required revision has been compacted');
    });
  });

  describe('ranges', () => {
    beforeAll(async () => {
      for (const [key, value] of [
        ['r/a', '3'],
        ['r/b', '1'],
        ['r/c', '2'],
        ['r/d', '1'],
      ] as const) {
        await rpc.put(key, value);
      }
      await rpc.put('r/a', '3');
    });

    test('an end of one zero byte is every key from here; an end at or before the key is none', async () => {
      expect(await keys('r/c', EVERY)).toEqual(['r/c', 'r/d', 't/1', 't/2', 'v']);
      const all = await keys('\0', EVERY);
      expect(all).toEqual([...all].sort(byBytes));
      expect(all).toContain('first');
      expect(await keys('r/c', { rangeEnd: bytes('r/c') })).toEqual([]);
      expect(await keys('r/c', { rangeEnd: bytes('r/a') })).toEqual([]);
      expect(await rpc.refusal(KVService.range, range(''))).toBe('3 etcdserver: key is not provided');
    });

    test('count ignores the limit and the revision filters; more says that the limit cut', async () => {
      const span = { rangeEnd: bytes('r0') };
      const limited = await rpc.range('r/', { ...span, limit: 2 });
      expect([limited.kvs.length, limited.count, limited.more]).toEqual([2, 4, true]);
      const exact = await rpc.range('r/', { ...span, limit: 4 });
      expect([exact.kvs.length, exact.count, exact.more]).toEqual([4, 4, false]);
      const recent = (await rpc.range('r/a')).kvs[0]?.modRevision ?? 0;
      const filtered = await rpc.range('r/', { ...span, minModRevision: recent });
      expect([filtered.kvs.length, filtered.count, filtered.more]).toEqual([1, 4, false]);
      const counted = await rpc.range('r/', { ...span, countOnly: true });
      expect([counted.kvs.length, counted.count]).toEqual([0, 4]);
      const bare = await rpc.range('r/', { ...span, keysOnly: true });
      expect(bare.kvs.map(({ value }) => value.length)).toEqual([0, 0, 0, 0]);
    });

    test('sorting goes before the limit; a target without an order sorts ascending', async () => {
      const span = { rangeEnd: bytes('r0') };
      expect(await keys('r/', { ...span, sortOrder: 2, limit: 1 })).toEqual(['r/d']);
      expect(await keys('r/', { ...span, sortTarget: 4 })).toEqual(['r/b', 'r/d', 'r/c', 'r/a']);
      expect(await keys('r/', { ...span, sortTarget: 4, sortOrder: 2, limit: 2 })).toEqual(['r/a', 'r/c']);
      expect(await keys('r/', { ...span, sortTarget: 1, sortOrder: 2, limit: 1 })).toEqual(['r/a']);
      expect(await keys('r/', { ...span, sortTarget: 3, sortOrder: 1 })).toEqual([
        'r/b',
        'r/c',
        'r/d',
        'r/a',
      ]);
    });
  });

  describe('puts', () => {
    test('ignore_value and ignore_lease keep what there is, and want a key', async () => {
      const { ID } = await rpc.grant(1000);
      await rpc.put('ig', 'kept', { lease: ID });
      await rpc.put('ig', '', { ignoreValue: true, ignoreLease: true });
      expect((await rpc.range('ig')).kvs[0]).toMatchObject({ value: bytes('kept'), lease: ID, version: 2 });
      await rpc.put('ig', 'new', { ignoreLease: true });
      expect((await rpc.range('ig')).kvs[0]).toMatchObject({ value: bytes('new'), lease: ID });
      await rpc.put('ig', '', { ignoreValue: true });
      expect((await rpc.range('ig')).kvs[0]).toMatchObject({ value: bytes('new'), lease: 0n });
      const refused = (more: Parameters<typeof put>[2], value = '') =>
        rpc.refusal(KVService.put, put('ig', value, more));
      expect(await refused({ ignoreValue: true }, 'x')).toBe('3 etcdserver: value is provided');
      expect(await refused({ ignoreLease: true, lease: ID })).toBe('3 etcdserver: lease is provided');
      expect(await refused({ lease: 4711n })).toBe('5 etcdserver: requested lease not found');
      expect(await rpc.refusal(KVService.put, put('ig/none', '', { ignoreValue: true }))).toBe(
        '3 etcdserver: key not found',
      );
      expect(await rpc.refusal(KVService.put, put(''))).toBe('3 etcdserver: key is not provided');
    });

    test('a put without a lease takes the key out of its lease’s fate', async () => {
      const { ID } = await rpc.grant(1000);
      await rpc.put('fate/a', 'x', { lease: ID });
      await rpc.put('fate/b', 'x', { lease: ID });
      await rpc.put('fate/a', 'y');
      await rpc.revoke(ID);
      expect(await keys('fate/', { rangeEnd: bytes('fate0') })).toEqual(['fate/a']);
    });

    test('one byte over the limits: of a request, and of a message', async () => {
      expect(await rpc.refusal(KVService.put, put('big', 'x'.repeat(1_572_864)))).toBe(
        '3 etcdserver: request is too large',
      );
      expect((await rpc.put('big', 'x'.repeat(1_500_000))).header?.revision).toBeGreaterThan(1);
      expect(await rpc.refusal(KVService.put, put('big', 'x'.repeat(2_200_000)))).toMatch(
        /^8 grpc: received message larger than max \(22000\d\d vs\. 2097152\)$/,
      );
      await rpc.del('big');
    });
  });

  test('hasleader: with a leader nothing is different', async () => {
    const metadata = new Metadata();
    metadata.set('hasleader', 'true');
    expect(await rpc.outcome(KVService.range, range('x'), metadata)).toHaveProperty('response');
  });

  test('a read after an acknowledged write sees it, from any connection', async () => {
    const other = new Rpc(server.endpoint);
    for (let n = 0; n < 50; n++) {
      await rpc.put('fresh', String(n));
      expect((await other.range('fresh')).kvs[0]?.value.toString()).toBe(String(n));
    }
    other.close();
  });
});
