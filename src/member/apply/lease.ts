import type { Sliced } from '../../base/sliced.js';
import type * as rpc from '../../proto/generated/etcd_rpc.js';
import type { ApplyContext } from './context.js';
import { revisionHeader } from './convert.js';

/** The proposer has chosen the ID where the client left it open, and raised the TTL to its minimum. */
export function applyLeaseGrant(
  context: ApplyContext,
  request: rpc.LeaseGrantRequest,
): rpc.LeaseGrantResponse {
  context.lessor.grant(context.txn, request.ID, request.TTL);
  return { header: revisionHeader(context.txn.revision), ID: request.ID, TTL: request.TTL, error: '' };
}

/** Deletes the lease and its keys, sorted, in one revision. */
export function* applyLeaseRevoke(
  context: ApplyContext,
  request: rpc.LeaseRevokeRequest,
): Sliced<rpc.LeaseRevokeResponse> {
  yield* context.lessor.revoke(context.txn, request.ID);
  return { header: revisionHeader(context.txn.revision) };
}
