import { Metadata, status as Status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfetdError } from '../../../../src/base/errors.js';
import {
  CompactionRequest,
  Compare,
  DeleteRangeRequest,
  KVService,
  LeaseGrantRequest,
  LeaseRevokeRequest,
  LeaseService,
  PutRequest,
  RangeRequest,
  type RequestOp,
  type TxnRequest,
} from '../../../../src/proto/generated/etcd_rpc.js';
import { Harness } from '../harness.js';

const key = (text: string) => Buffer.from(text);
const put = (fields: Partial<PutRequest>): PutRequest => ({ ...PutRequest.fromPartial({}), ...fields });
const putOp = (text: string): RequestOp => ({
  request: { $case: 'requestPut', value: put({ key: key(text), value: key('v') }) },
});
const deleteOp = (from: string, end = ''): RequestOp => ({
  request: {
    $case: 'requestDeleteRange',
    value: DeleteRangeRequest.fromPartial({ key: key(from), rangeEnd: key(end) }),
  },
});
const txnOp = (success: RequestOp[], failure: RequestOp[] = []): RequestOp => ({
  request: { $case: 'requestTxn', value: { compare: [], success, failure } },
});
const txn = (success: RequestOp[], failure: RequestOp[] = []): TxnRequest => ({
  compare: [],
  success,
  failure,
});
const invalid = (message: string) => ({ code: Status.INVALID_ARGUMENT, details: `etcdserver: ${message}` });

