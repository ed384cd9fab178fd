import { toByteString } from '../../base/bytes.js';
import { etcdError } from '../../base/etcd-errors.js';
import type { Sliced } from '../../base/sliced.js';
import type * as rpc from '../../proto/generated/etcd_rpc.js';
import { checkKey } from '../../store/keys.js';
import type { ApplyContext, ReadContext } from './context.js';
import {
  revisionHeader,
  toLongRangeResponse,
  toRangeQuery,
  toRangeResponse,
  toRpcKeyValue,
  toRpcKeyValues,
} from './convert.js';

/**
 * Refuses a put of a transaction that the state doesn't allow: asked of all of them before the first effect. Of two
 * faults it tells the missing key, where a put by itself tells the missing lease; so does etcd.
 */
export function checkPut(context: ApplyContext, request: rpc.PutRequest): void {
  checkKey(toByteString(request.key));
  if (request.ignoreValue || request.ignoreLease) {
    if (context.txn.get(toByteString(request.key)) === undefined) throw etcdError('keyNotFound');
  }
  checkLease(context, request);
}

function checkLease(context: ApplyContext, { lease }: rpc.PutRequest): void {
  if (lease !== 0n && !context.lessor.has(lease)) throw etcdError('leaseNotFound');
}

export function applyPut(context: ApplyContext, request: rpc.PutRequest): rpc.PutResponse {
  checkKey(toByteString(request.key));
  checkLease(context, request);
  const { txn } = context;
  const key = toByteString(request.key);
  let { value, lease } = request;
  if (request.ignoreValue || request.ignoreLease) {
    const current = txn.get(key);
    if (current === undefined) throw etcdError('keyNotFound');
    if (request.ignoreValue) value = current.value;
    if (request.ignoreLease) lease = current.lease;
  }
  const previous = txn.put(key, value, lease);
  return {
    header: revisionHeader(txn.revision),
    prevKv: request.prevKv && previous !== undefined ? toRpcKeyValue(previous) : undefined,
  };
}

/** Of one key. */
export function applyDelete({ txn }: ApplyContext, request: rpc.DeleteRangeRequest): rpc.DeleteRangeResponse {
  const deleted = txn.delete(toByteString(request.key));
  return {
    header: revisionHeader(txn.revision),
    deleted: deleted === undefined ? 0 : 1,
    prevKvs: request.prevKv && deleted !== undefined ? [toRpcKeyValue(deleted)] : [],
  };
}

export function* applyDeleteRange(
  { txn }: ApplyContext,
  request: rpc.DeleteRangeRequest,
): Sliced<rpc.DeleteRangeResponse> {
  const deleted = yield* txn.deleteRange(toByteString(request.key), toByteString(request.rangeEnd));
  return {
    header: revisionHeader(txn.revision),
    deleted: deleted.length,
    prevKvs: request.prevKv ? yield* toRpcKeyValues(deleted, txn.pace) : [],
  };
}

/** Of one key. */
export function applyGet({ txn }: ReadContext, request: rpc.RangeRequest): rpc.RangeResponse {
  return toRangeResponse(txn.single(toRangeQuery(request)));
}

export function* applyRange({ txn }: ReadContext, request: rpc.RangeRequest): Sliced<rpc.RangeResponse> {
  return yield* toLongRangeResponse(yield* txn.range(toRangeQuery(request)), txn.pace);
}
