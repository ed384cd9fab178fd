import { AssertionError, unreachable } from '../../base/assert.js';
import { etcdError } from '../../base/etcd-errors.js';
import { atOnce, type Sliced } from '../../base/sliced.js';
import { getMember, putMember } from '../../cluster/members.js';
import {
  AlarmType,
  type CompactionRequest,
  type CompactionResponse,
  type TxnRequest,
} from '../../proto/generated/etcd_rpc.js';
import type { ClusterVersion, MemberAttributes } from '../../proto/generated/member.js';
import type { RequestKind } from '../request-codec.js';
import type { ApplyContext } from './context.js';
import { revisionHeader } from './convert.js';
import { applyDeleteRange, applyPut, applyRange } from './kv.js';
import { applyLeaseGrant, applyLeaseRevoke } from './lease.js';
import { applyTxn, hasRanges } from './txn.js';

/** Row of table `meta`: the version that every member of the cluster understands. */
export const CLUSTER_VERSION_ROW = 'clusterVersion';

/** Whether what a request does is bounded by nothing but the state: it may take many turns. */
export function mayBeLong(kind: RequestKind): kind is LongKind {
  if (!isSliced(kind)) return false;
  if (kind.$case === 'leaseRevoke') return true;
  return kind.$case === 'txn' ? hasRanges(kind.value) : kind.value.rangeEnd.length > 0;
}

function isSliced(kind: RequestKind): kind is LongKind {
  return (
    kind.$case === 'range' ||
    kind.$case === 'deleteRange' ||
    kind.$case === 'txn' ||
    kind.$case === 'leaseRevoke'
  );
}

/** Kinds that are applied in slices. */
export type LongKind = Extract<RequestKind, { $case: 'range' | 'deleteRange' | 'txn' | 'leaseRevoke' }>;

/** As {@link applyRequest}, in slices. */
export function* applyInSlices(context: ApplyContext, kind: LongKind): Sliced<unknown> {
  refuseWhileAlarmed(context, kind);
  switch (kind.$case) {
    case 'range':
      return yield* applyRange(context, kind.value);
    case 'deleteRange':
      return yield* applyDeleteRange(context, kind.value);
    case 'txn':
      return yield* applyTxn(context, kind.value);
    case 'leaseRevoke':
      return yield* applyLeaseRevoke(context, kind.value);
    default:
      return unreachable(kind);
  }
}

/**
 * Applies one request, all of it in this turn, and answers its response. Throws a ConfetdError where the state refuses
 * it, having changed nothing; any other exception means that the state can't be trusted any more.
 */
export function applyRequest(context: ApplyContext, kind: RequestKind): unknown {
  if (isSliced(kind)) return atOnce(applyInSlices(context, kind));
  refuseWhileAlarmed(context, kind);
  switch (kind.$case) {
    case 'put':
      return applyPut(context, kind.value);
    case 'compaction':
      return applyCompaction(context, kind.value);
    case 'leaseGrant':
      return applyLeaseGrant(context, kind.value);
    case 'alarm':
      return {
        header: revisionHeader(context.txn.revision),
        alarms: context.alarms.apply(context.txn.table('alarms'), kind.value),
      };
    case 'memberAttributes':
      return applyMemberAttributes(context, kind.value);
    case 'clusterVersion':
      return applyClusterVersion(context, kind.value);
    default:
      // Written by a newer member: going on would let this one's state differ from the others'.
      throw new AssertionError(
        'the log holds a request that this version does not know: upgrade this member',
      );
  }
}

/** History is unreadable when this returns; `physical` resolves when it is gone from the disk too. */
export interface AppliedCompaction {
  readonly physical: Promise<void>;
  readonly response: CompactionResponse;
}

function applyCompaction({ txn }: ApplyContext, { revision }: CompactionRequest): AppliedCompaction {
  const physical = txn.compact(revision);
  return { physical, response: { header: revisionHeader(txn.revision) } };
}

/** NOSPACE blocks what may grow the state, CORRUPT everything that reads or writes keys (etcd's appliers). */
function refuseWhileAlarmed({ alarms }: ApplyContext, kind: RequestKind): void {
  if (alarms.raised.length === 0) return;
  const kv = ['put', 'range', 'deleteRange', 'txn', 'compaction', 'leaseGrant', 'leaseRevoke'];
  if (alarms.isRaised(AlarmType.Corrupt) && kv.includes(kind.$case)) throw etcdError('corrupt');
  if (!alarms.isRaised(AlarmType.Nospace)) return;
  if (kind.$case === 'put' || kind.$case === 'leaseGrant') throw etcdError('noSpace');
  if (kind.$case === 'txn' && mayPut(kind.value)) throw etcdError('noSpace');
}

/** Whether any branch of a transaction puts. */
function mayPut(request: TxnRequest): boolean {
  return [...request.success, ...request.failure].some(({ request: operation }) => {
    if (operation?.$case === 'requestTxn') return mayPut(operation.value);
    return operation?.$case === 'requestPut';
  });
}

function applyMemberAttributes(context: ApplyContext, attributes: MemberAttributes): undefined {
  const rows = context.txn.table('members');
  const member = getMember(rows, attributes.member);
  // One that was removed meanwhile stays removed.
  if (member !== undefined) {
    putMember(rows, { ...member, name: attributes.name, clientUrls: attributes.clientUrls });
  }
  return undefined;
}

function applyClusterVersion(context: ApplyContext, { version }: ClusterVersion): undefined {
  context.txn.table('meta').put(CLUSTER_VERSION_ROW, Buffer.from(version));
  return undefined;
}
