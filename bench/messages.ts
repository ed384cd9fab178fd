import * as rpc from '../src/proto/generated/etcd_rpc.js';

export const PATHS = {
  put: '/etcdserverpb.KV/Put',
  range: '/etcdserverpb.KV/Range',
  txn: '/etcdserverpb.KV/Txn',
  watch: '/etcdserverpb.Watch/Watch',
  status: '/etcdserverpb.Maintenance/Status',
  renderStatus: '/confetdpb.Render/Status',
} as const;

const NOTHING = Buffer.alloc(0);

export function put(key: string, value: Buffer | string): Uint8Array {
  return rpc.PutRequest.encode(putRequest(key, value)).finish();
}

export function range(key: string, serializable = false): Uint8Array {
  return rpc.RangeRequest.encode(rangeRequest(key, serializable)).finish();
}

/** How many keys there are, at all. */
export function countAll(): Uint8Array {
  const zero = Buffer.alloc(1);
  return rpc.RangeRequest.encode({
    ...rpc.RangeRequest.decode(NOTHING),
    key: zero,
    rangeEnd: zero,
    countOnly: true,
  }).finish();
}

/** Compare a key's version, put it, read it: the shape of a lock or a counter. */
export function compareAndPut(key: string, value: Buffer): Uint8Array {
  return rpc.TxnRequest.encode({
    compare: [
      {
        result: rpc.Compare_CompareResult.Greater,
        target: rpc.Compare_CompareTarget.Version,
        key: Buffer.from(key),
        targetUnion: { $case: 'version', value: 0 },
        rangeEnd: NOTHING,
      },
    ],
    success: [
      { request: { $case: 'requestPut', value: putRequest(key, value) } },
      { request: { $case: 'requestRange', value: rangeRequest(key, false) } },
    ],
    failure: [],
  }).finish();
}

export function putAll(pairs: readonly (readonly [string, Buffer | string])[]): Uint8Array {
  return rpc.TxnRequest.encode({
    compare: [],
    success: pairs.map(([key, value]) => ({
      request: { $case: 'requestPut', value: putRequest(key, value) },
    })),
    failure: [],
  }).finish();
}

export function watchKey(key: string): Uint8Array {
  const create = { ...rpc.WatchCreateRequest.decode(NOTHING), key: Buffer.from(key) };
  return rpc.WatchRequest.encode({ requestUnion: { $case: 'createRequest', value: create } }).finish();
}

function putRequest(key: string, value: Buffer | string): rpc.PutRequest {
  return {
    key: Buffer.from(key),
    value: typeof value === 'string' ? Buffer.from(value) : value,
    lease: 0n,
    prevKv: false,
    ignoreValue: false,
    ignoreLease: false,
  };
}

function rangeRequest(key: string, serializable: boolean): rpc.RangeRequest {
  return { ...rpc.RangeRequest.decode(NOTHING), key: Buffer.from(key), serializable };
}
