import { formatDuration } from '../../base/duration.js';
import { Event_EventType, type KeyValue } from '../../proto/generated/etcd_kv.js';
import type { ResponseHeader, ResponseOp, TxnResponse } from '../../proto/generated/etcd_rpc.js';
import { alarmName } from './cells.js';
import { type Printer, unsupported } from './format.js';
import { goQuote } from './go-text.js';

type Value = string | number | bigint | boolean;

/** A field a line: `"Revision" : 8`. Bytes and names are quoted as Go quotes them. */
export const fieldsPrinter: Printer = {
  put: ({ header, prevKv }) => head(header) + (prevKv === undefined ? '' : pair('Prev', prevKv)),
  get: ({ header, kvs, more, count }) =>
    head(header) + kvs.map((kv) => pair('', kv)).join('') + line('More', more) + line('Count', count),
  del: ({ header, deleted, prevKvs }) =>
    head(header) + line('Deleted', deleted) + prevKvs.map((kv) => pair('Prev', kv)).join(''),
  txn: (response) => txn(response),
  watch: ({ header, events }) =>
    head(header) +
    events
      .map(
        ({ type, kv, prevKv }) =>
          line('Type', type === Event_EventType.DELETE ? 'DELETE' : 'PUT') +
          (prevKv === undefined ? '' : pair('Prev', prevKv)) +
          (kv === undefined ? '' : pair('', kv)),
      )
      .join(''),
  compaction: (_response, revision) => `compacted revision ${revision}\n`,
  leaseGrant: ({ header, ID, TTL }) => head(header) + line('ID', ID) + line('TTL', TTL),
  leaseRevoke: ({ header }) => head(header),
  leaseTimeToLive: ({ header, ID, TTL, grantedTTL, keys }) =>
    head(header) +
    line('ID', ID) +
    line('TTL', TTL) +
    line('GrantedTTL', grantedTTL) +
    keys.map((key) => line('Key', goQuote(key))).join(''),
  leaseKeepAlive: ({ header, ID, TTL }) => head(header) + line('ID', ID) + line('TTL', TTL),
  leases: ({ header, leases }) => head(header) + leases.map(({ ID }) => line('ID', ID)).join(''),
  memberList: ({ header, members }) =>
    head(header) +
    members
      .map(
        ({ ID, name, peerURLs, clientURLs, isLearner }) =>
          `${line('ID', ID)}${line('Name', goQuote(name))}${peerURLs
            .map((url) => line('PeerURL', goQuote(url)))
            .join(
              '',
            )}${clientURLs.map((url) => line('ClientURL', goQuote(url))).join('')}${line('IsLearner', isLearner)}\n`,
      )
      .join(''),
  memberAdd: unsupported('fields'),
  memberRemove: unsupported('fields'),
  memberUpdate: unsupported('fields'),
  memberPromote: unsupported('fields'),
  moveLeader: unsupported('fields'),
  alarm: ({ header, alarms }) =>
    (header === undefined ? '' : head(header)) +
    alarms
      .map((alarm) => `${line('MemberID', alarm.memberID)}${line('AlarmType', alarmName(alarm))}\n`)
      .join(''),
  endpointStatus: (statuses) =>
    statuses
      .map(
        ({ endpoint, status }) =>
          `${head(status.header)}${line('Version', goQuote(status.version))}${line('DBSize', status.dbSize)}${line(
            'Leader',
            status.leader,
          )}${line('IsLearner', status.isLearner)}${line('RaftIndex', status.raftIndex)}${line(
            'RaftTerm',
            status.raftTerm,
          )}${line('RaftAppliedIndex', status.raftAppliedIndex)}${line(
            'Errors',
            `[${status.errors.map((error) => goQuote(error)).join(' ')}]`,
          )}${line('Endpoint', goQuote(endpoint))}\n`,
      )
      .join(''),
  endpointHashKv: (hashes) =>
    hashes
      .map(
        ({ endpoint, hash }) =>
          `${head(hash.header)}${line('Endpoint', goQuote(endpoint))}${line('Hash', hash.hash)}\n`,
      )
      .join(''),
  endpointHealth: (healths) =>
    healths
      .map(
        ({ endpoint, healthy, tookMs, error }) =>
          `${line('Endpoint', goQuote(endpoint))}${line('Health', healthy)}${line(
            'Took',
            formatDuration(tookMs),
          )}${line('Error', error)}\n`,
      )
      .join(''),
};

function line(name: string, value: Value): string {
  return `"${name}" : ${value}\n`;
}

function head(header: ResponseHeader | undefined): string {
  return (
    line('ClusterID', header?.clusterId ?? 0n) +
    line('MemberID', header?.memberId ?? 0n) +
    line('Revision', header?.revision ?? 0) +
    line('RaftTerm', header?.raftTerm ?? 0)
  );
}

function pair(prefix: string, kv: KeyValue): string {
  return (
    line(`${prefix}Key`, goQuote(kv.key)) +
    line(`${prefix}CreateRevision`, kv.createRevision) +
    line(`${prefix}ModRevision`, kv.modRevision) +
    line(`${prefix}Version`, kv.version) +
    line(`${prefix}Value`, goQuote(kv.value)) +
    line(`${prefix}Lease`, kv.lease)
  );
}

function txn(response: TxnResponse): string {
  return (
    head(response.header) + line('Succeeded', response.succeeded) + response.responses.map(operation).join('')
  );
}

function operation({ response: op }: ResponseOp): string {
  switch (op?.$case) {
    case 'responsePut':
      return String(fieldsPrinter.put(op.value));
    case 'responseRange':
      return String(fieldsPrinter.get(op.value));
    case 'responseDeleteRange':
      return String(fieldsPrinter.del(op.value));
    case 'responseTxn':
      return txn(op.value);
    case undefined:
      return '"Unknown" : \n';
  }
}
