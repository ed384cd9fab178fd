import { etcdError } from '../../base/etcd-errors.js';
import { DeleteRangeRequest, PutRequest, TxnRequest } from '../../proto/generated/etcd_rpc.js';

/** More than the tags, lengths and numbers of one put, delete, range or compare can take, beside its bytes. */
const OP_OVERHEAD_BYTES = 128;

/**
 * Throws `request is too large` (invalid_argument) if what would be logged passes `maxBytes`. The exact size is
 * taken only near the bound: encoding every request a second time would cost more than handling it.
 */
export function checkPutSize(request: PutRequest, maxBytes: number): void {
  if (request.key.length + request.value.length + OP_OVERHEAD_BYTES <= maxBytes) return;
  if (PutRequest.encode(request).finish().length > maxBytes) throw etcdError('requestTooLarge');
}

export function checkDeleteRangeSize(request: DeleteRangeRequest, maxBytes: number): void {
  if (request.key.length + request.rangeEnd.length + OP_OVERHEAD_BYTES <= maxBytes) return;
  if (DeleteRangeRequest.encode(request).finish().length > maxBytes) throw etcdError('requestTooLarge');
}

export function checkTxnSize(request: TxnRequest, maxBytes: number): void {
  if (upperBound(request) <= maxBytes) return;
  if (TxnRequest.encode(request).finish().length > maxBytes) throw etcdError('requestTooLarge');
}

function upperBound(txn: TxnRequest): number {
  let bytes = OP_OVERHEAD_BYTES;
  for (const compare of txn.compare) {
    const value = compare.targetUnion?.$case === 'value' ? compare.targetUnion.value.length : 0;
    bytes += compare.key.length + compare.rangeEnd.length + value + OP_OVERHEAD_BYTES;
  }
  for (const ops of [txn.success, txn.failure]) {
    for (const { request } of ops) {
      bytes += OP_OVERHEAD_BYTES;
      if (request === undefined) continue;
      if (request.$case === 'requestTxn') bytes += upperBound(request.value);
      else if (request.$case === 'requestPut') bytes += request.value.key.length + request.value.value.length;
      else bytes += request.value.key.length + request.value.rangeEnd.length;
    }
  }
  return bytes;
}
