import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { decodePut } from '../../member/put-codec.js';
import * as rpc from '../../proto/generated/etcd_rpc.js';
import { checkKey } from './check-key.js';
import { checkPut } from './check-put.js';
import { checkDeleteRange, checkRange } from './check-range.js';
import { checkDeleteRangeSize, checkPutSize, checkTxnSize } from './check-size.js';
import { checkTxn } from './check-txn.js';
import { encodePutResponse, encodeRangeResponse } from './codec/kv-response.js';
import type { ServiceContext } from './context.js';
import { nothingToCheck, unary } from './unary.js';

/** etcdserverpb.KV, with what is sent most encoded and decoded by hand: a tenth of a range's whole cost. */
export const KV_DEFINITION = {
  ...rpc.KVService,
  range: { ...rpc.KVService.range, responseSerialize: encodeRangeResponse },
  put: { ...rpc.KVService.put, requestDeserialize: decodePut, responseSerialize: encodePutResponse },
} satisfies ServiceDefinition;

export function kvService(context: ServiceContext): UntypedServiceImplementation {
  const { member } = context;
  const { maxTxnOps, maxRequestBytes } = context.limits;
  const checkWholePut = (request: rpc.PutRequest) => {
    checkPut(request);
    checkKey(request.key);
    checkPutSize(request, maxRequestBytes);
  };
  const checkWholeDelete = (request: rpc.DeleteRangeRequest) => {
    checkDeleteRange(request);
    checkDeleteRangeSize(request, maxRequestBytes);
  };
  const checkWholeTxn = (request: rpc.TxnRequest) => {
    checkTxn(request, maxTxnOps);
    checkTxnSize(request, maxRequestBytes);
  };
  return {
    range: unary(
      context,
      checkRange,
      (request: rpc.RangeRequest) => member.range(request),
      ({ serializable }) => serializable,
    ),
    put: unary(context, checkWholePut, (request: rpc.PutRequest) => member.put(request)),
    deleteRange: unary(context, checkWholeDelete, (request: rpc.DeleteRangeRequest) =>
      member.deleteRange(request),
    ),
    txn: unary(context, checkWholeTxn, (request: rpc.TxnRequest) => member.txn(request)),
    compact: unary(context, nothingToCheck, (request: rpc.CompactionRequest) => member.compact(request)),
  };
}
