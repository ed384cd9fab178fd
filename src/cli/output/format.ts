import type {
  AlarmResponse,
  CompactionResponse,
  DeleteRangeResponse,
  HashKVResponse,
  LeaseGrantResponse,
  LeaseKeepAliveResponse,
  LeaseLeasesResponse,
  LeaseRevokeResponse,
  LeaseTimeToLiveResponse,
  MemberAddResponse,
  MemberListResponse,
  MemberPromoteResponse,
  MemberRemoveResponse,
  MemberUpdateResponse,
  MoveLeaderResponse,
  PutResponse,
  RangeResponse,
  StatusResponse,
  TxnResponse,
  WatchResponse,
} from '../../proto/generated/etcd_rpc.js';
import { EXIT, ExitError } from '../exit-error.js';

export interface EndpointStatus {
  readonly endpoint: string;
  readonly status: StatusResponse;
}

export interface EndpointHash {
  readonly endpoint: string;
  readonly hash: HashKVResponse;
}

export interface EndpointHealth {
  readonly endpoint: string;
  readonly healthy: boolean;
  readonly tookMs: number;
  /** '' where it is healthy. */
  readonly error: string;
}

/** Bytes for standard output: values of keys are any bytes. */
export type Output = string | Buffer;

/** One of etcdctl's output formats. Each method answers all that is printed, its newlines included. */
export interface Printer {
  put(response: PutResponse): Output;
  get(response: RangeResponse): Output;
  del(response: DeleteRangeResponse): Output;
  txn(response: TxnResponse): Output;
  watch(response: WatchResponse): Output;
  compaction(response: CompactionResponse, revision: number): Output;
  leaseGrant(response: LeaseGrantResponse): Output;
  leaseRevoke(response: LeaseRevokeResponse, id: bigint): Output;
  leaseTimeToLive(response: LeaseTimeToLiveResponse, keys: boolean): Output;
  leaseKeepAlive(response: LeaseKeepAliveResponse): Output;
  leases(response: LeaseLeasesResponse): Output;
  memberList(response: MemberListResponse): Output;
  /** `name` is what the new member is to be called. */
  memberAdd(response: MemberAddResponse, name: string): Output;
  memberRemove(response: MemberRemoveResponse, id: bigint): Output;
  memberUpdate(response: MemberUpdateResponse, id: bigint): Output;
  memberPromote(response: MemberPromoteResponse, id: bigint): Output;
  moveLeader(response: MoveLeaderResponse, leader: bigint, target: bigint): Output;
  alarm(response: AlarmResponse): Output;
  endpointStatus(statuses: readonly EndpointStatus[]): Output;
  endpointHashKv(hashes: readonly EndpointHash[]): Output;
  endpointHealth(healths: readonly EndpointHealth[]): Output;
}

export interface SimpleOptions {
  readonly hex: boolean;
  /** `get --print-value-only`. */
  readonly valueOnly: boolean;
}

/** For what a format has no form for. */
export function unsupported(format: string): () => never {
  return () => {
    throw new ExitError(EXIT.badFeature, `${format} not supported as output format`);
  };
}
