import { formatDuration } from '../../base/duration.js';
import type { Event, KeyValue } from '../../proto/generated/etcd_kv.js';
import type {
  DeleteRangeResponse,
  Member,
  MemberListResponse,
  PutResponse,
  RangeResponse,
  ResponseHeader,
  ResponseOp,
  StatusResponse,
  TxnResponse,
} from '../../proto/generated/etcd_rpc.js';
import type { Printer } from './format.js';
import { goJson, type Json, orNone, orNoneList } from './go-json.js';

type Fields = { readonly [field: string]: Json | undefined };

/** One JSON value a line: the protobuf messages as Go's encoding/json sees etcd's structs. */
export const jsonPrinter: Printer = {
  put: (response) => print(put(response)),
  get: (response) => print(range(response)),
  del: (response) => print(deleted(response)),
  txn: (response) => print(txn(response)),
  watch: ({ header, events, compactRevision, canceled, created }) =>
    print({
      Header: head(header) ?? {},
      Events: events.map(event),
      CompactRevision: compactRevision,
      Canceled: canceled,
      Created: created,
    }),
  compaction: (_response, revision) => `compacted revision ${revision}\n`,
  leaseGrant: ({ header, ID, TTL, error }) => print({ ...head(header), ID, TTL, Error: error }),
  leaseRevoke: ({ header }) => print({ header: head(header) }),
  leaseTimeToLive: ({ header, ID, TTL, grantedTTL, keys }) =>
    print({
      ...head(header),
      id: ID,
      ttl: TTL,
      'granted-ttl': grantedTTL,
      keys: keys.length === 0 ? null : keys,
    }),
  leaseKeepAlive: ({ header, ID, TTL }) => print({ ...head(header), ID, TTL }),
  leases: ({ header, leases }) => print({ ...head(header), leases: leases.map(({ ID }) => ({ id: ID })) }),
  memberList: (response) => print(membersLeft(response)),
  memberAdd: (response) => {
    const { header, member: added, members } = response;
    return print({
      header: head(header),
      member: added && member(added),
      members: orNoneList(members.map(member)),
    });
  },
  memberRemove: (response) => print(membersLeft(response)),
  memberUpdate: (response) => print(membersLeft(response)),
  memberPromote: (response) => print(membersLeft(response)),
  moveLeader: ({ header }) => print({ header: head(header) }),
  alarm: ({ header, alarms }) =>
    print({
      header: head(header),
      alarms: orNoneList(
        alarms.map((alarm) => ({ memberID: orNone(alarm.memberID), alarm: orNone(alarm.alarm) })),
      ),
    }),
  endpointStatus: (statuses) =>
    print(statuses.map((each) => ({ Endpoint: each.endpoint, Status: status(each.status) }))),
  endpointHashKv: (hashes) =>
    print(
      hashes.map(({ endpoint, hash }) => ({
        Endpoint: endpoint,
        HashKV: {
          header: head(hash.header),
          hash: orNone(hash.hash),
          compact_revision: orNone(hash.compactRevision),
        },
      })),
    ),
  endpointHealth: (healths) =>
    print(
      healths.map(({ endpoint, healthy, tookMs, error }) => ({
        endpoint,
        health: healthy,
        took: formatDuration(tookMs),
        error: orNone(error),
      })),
    ),
};

function print(value: Json): string {
  return `${goJson(value)}\n`;
}

function head(header: ResponseHeader | undefined): Fields | undefined {
  if (header === undefined) return undefined;
  return {
    cluster_id: orNone(header.clusterId),
    member_id: orNone(header.memberId),
    revision: orNone(header.revision),
    raft_term: orNone(header.raftTerm),
  };
}

function pair(kv: KeyValue): Fields {
  return {
    key: orNone(kv.key),
    create_revision: orNone(kv.createRevision),
    mod_revision: orNone(kv.modRevision),
    version: orNone(kv.version),
    value: orNone(kv.value),
    lease: orNone(kv.lease),
  };
}

function maybePair(kv: KeyValue | undefined): Fields | undefined {
  return kv === undefined ? undefined : pair(kv);
}

function event({ type, kv, prevKv }: Event): Fields {
  return { type: orNone(type), kv: maybePair(kv), prev_kv: maybePair(prevKv) };
}

function put({ header, prevKv }: PutResponse): Fields {
  return { header: head(header), prev_kv: maybePair(prevKv) };
}

function range({ header, kvs, more, count }: RangeResponse): Fields {
  return { header: head(header), kvs: orNoneList(kvs.map(pair)), more: orNone(more), count: orNone(count) };
}

function deleted(response: DeleteRangeResponse): Fields {
  const { header, prevKvs } = response;
  return { header: head(header), deleted: orNone(response.deleted), prev_kvs: orNoneList(prevKvs.map(pair)) };
}

function txn({ header, succeeded, responses }: TxnResponse): Fields {
  return {
    header: head(header),
    succeeded: orNone(succeeded),
    responses: orNoneList(responses.map((op) => ({ Response: operation(op) }))),
  };
}

function operation({ response: op }: ResponseOp): Json {
  switch (op?.$case) {
    case 'responsePut':
      return { ResponsePut: put(op.value) };
    case 'responseRange':
      return { ResponseRange: range(op.value) };
    case 'responseDeleteRange':
      return { ResponseDeleteRange: deleted(op.value) };
    case 'responseTxn':
      return { ResponseTxn: txn(op.value) };
    case undefined:
      return null;
  }
}

function member({ ID, name, peerURLs, clientURLs, isLearner }: Member): Fields {
  return {
    ID: orNone(ID),
    name: orNone(name),
    peerURLs: orNoneList(peerURLs),
    clientURLs: orNoneList(clientURLs),
    isLearner: orNone(isLearner),
  };
}

function membersLeft({ header, members }: MemberListResponse): Fields {
  return { header: head(header), members: orNoneList(members.map(member)) };
}

function status(response: StatusResponse): Fields {
  return {
    header: head(response.header),
    version: orNone(response.version),
    dbSize: orNone(response.dbSize),
    leader: orNone(response.leader),
    raftIndex: orNone(response.raftIndex),
    raftTerm: orNone(response.raftTerm),
    raftAppliedIndex: orNone(response.raftAppliedIndex),
    errors: orNoneList(response.errors),
    dbSizeInUse: orNone(response.dbSizeInUse),
    isLearner: orNone(response.isLearner),
  };
}
