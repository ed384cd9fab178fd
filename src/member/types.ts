import type * as rpc from '../proto/generated/etcd_rpc.js';
import type { Watcher, WatchSink, WatchSpec } from '../store/types.js';

/** Who this member is. */
export interface Identity {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  readonly name: string;
}

export interface MemberStatus {
  /** 0n: none known. */
  readonly leader: bigint;
  readonly term: number;
  readonly committedIndex: number;
  readonly appliedIndex: number;
  readonly revision: number;
  /** Bytes of the state on disk; in use: without the free pages. */
  readonly dbSize: number;
  readonly dbSizeInUse: number;
  readonly isLearner: boolean;
  /** As etcd's StatusResponse.errors: raised alarms and the like, empty if all is well. */
  readonly errors: readonly string[];
}

/**
 * A running member as the APIs see it. Requests come checked for what needs no state (see api/v3); everything else is
 * decided here. Responses carry a header with revision and term; the API adds the identity. Failures are
 * ConfetdErrors with etcd's code and message. What may be large answers asynchronously.
 */
export interface MemberService {
  readonly identity: Identity;
  /** 0n: none known. With {@link term}, what every answer asks for; the whole status measures the disk. */
  readonly leader: bigint;
  readonly term: number;
  /** It has no vote yet, and serves only what needs no agreement: serializable ranges and its status. */
  readonly isLearner: boolean;
  status(): MemberStatus;

  range(request: rpc.RangeRequest): Promise<rpc.RangeResponse>;
  put(request: rpc.PutRequest): Promise<rpc.PutResponse>;
  deleteRange(request: rpc.DeleteRangeRequest): Promise<rpc.DeleteRangeResponse>;
  txn(request: rpc.TxnRequest): Promise<rpc.TxnResponse>;
  compact(request: rpc.CompactionRequest): Promise<rpc.CompactionResponse>;

  /** Throws `out_of_range` nowhere: a compacted start is reported through the sink. */
  watch(spec: WatchSpec, sink: WatchSink): Watcher;
  readonly revision: number;

  leaseGrant(request: rpc.LeaseGrantRequest): Promise<rpc.LeaseGrantResponse>;
  leaseRevoke(request: rpc.LeaseRevokeRequest): Promise<rpc.LeaseRevokeResponse>;
  /** The renewed TTL in seconds; 0: no such lease. */
  leaseKeepAlive(id: bigint): Promise<number>;
  leaseTimeToLive(request: rpc.LeaseTimeToLiveRequest): Promise<rpc.LeaseTimeToLiveResponse>;
  leaseLeases(): Promise<rpc.LeaseLeasesResponse>;

  // Asked of any member; the leader decides.
  memberAdd(request: rpc.MemberAddRequest): Promise<rpc.MemberAddResponse>;
  memberRemove(request: rpc.MemberRemoveRequest): Promise<rpc.MemberRemoveResponse>;
  memberUpdate(request: rpc.MemberUpdateRequest): Promise<rpc.MemberUpdateResponse>;
  memberPromote(request: rpc.MemberPromoteRequest): Promise<rpc.MemberPromoteResponse>;
  /** Resolves once `target` leads. `failed_precondition` unless this member leads and `target` is another voter. */
  moveLeader(target: bigint): Promise<void>;
  /** Checksum of this member's own state up to a revision (0: its newest). */
  hashKv(revision: number): Promise<rpc.HashKVResponse>;
  memberList(request: rpc.MemberListRequest): Promise<rpc.MemberListResponse>;
  alarm(request: rpc.AlarmRequest): Promise<rpc.AlarmResponse>;
  /** Resolves once this member knows that it is as new as the cluster was when asked (a read index). */
  linearizable(): Promise<void>;
}
