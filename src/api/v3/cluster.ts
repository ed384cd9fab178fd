import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type * as rpc from '../../proto/generated/etcd_rpc.js';
import type { ServiceContext } from './context.js';
import { nothingToCheck, unary } from './unary.js';

/** etcdserverpb.Cluster: the list; changes of membership are answered UNIMPLEMENTED. */
export function clusterService(context: ServiceContext): UntypedServiceImplementation {
  const list = (request: rpc.MemberListRequest): Promise<rpc.MemberListResponse> =>
    context.member.memberList(request).then((response) => {
      // This service's headers name no revision: membership isn't part of the keyspace.
      if (response.header === undefined) response.header = context.headers.at(0);
      else response.header.revision = 0;
      return response;
    });
  return { memberList: unary(context, nothingToCheck, list) };
}
