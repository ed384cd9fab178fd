import { etcdError } from '../../base/etcd-errors.js';
import {
  type DeleteRangeRequest,
  type RangeRequest,
  RangeRequest_SortOrder as SortOrder,
  RangeRequest_SortTarget as SortTarget,
} from '../../proto/generated/etcd_rpc.js';

/** Throws `key is not provided` or `invalid sort option` (both invalid_argument). */
export function checkRange(request: RangeRequest): void {
  if (request.key.length === 0) throw etcdError('emptyKey');
  // The wire may carry any number where an enum stands.
  if (SortOrder[request.sortOrder] === undefined || SortTarget[request.sortTarget] === undefined) {
    throw etcdError('invalidSortOption');
  }
}

/** Throws `key is not provided` (invalid_argument). */
export function checkDeleteRange(request: DeleteRangeRequest): void {
  if (request.key.length === 0) throw etcdError('emptyKey');
}
