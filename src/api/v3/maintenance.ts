import type { handleServerStreamingCall, UntypedServiceImplementation } from '@grpc/grpc-js';
import { ConfetdError } from '../../base/errors.js';
import { etcdError } from '../../base/etcd-errors.js';
import type * as rpc from '../../proto/generated/etcd_rpc.js';
import type { ServiceContext } from './context.js';
import { toGrpcStatus } from './errors.js';
import { nothingToCheck, plainUnary, unary } from './unary.js';

/**
 * etcdserverpb.Maintenance. `version` is what we claim. Snapshot and Downgrade are refused with what to do instead.
 */
export function maintenanceService(context: ServiceContext, version: string): UntypedServiceImplementation {
  const { member } = context;

  const status = (_request: rpc.StatusRequest): Promise<rpc.StatusResponse> => {
    const now = member.status();
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

  // This one, and Defragment, have answers without a header: etcdctl shows them as `{}`.
  const moveLeader = async ({ targetID }: rpc.MoveLeaderRequest): Promise<rpc.MoveLeaderResponse> => {
    await member.moveLeader(targetID);
    return { header: undefined };
  };

  /** There is nothing to do: deleted space is reused as it is, page by page. The file never shrinks. */
  const defragment = (_request: rpc.DefragmentRequest): Promise<rpc.DefragmentResponse> => {
    if (member.isLearner) throw etcdError('learnerUnsupported');
    return Promise.resolve({ header: undefined });
  };

  const hash = async (_request: rpc.HashRequest): Promise<rpc.HashResponse> => {
    const newest = await member.hashKv(0);
    return { header: undefined, hash: newest.hash };
  };

  /** The header is of now, whatever revision is hashed; a store that was never compacted says -1. */
  const hashKv = async ({ revision }: rpc.HashKVRequest): Promise<rpc.HashKVResponse> => {
    const { hash, compactRevision } = await member.hashKv(revision);
    return { header: undefined, hash, compactRevision: compactRevision === 0 ? -1 : compactRevision };
  };

  const snapshot: handleServerStreamingCall<rpc.SnapshotRequest, rpc.SnapshotResponse> = (call) => {
    const reason = new ConfetdError(
      'unimplemented',
      'confetd: snapshots in etcd’s format are not served; to back a member up, stop it and copy its data folder',
    );
    call.emit('error', toGrpcStatus(reason, context.log));
  };

  const downgrade = (_request: rpc.DowngradeRequest): Promise<rpc.DowngradeResponse> => {
    throw new ConfetdError(
      'unimplemented',
      'confetd: a downgrade needs no preparation: start the other version',
    );
  };

  return {
    status: unary(context, nothingToCheck, status, () => true),
    alarm: unary(context, nothingToCheck, (request: rpc.AlarmRequest) => member.alarm(request)),
    moveLeader: plainUnary(context, moveLeader),
    defragment: plainUnary(context, defragment),
    hash: unary(context, nothingToCheck, hash),
    hashKv: unary(context, nothingToCheck, hashKv),
    snapshot,
    downgrade: plainUnary(context, downgrade),
  };
}
