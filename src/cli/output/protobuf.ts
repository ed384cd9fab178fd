import type { ResponseHeader as Header } from '../../proto/generated/etcd_rpc.js';
import {
  AlarmResponse,
  DeleteRangeResponse,
  LeaseRevokeResponse,
  MemberAddResponse,
  MemberListResponse,
  MemberPromoteResponse,
  MemberRemoveResponse,
  MemberUpdateResponse,
  MoveLeaderResponse,
  PutResponse,
  RangeResponse,
  ResponseHeader,
  TxnResponse,
  WatchResponse,
} from '../../proto/generated/etcd_rpc.js';
import { type Printer, unsupported } from './format.js';

/** The messages' own bytes, nothing between them; of a lease's answers only the header, as in etcdctl 3.4. */
export const protobufPrinter: Printer = {
  put: (response) => bytes(PutResponse.encode(response)),
  get: (response) => bytes(RangeResponse.encode(response)),
  del: (response) => bytes(DeleteRangeResponse.encode(response)),
  txn: (response) => bytes(TxnResponse.encode(response)),
  watch: (response) => bytes(WatchResponse.encode({ ...response, watchId: 0n })),
  compaction: (_response, revision) => `compacted revision ${revision}\n`,
  leaseGrant: ({ header }) => head(header),
  leaseRevoke: (response) => bytes(LeaseRevokeResponse.encode(response)),
  leaseTimeToLive: ({ header }) => head(header),
  leaseKeepAlive: ({ header }) => head(header),
  leases: ({ header }) => head(header),
  memberList: (response) => bytes(MemberListResponse.encode(response)),
  memberAdd: (response) => bytes(MemberAddResponse.encode(response)),
  memberRemove: (response) => bytes(MemberRemoveResponse.encode(response)),
  memberUpdate: (response) => bytes(MemberUpdateResponse.encode(response)),
  memberPromote: (response) => bytes(MemberPromoteResponse.encode(response)),
  moveLeader: (response) => bytes(MoveLeaderResponse.encode(response)),
  alarm: (response) => bytes(AlarmResponse.encode(response)),
  endpointStatus: unsupported('protobuf'),
  endpointHashKv: unsupported('protobuf'),
  endpointHealth: unsupported('protobuf'),
};

function bytes(writer: { finish(): Uint8Array }): Buffer {
  return Buffer.from(writer.finish());
}

function head(header: Header | undefined): Buffer {
  return header === undefined ? Buffer.alloc(0) : bytes(ResponseHeader.encode(header));
}
