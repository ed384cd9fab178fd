import { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ClusterService,
  type Compare,
  Compare_CompareResult as Is,
  KVService,
  LeaseService,
  Compare_CompareTarget as Of,
  type RequestOp,
  type TxnRequest,
} from '../../src/proto/generated/etcd_rpc.js';
import { bytes, put, Rpc, range } from './rpc.js';
import { KINDS, type Server, startServer } from './servers.js';

const EVERY = { rangeEnd: bytes('\0') };
const ZERO = bytes('');

/** What clients depend on, beyond what the message types say: each case holds for a real etcd too. */
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

  const txn = (request: Partial<TxnRequest>) => ({ compare: [], success: [], failure: [], ...request });
  const refusedTxn = (request: Partial<TxnRequest>) => rpc.refusal(KVService.txn, txn(request));
  const putOp = (key: string, value = ''): RequestOp => ({
    request: { $case: 'requestPut', value: put(key, value) },
  });
  const rangeOp = (key: string): RequestOp => ({ request: { $case: 'requestRange', value: range(key) } });
  const delOp = (key: string, end = ''): RequestOp => ({
    request: { $case: 'requestDeleteRange', value: { key: bytes(key), rangeEnd: bytes(end), prevKv: false } },
  });
  const txnOp = (request: Partial<TxnRequest>): RequestOp => ({
    request: { $case: 'requestTxn', value: txn(request) },
  });
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

  describe('transactions', () => {
    const DUPLICATE = '3 etcdserver: duplicate key given in txn request';

    test('a key is written once on any path', async () => {
      expect(await refusedTxn({ success: [putOp('d'), putOp('d')] })).toBe(DUPLICATE);
      expect(await refusedTxn({ success: [putOp('d'), delOp('a', 'e')] })).toBe(DUPLICATE);
      expect(await refusedTxn({ success: [putOp('d'), txnOp({ success: [putOp('d')] })] })).toBe(DUPLICATE);
      expect(await refusedTxn({ success: [txnOp({ failure: [putOp('d')] }), delOp('d')] })).toBe(DUPLICATE);
      expect(await refusedTxn({ failure: [putOp('d'), putOp('d')] })).toBe(DUPLICATE);
      // Either branch may have it; so may two deletions, and a nested txn's two branches.
      await rpc.txn({ success: [putOp('d')], failure: [putOp('d')] });
      await rpc.txn({ success: [delOp('d'), delOp('c', 'e')] });
      await rpc.txn({ success: [txnOp({ success: [putOp('d')], failure: [putOp('d')] })] });
    });

    test('an operation that says nothing is a key not found; too many are refused', async () => {
      expect(await refusedTxn({ success: [{ request: undefined }] })).toBe('3 etcdserver: key not found');
      const many = (count: number) => Array.from({ length: count }, (_, at) => putOp(`many/${at}`));
      expect(await refusedTxn({ success: many(129) })).toBe(
        '3 etcdserver: too many operations in txn request',
      );
      await rpc.txn({ success: many(128), failure: many(128) });
      await rpc.del('many/', { rangeEnd: bytes('many0') });
    });

    test('a range sees the puts before it, and not those after', async () => {
      await rpc.put('seen', 'before');
      const { responses } = await rpc.txn({
        success: [rangeOp('seen'), putOp('seen', 'within'), rangeOp('seen')],
      });
      const values = responses.map(({ response }) =>
        response?.$case === 'responseRange' ? response.value.kvs[0]?.value.toString() : response?.$case,
      );
      expect(values).toEqual(['before', 'responsePut', 'within']);
    });

    test('nested comparisons are made before any effect', async () => {
      await rpc.put('nest', 'old');
      const wasOld: Compare = {
        result: Is.Equal,
        target: Of.Value,
        key: bytes('nest'),
        rangeEnd: ZERO,
        targetUnion: { $case: 'value', value: bytes('old') },
      };
      const { responses } = await rpc.txn({
        success: [putOp('nest', 'new'), txnOp({ compare: [wasOld], success: [rangeOp('nest')] })],
      });
      const nested = responses[1]?.response;
      expect(nested?.$case === 'responseTxn' && nested.value.succeeded).toBe(true);
      const inner = nested?.$case === 'responseTxn' ? nested.value.responses[0]?.response : undefined;
      expect(inner?.$case === 'responseRange' && inner.value.kvs[0]?.value.toString()).toBe('new');
    });

    test('every check comes before the first effect', async () => {
      const bad: RequestOp = {
        request: { $case: 'requestPut', value: put('check/none', '', { ignoreValue: true }) },
      };
      const before = await rpc.revision();
      expect(await refusedTxn({ success: [putOp('check/first'), bad] })).toBe('3 etcdserver: key not found');
      const future: RequestOp = {
        request: { $case: 'requestRange', value: range('x', { revision: before + 10 }) },
      };
      expect(await refusedTxn({ success: [putOp('check/first'), future] })).toBe(
        '11 etcdserver: mvcc: required revision is a future revision',
      );
      expect(await keys('check/', { rangeEnd: bytes('check0') })).toEqual([]);
      expect(await rpc.revision()).toBe(before);
    });

    test('on a missing key a value compares false and all else with 0; a range must hold throughout', async () => {
      await rpc.put('cmp/a', 'same');
      await rpc.put('cmp/b', 'same');
      const holds = async (compare: Partial<Compare>) =>
        (
          await rpc.txn({
            compare: [
              {
                result: Is.Equal,
                target: Of.Version,
                key: bytes('cmp/none'),
                rangeEnd: ZERO,
                targetUnion: undefined,
                ...compare,
              },
            ],
          })
        ).succeeded;
      const value = (text: string): Partial<Compare> => ({
        target: Of.Value,
        targetUnion: { $case: 'value', value: bytes(text) },
      });
      expect(await holds(value(''))).toBe(false);
      expect(await holds({ ...value('x'), result: Is.NotEqual })).toBe(false);
      expect(await holds({ targetUnion: { $case: 'version', value: 0 } })).toBe(true);
      expect(await holds({ target: Of.Lease, targetUnion: { $case: 'lease', value: 0n } })).toBe(true);
      expect(await holds({ target: Of.Create, targetUnion: { $case: 'createRevision', value: 1 } })).toBe(
        false,
      );
      const both = { key: bytes('cmp/'), rangeEnd: bytes('cmp0') };
      expect(await holds({ ...value('same'), ...both })).toBe(true);
      await rpc.put('cmp/b', 'other');
      expect(await holds({ ...value('same'), ...both })).toBe(false);
      // None in it: nothing there speaks against it.
      const none = { key: bytes('cmp/x'), rangeEnd: bytes('cmp/z') };
      expect(await holds({ ...none, targetUnion: { $case: 'version', value: 0 } })).toBe(true);
    });
  });

  describe('watches', () => {
    test('created comes first, then events; a deletion has only its key and revision', async () => {
      const watching = rpc.watching();
      const created = await watching.created({ key: bytes('w'), prevKv: true });
      expect(created).toMatchObject({ created: true, canceled: false, events: [] });
      const { header } = await rpc.put('w', 'x');
      await rpc.del('w');
      await watching.that(() => (watching.events(created.watchId).length === 2 ? true : undefined));
      const [putEvent, deletion] = watching.events(created.watchId);
      expect(putEvent).toMatchObject({ type: 0, prevKv: undefined });
      const revision = (header?.revision ?? 0) + 1;
      expect(deletion).toMatchObject({
        type: 1,
        kv: { key: bytes('w'), createRevision: 0, modRevision: revision, version: 0, value: ZERO, lease: 0n },
        prevKv: { value: bytes('x'), modRevision: revision - 1, version: 1 },
      });
      watching.stop(created.watchId);
      const canceled = await watching.that(() => watching.responses.find((response) => response.canceled));
      expect(canceled).toMatchObject({ watchId: created.watchId, compactRevision: 0 });
    });

    test('a compacted start: created, then a second response with the compacted revision', async () => {
      await rpc.put('wc', '1');
      const { header } = await rpc.put('wc', '2');
      const at = header?.revision ?? 0;
      await rpc.compact(at);
      const watching = rpc.watching();
      const created = await watching.created({ key: bytes('wc'), startRevision: at - 1 });
      expect(created.canceled).toBe(false);
      const refused = await watching.that(() => watching.responses[1]);
      expect(refused).toMatchObject({
        watchId: created.watchId,
        canceled: true,
        compactRevision: at,
        created: false,
      });
      // The compacted revision itself is still there.
      const kept = await watching.created({ key: bytes('wc'), startRevision: at });
      const [event] = await watching.that(() => {
        const events = watching.events(kept.watchId);
        return events.length > 0 ? events : undefined;
      });
      expect(event?.kv).toMatchObject({ modRevision: at, value: bytes('2') });
    });

    test('an empty range and a taken ID are created and cancelled in one, with ID -1', async () => {
      const watching = rpc.watching();
      const empty = await watching.created({ key: bytes('b'), rangeEnd: bytes('a') });
      expect(empty).toMatchObject({ created: true, canceled: true, watchId: -1n });
      expect(empty.cancelReason).toBe('mvcc: watcher range is empty');
      await watching.created({ key: bytes('b'), watchId: 7n });
      const taken = await watching.created({ key: bytes('c'), watchId: 7n });
      expect(taken).toMatchObject({ created: true, canceled: true, watchId: -1n });
      expect(taken.cancelReason).toBe('mvcc: duplicate watch ID provided on the WatchStream');
    });

    test('all events of one revision come in one response, in the order of their effects', async () => {
      const watching = rpc.watching();
      const { watchId } = await watching.created({ key: bytes('one/'), rangeEnd: bytes('one0') });
      const many = Array.from({ length: 100 }, (_, at) => putOp(`one/${(97 * at) % 100}`));
      await rpc.txn({ success: many });
      await rpc.del('one/', { rangeEnd: bytes('one0') });
      await watching.that(() => (watching.events(watchId).length === 200 ? true : undefined));
      const responses = watching.responses.filter(({ events }) => events.length > 0);
      for (const { events, header } of responses)
        expect(header?.revision).toBe(events.at(-1)?.kv?.modRevision);
      expect(responses.map(({ events }) => events.length)).toEqual([100, 100]);
      const order = watching.events(watchId).map(({ kv }) => kv?.key.toString());
      expect(order.slice(0, 100)).toEqual(many.map((_, at) => `one/${(97 * at) % 100}`));
      expect(order.slice(100)).toEqual(Array.from({ length: 100 }, (_, at) => `one/${at}`).sort(byBytes));
    });

    test('a progress request is answered for the stream as a whole, never ahead of an event', async () => {
      const watching = rpc.watching();
      const { watchId } = await watching.created({ key: bytes('prog') });
      const { header } = await rpc.put('prog', 'x');
      await watching.that(() => watching.events(watchId)[0]);
      watching.progress();
      const progress = await watching.that(() =>
        watching.responses.find((response) => response.watchId === -1n),
      );
      expect(progress).toMatchObject({ created: false, canceled: false, events: [] });
      expect(progress.header?.revision).toBe(header?.revision);
    });

    test('filters, and a start in the future', async () => {
      const watching = rpc.watching();
      const now = await rpc.revision();
      const puts = await watching.created({ key: bytes('f'), filters: [1] });
      const deletions = await watching.created({ key: bytes('f'), filters: [0] });
      const later = await watching.created({ key: bytes('f'), startRevision: now + 3 });
      for (const value of ['1', '2']) await rpc.put('f', value);
      await rpc.del('f');
      await rpc.put('f', '3');
      const seen = async (id: bigint, count: number) => {
        await watching.that(() => (watching.events(id).length >= count ? true : undefined));
        return watching.events(id).map(({ type, kv }) => [Number(type), (kv?.modRevision ?? 0) - now]);
      };
      expect(await seen(puts.watchId, 3)).toEqual([
        [0, 1],
        [0, 2],
        [0, 4],
      ]);
      expect(await seen(deletions.watchId, 1)).toEqual([[1, 3]]);
      expect(await seen(later.watchId, 2)).toEqual([
        [1, 3],
        [0, 4],
      ]);
    });
  });

  describe('leases', () => {
    test('a TTL is raised to 2 s, bounded at 9e9, and an ID taken once', async () => {
      expect((await rpc.grant(1)).TTL).toBe(2);
      const grant = (TTL: number, ID = 0n) => rpc.refusal(LeaseService.leaseGrant, { TTL, ID });
      expect(await grant(9_000_000_001)).toBe('11 etcdserver: too large lease TTL');
      await rpc.grant(1000, 77n);
      expect(await grant(1000, 77n)).toBe('9 etcdserver: lease already exists');
      await rpc.revoke(77n);
      expect(await rpc.refusal(LeaseService.leaseRevoke, { ID: 77n })).toBe(
        '5 etcdserver: requested lease not found',
      );
    });

    test('what is missing: keep-alive says TTL 0, time-to-live says -1', async () => {
      const toLive = await rpc.call(LeaseService.leaseTimeToLive, { ID: 4711n, keys: true });
      expect(toLive).toMatchObject({ ID: 4711n, TTL: -1, grantedTTL: 0, keys: [] });
      expect((await rpc.keepAlive(4711n)).TTL).toBe(0);
      const { ID } = await rpc.grant(1234);
      expect(await rpc.keepAlive(ID)).toMatchObject({ ID, TTL: 1234 });
    });

    test('a revoke deletes its keys sorted, in one revision', async () => {
      const { ID } = await rpc.grant(1000);
      for (const key of ['lr/c', 'lr/a', 'lr/b']) await rpc.put(key, 'x', { lease: ID });
      const watching = rpc.watching();
      const { watchId } = await watching.created({ key: bytes('lr/'), rangeEnd: bytes('lr0') });
      const before = await rpc.revision();
      await rpc.revoke(ID);
      await watching.that(() => (watching.events(watchId).length === 3 ? true : undefined));
      expect(watching.events(watchId).map(({ kv }) => [kv?.key.toString(), kv?.modRevision])).toEqual([
        ['lr/a', before + 1],
        ['lr/b', before + 1],
        ['lr/c', before + 1],
      ]);
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

/** Of texts with a character a byte. */
function byBytes(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
