import { toByteString, toBytes } from '../../base/bytes.js';
import type { Pace, Sliced } from '../../base/sliced.js';
import type { KeyValue as RpcKeyValue } from '../../proto/generated/etcd_kv.js';
import * as rpc from '../../proto/generated/etcd_rpc.js';
import type { KeyValue, RangeQuery, RangeResult, SortTarget } from '../../store/types.js';

/** What converting a pair costs, in rows. */
const CONVERTED_ROWS = 0.25;

/** A stored pair as clients read it. */
export function toRpcKeyValue(kv: KeyValue): RpcKeyValue {
  return {
    key: toBytes(kv.key),
    createRevision: kv.createRevision,
    modRevision: kv.modRevision,
    version: kv.version,
    value: kv.value,
    lease: kv.lease,
  };
}

const ORDERS: Record<rpc.RangeRequest_SortOrder, RangeQuery['order']> = {
  [rpc.RangeRequest_SortOrder.None]: 'none',
  [rpc.RangeRequest_SortOrder.Ascend]: 'ascend',
  [rpc.RangeRequest_SortOrder.Descend]: 'descend',
};

const TARGETS: Record<rpc.RangeRequest_SortTarget, SortTarget> = {
  [rpc.RangeRequest_SortTarget.Key]: 'key',
  [rpc.RangeRequest_SortTarget.Version]: 'version',
  [rpc.RangeRequest_SortTarget.Create]: 'create',
  [rpc.RangeRequest_SortTarget.Mod]: 'mod',
  [rpc.RangeRequest_SortTarget.Value]: 'value',
};

/** A client's range as the store reads it. Enumerations beyond etcd's were refused by the API. */
export function toRangeQuery(request: rpc.RangeRequest): RangeQuery {
  return {
    key: toByteString(request.key),
    end: toByteString(request.rangeEnd),
    revision: request.revision,
    limit: request.limit,
    order: ORDERS[request.sortOrder] ?? 'none',
    target: TARGETS[request.sortTarget] ?? 'key',
    keysOnly: request.keysOnly,
    countOnly: request.countOnly,
    minModRevision: request.minModRevision,
    maxModRevision: request.maxModRevision,
    minCreateRevision: request.minCreateRevision,
    maxCreateRevision: request.maxCreateRevision,
  };
}

/** A header that carries a revision only: the API adds who answers. */
export function revisionHeader(revision: number): rpc.ResponseHeader {
  return { clusterId: 0n, memberId: 0n, revision, raftTerm: 0 };
}

/** Pairs as clients read them. */
export function* toRpcKeyValues(kvs: readonly KeyValue[], pace: Pace): Sliced<RpcKeyValue[]> {
  const converted: RpcKeyValue[] = [];
  for (const kv of kvs) {
    converted.push(toRpcKeyValue(kv));
    if (pace.spent(CONVERTED_ROWS)) yield;
  }
  return converted;
}

/** The store's answer as clients read it. */
export function toRangeResponse(result: RangeResult): rpc.RangeResponse {
  return rangeResponse(result, result.kvs.map(toRpcKeyValue));
}

/** The same of one that may be long. */
export function* toLongRangeResponse(result: RangeResult, pace: Pace): Sliced<rpc.RangeResponse> {
  return rangeResponse(result, yield* toRpcKeyValues(result.kvs, pace));
}

function rangeResponse({ revision, more, count }: RangeResult, kvs: RpcKeyValue[]): rpc.RangeResponse {
  return { header: revisionHeader(revision), kvs, more, count };
}
