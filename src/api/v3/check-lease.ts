import { etcdError } from '../../base/etcd-errors.js';
import type { LeaseGrantRequest } from '../../proto/generated/etcd_rpc.js';

/** Seconds; etcd's bound, about 285 years. */
export const MAX_LEASE_TTL_S = 9_000_000_000;

/** Throws `too large lease TTL` (out_of_range). */
export function checkLeaseGrant(request: LeaseGrantRequest): void {
  if (request.TTL > MAX_LEASE_TTL_S) throw etcdError('leaseTtlTooLarge');
}
