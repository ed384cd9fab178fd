import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { etcdError } from '../../base/etcd-errors.js';
import type * as rpc from '../../proto/generated/etcd_rpc.js';
import type { ServiceContext } from './context.js';
import { nothingToCheck, unary } from './unary.js';

/** etcdserverpb.Maintenance: status and alarms; the rest is answered UNIMPLEMENTED. `version` is what we claim. */
export function maintenanceService(context: ServiceContext, version: string): UntypedServiceImplementation {
  const status = (_request: rpc.StatusRequest): Promise<rpc.StatusResponse> => {
    const now = context.member.status();
    const leaderless = etcdError('noLeader').message;
    const errors = [...now.errors];
    if (now.leader === 0n && !errors.includes(leaderless)) errors.unshift(leaderless);
    return Promise.resolve({
      header: { clusterId: 0n, memberId: 0n, revision: now.revision, raftTerm: now.term },
      version,
      dbSize: now.dbSize,
      leader: now.leader,
      raftIndex: now.committedIndex,
      raftTerm: now.term,
      raftAppliedIndex: now.appliedIndex,
      errors,
      dbSizeInUse: now.dbSizeInUse,
      isLearner: now.isLearner,
    });
  };
  return {
    status: unary(context, nothingToCheck, status),
    alarm: unary(context, nothingToCheck, (request: rpc.AlarmRequest) => context.member.alarm(request)),
  };
}
