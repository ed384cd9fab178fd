import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { ConfetdError } from '../../base/errors.js';
import type * as rpc from '../../proto/generated/etcd_rpc.js';
import { checkLeaseGrant } from './check-lease.js';
import type { ServiceContext } from './context.js';
import { keepAlive } from './keep-alive.js';
import { nothingToCheck, unary } from './unary.js';

/** etcdserverpb.Lease. */
export function leaseService(context: ServiceContext): UntypedServiceImplementation {
  const { member } = context;
  const timeToLive = (request: rpc.LeaseTimeToLiveRequest): Promise<rpc.LeaseTimeToLiveResponse> =>
    member.leaseTimeToLive(request).catch((error: unknown) => {
      // A lease that is gone is an answer here, not an error.
      if (!(error instanceof ConfetdError) || error.code !== 'not_found') throw error;
      return { header: undefined, ID: request.ID, TTL: -1, grantedTTL: 0, keys: [] };
    });
  return {
    leaseGrant: unary(context, checkLeaseGrant, (request: rpc.LeaseGrantRequest) =>
      member.leaseGrant(request),
    ),
    leaseRevoke: unary(context, nothingToCheck, (request: rpc.LeaseRevokeRequest) =>
      member.leaseRevoke(request),
    ),
    leaseKeepAlive: keepAlive(context),
    leaseTimeToLive: unary(context, nothingToCheck, timeToLive),
    leaseLeases: unary(context, nothingToCheck, (_request: rpc.LeaseLeasesRequest) => member.leaseLeases()),
  };
}
