import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type * as rpc from '../../proto/generated/etcd_rpc.js';
import type { ServiceContext } from './context.js';
import { nothingToCheck, unary } from './unary.js';

/** etcdserverpb.Cluster: who belongs to the cluster, and changes of that, asked of any member. */
export function clusterService(context: ServiceContext): UntypedServiceImplementation {
  const { member, headers } = context;
  const service = <Request, Response extends { header: rpc.ResponseHeader | undefined }>(
    run: (request: Request) => Promise<Response>,
  ) =>
    unary(context, nothingToCheck, async (request: Request) => {
      const response = await run(request);
      // This service's headers name no revision: membership isn't part of the keyspace.
      response.header = headers.at(0);
      return response;
    });
  return {
    memberAdd: service((request: rpc.MemberAddRequest) => member.memberAdd(request)),
    memberRemove: service((request: rpc.MemberRemoveRequest) => member.memberRemove(request)),
    memberUpdate: service((request: rpc.MemberUpdateRequest) => member.memberUpdate(request)),
    memberPromote: service((request: rpc.MemberPromoteRequest) => member.memberPromote(request)),
    memberList: service((request: rpc.MemberListRequest) => member.memberList(request)),
  };
}