describe('KV through a real client', () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await Harness.start();
  });
  afterAll(() => harness.stop());

  it('puts, ranges and deletes, with whole headers', async () => {
    const stored = await harness.call(KVService.put, put({ key: key('foo'), value: key('bar') }));
    expect(stored.header).toEqual({
      clusterId: 14841639068965178418n,
      memberId: 10276657743932975437n,
      revision: 2,
      raftTerm: 2,
    });
    const again = await harness.call(
      KVService.put,
      put({ key: key('foo'), value: key('baz'), prevKv: true }),
    );
    expect(again.prevKv?.value.toString()).toBe('bar');
    const read = await harness.call(KVService.range, RangeRequest.fromPartial({ key: key('foo') }));
    expect(read.count).toBe(1);
    expect(read.kvs[0]).toMatchObject({ createRevision: 2, modRevision: 3, version: 2, lease: 0n });
    const gone = await harness.call(
      KVService.deleteRange,
      DeleteRangeRequest.fromPartial({ key: key('foo') }),
    );
    expect(gone.deleted).toBe(1);
  });

  it("leaves a transaction's inner headers as the member made them", async () => {
    const response = await harness.call(KVService.txn, txn([putOp('inner')]));
    const inner = response.responses[0]?.response;
    expect(response.header?.memberId).toBe(harness.member.identity.memberId);
    expect(inner?.$case === 'responsePut' && inner.value.header).toEqual({
      clusterId: 0n,
      memberId: 0n,
      revision: harness.member.revision,
      raftTerm: 0,
    });
  });

  it.each<[string, PutRequest, string]>([
    ['an empty key', put({ value: key('v') }), 'key is not provided'],
    [
      'a value with ignore_value',
      put({ key: key('k'), value: key('v'), ignoreValue: true }),
      'value is provided',
    ],
    ['a lease with ignore_lease', put({ key: key('k'), lease: 7n, ignoreLease: true }), 'lease is provided'],
    ['ignore_value on a missing key', put({ key: key('none'), ignoreValue: true }), 'key not found'],
    [
      'a key longer than the store takes',
      put({ key: Buffer.alloc(1901, 97) }),
      'key is too long: its bytes, zero bytes counted twice, may be at most 1900',
    ],
    [
      'both rules broken: the first counts',
      put({ ignoreValue: true, value: key('v') }),
      'key is not provided',
    ],
  ])('refuses a put with %s', async (_name, request, message) => {
    const before = harness.member.revision;
    expect(await harness.refusal(KVService.put, request)).toEqual(invalid(message));
    expect(harness.member.revision).toBe(before);
  });

  it('refuses ranges and deletes without a key, and unknown sort options', async () => {
    expect(await harness.refusal(KVService.range, RangeRequest.fromPartial({}))).toEqual(
      invalid('key is not provided'),
    );
    expect(await harness.refusal(KVService.deleteRange, DeleteRangeRequest.fromPartial({}))).toEqual(
      invalid('key is not provided'),
    );
    const sorted = { key: key('k'), sortOrder: 3, sortTarget: 0 };
    expect(await harness.refusal(KVService.range, RangeRequest.fromPartial(sorted))).toEqual(
      invalid('invalid sort option'),
    );
    const targeted = { key: key('k'), sortOrder: 0, sortTarget: 5 };
    expect(await harness.refusal(KVService.range, RangeRequest.fromPartial(targeted))).toEqual(
      invalid('invalid sort option'),
    );
  });

  it('passes on what the member refuses, with its code', async () => {
    const future = RangeRequest.fromPartial({ key: key('k'), revision: 999 });
    expect(await harness.refusal(KVService.range, future)).toEqual({
      code: Status.OUT_OF_RANGE,
      details: 'etcdserver: mvcc: required revision is a future revision',
    });
    expect(
      await harness.refusal(KVService.compact, CompactionRequest.fromPartial({ revision: 999 })),
    ).toMatchObject({
      code: Status.OUT_OF_RANGE,
    });
    expect(
      await harness.refusal(LeaseService.leaseRevoke, LeaseRevokeRequest.fromPartial({ ID: 5n })),
    ).toEqual({
      code: Status.NOT_FOUND,
      details: 'etcdserver: requested lease not found',
    });
    expect(
      await harness.refusal(LeaseService.leaseGrant, LeaseGrantRequest.fromPartial({ TTL: 9_000_000_001 })),
    ).toEqual({ code: Status.OUT_OF_RANGE, details: 'etcdserver: too large lease TTL' });
  });

  it.each([
    ['unknown', Status.UNKNOWN, 'etcdserver: too many requests'],
    ['resource_exhausted', Status.RESOURCE_EXHAUSTED, 'etcdserver: mvcc: database space exceeded'],
    ['data_loss', Status.DATA_LOSS, 'etcdserver: corrupt cluster'],
    [
      'unavailable',
      Status.UNAVAILABLE,
      'etcdserver: request timed out, possibly due to previous leader failure',
    ],
    ['failed_precondition', Status.FAILED_PRECONDITION, 'etcdserver: lease already exists'],
    ['permission_denied', Status.PERMISSION_DENIED, 'etcdserver: permission denied'],
    ['unauthenticated', Status.UNAUTHENTICATED, 'etcdserver: invalid auth token'],
    ['invalid_argument', Status.INVALID_ARGUMENT, 'a broken \ud800 surrogate'],
  ] as const)('translates %s', async (code, status, message) => {
    harness.member.failures.set('put', new ConfetdError(code, message));
    expect(await harness.refusal(KVService.put, put({ key: key('k') }))).toEqual({
      code: status,
      details: message.replace('\ud800', '\ufffd'),
    });
  });

  it('answers Internal, without the reason, to what it did not expect, and logs it once', async () => {
    const logged: object[] = [];
    const log = { debug() {}, info() {}, warn() {}, error: (fields: object) => void logged.push(fields) };
    const other = await Harness.start({ log });
    const failure = new TypeError('a secret detail');
    other.member.failures.set('put', failure);
    const refusal = await other.refusal(KVService.put, put({ key: key('k') }));
    await other.stop();
    expect(refusal.code).toBe(Status.INTERNAL);
    expect(refusal.details).not.toContain('secret');
    expect(logged).toHaveLength(1);
    expect(logged[0]).toMatchObject({ err: failure });
  });

  it('refuses at once without a leader, when asked to, and only then', async () => {
    const metadata = new Metadata();
    metadata.set('hasleader', 'true');
    harness.member.leader = 0n;
    const request = put({ key: key('k') });
    const refused = await harness.refusal(KVService.put, request, metadata);
    await harness.call(KVService.put, request);
    harness.member.leader = harness.member.identity.memberId;
    await harness.call(KVService.put, request, metadata);
    expect(refused).toEqual({ code: Status.UNAVAILABLE, details: 'etcdserver: no leader' });
  });

  it('refuses a request over 1.5 MiB, and a message over 2 MiB with its size', async () => {
    const large = put({ key: key('k'), value: Buffer.alloc(1_572_864) });
    expect(await harness.refusal(KVService.put, large)).toEqual(invalid('request is too large'));
    const fits = put({ key: key('k'), value: Buffer.alloc(1_572_864 - 7) });
    expect(PutRequest.encode(fits).finish().length).toBe(1_572_864);
    await harness.call(KVService.put, fits);
    const larger = put({ key: key('k'), value: Buffer.alloc(3_000_000) });
    const size = PutRequest.encode(larger).finish().length;
    expect(await harness.refusal(KVService.put, larger)).toEqual({
      code: Status.RESOURCE_EXHAUSTED,
      details: `grpc: received message larger than max (${size} vs. 2097152)`,
    });
    const half = Buffer.alloc(800_000);
    const big = (text: string): RequestOp => ({
      request: { $case: 'requestPut', value: put({ key: key(text), value: half }) },
    });
    expect(await harness.refusal(KVService.txn, txn([txnOp([big('a')]), big('b')]))).toEqual(
      invalid('request is too large'),
    );
  });

  it('answers an unknown method of a known service with Unimplemented', async () => {
    const method = { ...KVService.put, path: '/etcdserverpb.KV/Invented' };
    expect(await harness.refusal(method, put({ key: key('k') }))).toMatchObject({
      code: Status.UNIMPLEMENTED,
    });
  });

  describe('transactions', () => {
    it.each<[string, TxnRequest, string]>([
      [
        'a compare without a key',
        { compare: [Compare.fromPartial({})], success: [], failure: [] },
        'key is not provided',
      ],
      ['an empty operation', txn([{ request: undefined }]), 'key not found'],
      ['a put without a key, nested', txn([txnOp([putOp('')])]), 'key is not provided'],
      ['two puts of a key', txn([putOp('a'), putOp('a')]), 'duplicate key given in txn request'],
      [
        'a put in a deleted range',
        txn([deleteOp('a', 'c'), putOp('b')]),
        'duplicate key given in txn request',
      ],
      [
        'a put from a deleted key on',
        txn([putOp('z'), deleteOp('a', '\0')]),
        'duplicate key given in txn request',
      ],
      [
        'two puts in the failure branch',
        txn([], [putOp('a'), putOp('a')]),
        'duplicate key given in txn request',
      ],
      [
        'a put and a nested put',
        txn([putOp('a'), txnOp([], [putOp('a')])]),
        'duplicate key given in txn request',
      ],
      [
        'a delete and a nested put',
        txn([deleteOp('a'), txnOp([putOp('a')])]),
        'duplicate key given in txn request',
      ],
      [
        'a put and a nested delete',
        txn([putOp('a'), txnOp([deleteOp('a')])]),
        'duplicate key given in txn request',
      ],
      [
        'puts in two nested ones',
        txn([txnOp([putOp('a')]), txnOp([putOp('a')])]),
        'duplicate key given in txn request',
      ],
      [
        '129 operations',
        txn(Array.from({ length: 129 }, (_, i) => putOp(`k${i}`))),
        'too many operations in txn request',
      ],
      [
        '129 compares',
        {
          compare: Array.from({ length: 129 }, () => Compare.fromPartial({ key: key('a') })),
          success: [],
          failure: [],
        },
        'too many operations in txn request',
      ],
      [
        'more nested operations than the level above leaves',
        txn([txnOp(Array.from({ length: 128 }, (_, i) => putOp(`k${i}`)))]),
        'too many operations in txn request',
      ],
    ])('refuses %s', async (_name, request, message) => {
      const before = harness.member.revision;
      expect(await harness.refusal(KVService.txn, request)).toEqual(invalid(message));
      expect(harness.member.revision).toBe(before);
    });

    it.each<[string, TxnRequest]>([
      [
        '128 operations in each branch',
        txn(
          Array.from({ length: 128 }, (_, i) => putOp(`k${i}`)),
          Array.from({ length: 128 }, (_, i) => putOp(`k${i}`)),
        ),
      ],
      ['two deletes that overlap', txn([deleteOp('a', 'd'), deleteOp('b', 'z')])],
      ['a put beside a deleted range', txn([deleteOp('a', 'c'), putOp('c')])],
      ['an empty deleted range over a put', txn([deleteOp('c', 'a'), putOp('b')])],
      ['puts of one key in branches that exclude each other', txn([txnOp([putOp('a')], [putOp('a')])])],
      ['a put and a delete in branches that exclude each other', txn([txnOp([putOp('a')], [deleteOp('a')])])],
      ['nothing at all', txn([])],
    ])('takes %s', async (_name, request) => {
      const response = await harness.call(KVService.txn, request);
      expect(response.succeeded).toBe(true);
    });
  });
});
