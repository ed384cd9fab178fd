import { etcdError } from '../../base/etcd-errors.js';
import type { PutRequest } from '../../proto/generated/etcd_rpc.js';

/** Throws `key is not provided`, `value is provided`, `lease is provided` (invalid_argument), in this order. */
export function checkPut(request: PutRequest): void {
  if (request.key.length === 0) throw etcdError('emptyKey');
  if (request.ignoreValue && request.value.length !== 0) throw etcdError('valueProvided');
  if (request.ignoreLease && request.lease !== 0n) throw etcdError('leaseProvided');
}
