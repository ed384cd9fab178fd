import * as rpc from '../../../src/proto/generated/etcd_rpc.js';

const NONE = Buffer.alloc(0);

/** Requests with etcd's defaults for what isn't given. */
export function putRequest(key: string, value: string, fields: Partial<rpc.PutRequest> = {}): rpc.PutRequest {
  return { ...rpc.PutRequest.decode(NONE), key: Buffer.from(key), value: Buffer.from(value), ...fields };
}

export function rangeRequest(
  key: string,
  end = '',
  fields: Partial<rpc.RangeRequest> = {},
): rpc.RangeRequest {
  return { ...rpc.RangeRequest.decode(NONE), key: Buffer.from(key), rangeEnd: Buffer.from(end), ...fields };
}

export function deleteRequest(key: string, end = '', prevKv = false): rpc.DeleteRangeRequest {
  return { key: Buffer.from(key), rangeEnd: Buffer.from(end), prevKv };
}

export const putOp = (put: rpc.PutRequest): rpc.RequestOp => ({
  request: { $case: 'requestPut', value: put },
});

export const rangeOp = (range: rpc.RangeRequest): rpc.RequestOp => ({
  request: { $case: 'requestRange', value: range },
});

export const deleteOp = (request: rpc.DeleteRangeRequest): rpc.RequestOp => ({
  request: { $case: 'requestDeleteRange', value: request },
});

const { Compare_CompareResult: Result, Compare_CompareTarget: Target } = rpc;

/** The key holds this value; null: there is no such key. */
export function holds(key: string, value: string | null): rpc.Compare {
  const compare = { key: Buffer.from(key), rangeEnd: NONE, result: Result.Equal };
  return value === null
    ? { ...compare, target: Target.Create, targetUnion: { $case: 'createRevision', value: 0 } }
    : { ...compare, target: Target.Value, targetUnion: { $case: 'value', value: Buffer.from(value) } };
}

/** The key has been changed at most at a revision. */
export function unchangedSince(key: string, revision: number): rpc.Compare {
  return {
    key: Buffer.from(key),
    rangeEnd: NONE,
    result: Result.Less,
    target: Target.Mod,
    targetUnion: { $case: 'modRevision', value: revision + 1 },
  };
}

export function hasVersion(key: string, version: number): rpc.Compare {
  return {
    key: Buffer.from(key),
    rangeEnd: NONE,
    result: Result.Greater,
    target: Target.Version,
    targetUnion: { $case: 'version', value: version },
  };
}
