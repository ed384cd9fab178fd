import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Compare,
  Compare_CompareResult as Is,
  KVService,
  Compare_CompareTarget as Of,
  type RequestOp,
  type TxnRequest,
} from '../../src/proto/generated/etcd_rpc.js';
import { delOp, putOp, rangeOp, txn, txnOp } from './operations.js';
import { bytes, put, Rpc, range } from './rpc.js';
import { KINDS, type Server, startServer } from './servers.js';

const ZERO = bytes('');
const DUPLICATE = '3 etcdserver: duplicate key given in txn request';

/** What clients depend on in transactions: each case holds for a real etcd too. */
describe.each(KINDS)('transactions on %s', (kind) => {
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
    expect(await refusedTxn({ success: many(129) })).toBe('3 etcdserver: too many operations in txn request');
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
