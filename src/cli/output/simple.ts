import { formatDuration } from '../../base/duration.js';
import { Event_EventType, type KeyValue } from '../../proto/generated/etcd_kv.js';
import type { MemberAddResponse, ResponseOp, TxnResponse } from '../../proto/generated/etcd_rpc.js';
import { alarmName, hashCells, hexId, hexLease, memberCells, statusCells } from './cells.js';
import type { Output, Printer, SimpleOptions } from './format.js';
import { goQuote, hexBytes } from './go-text.js';

/** For people and shell loops: keys and values as they are, a line each. */
export function simplePrinter(options: SimpleOptions): Printer {
  const text = (bytes: Buffer): Output => (options.hex ? hexBytes(bytes) : bytes);
  const pair = (kv: KeyValue | undefined, valueOnly = options.valueOnly): Output[] => {
    if (kv === undefined) return ['\n', '\n'];
    return valueOnly ? [text(kv.value), '\n'] : [text(kv.key), '\n', text(kv.value), '\n'];
  };

  const printer: Printer = {
    put: ({ prevKv }) => join(['OK\n', ...(prevKv === undefined ? [] : pair(prevKv))]),
    get: ({ kvs }) => join(kvs.flatMap((kv) => pair(kv))),
    del: ({ deleted, prevKvs }) => join([`${deleted}\n`, ...prevKvs.flatMap((kv) => pair(kv))]),
    txn: (response) => join(txnParts(response)),
    watch: ({ events }) =>
      join(
        events.flatMap(({ type, kv, prevKv }) => [
          `${type === Event_EventType.DELETE ? 'DELETE' : 'PUT'}\n`,
          ...(prevKv === undefined ? [] : pair(prevKv)),
          ...pair(kv),
        ]),
      ),
    compaction: (_response, revision) => `compacted revision ${revision}\n`,
    leaseGrant: ({ ID, TTL }) => `lease ${hexLease(ID)} granted with TTL(${TTL}s)\n`,
    leaseRevoke: (_response, id) => `lease ${hexLease(id)} revoked\n`,
    leaseTimeToLive: ({ ID, TTL, grantedTTL, keys }, withKeys) => {
      if (grantedTTL === 0 && TTL === -1) return `lease ${hexLease(ID)} already expired\n`;
      const head = `lease ${hexLease(ID)} granted with TTL(${grantedTTL}s), remaining(${TTL}s)`;
      if (!withKeys) return `${head}\n`;
      const list = keys.flatMap((key, at) => (at === 0 ? [key] : [' ', key]));
      return join([`${head}, attached keys([`, ...list, '])\n']);
    },
    leaseKeepAlive: ({ ID, TTL }) => `lease ${hexLease(ID)} keepalived with TTL(${TTL})\n`,
    leases: ({ leases }) =>
      [`found ${leases.length} leases`, ...leases.map(({ ID }) => hexLease(ID))]
        .map((line) => `${line}\n`)
        .join(''),
    memberList: ({ members }) => rows(members.map(memberCells)),
    memberAdd: added,
    memberRemove: ({ header }, id) =>
      `Member ${wideId(id)} removed from cluster ${wideId(header?.clusterId)}\n`,
    memberUpdate: ({ header }, id) =>
      `Member ${wideId(id)} updated in cluster ${wideId(header?.clusterId)}\n`,
    memberPromote: ({ header }, id) =>
      `Member ${wideId(id)} promoted in cluster ${wideId(header?.clusterId)}\n`,
    moveLeader: (_response, leader, target) =>
      `Leadership transferred from ${hexId(leader)} to ${hexId(target)}\n`,
    alarm: ({ alarms }) =>
      alarms.map((alarm) => `memberID:${alarm.memberID} alarm:${alarmName(alarm)} \n`).join(''),
    endpointStatus: (statuses) => rows(statuses.map(statusCells)),
    endpointHashKv: (hashes) => rows(hashes.map(hashCells)),
    endpointHealth: (healths) =>
      healths
        .map(({ endpoint, healthy, tookMs, error }) =>
          healthy
            ? `${endpoint} is healthy: successfully committed proposal: took = ${formatDuration(tookMs)}\n`
            : `${endpoint} is unhealthy: failed to commit proposal: ${error}\n`,
        )
        .join(''),
  };

  const txnParts = (response: TxnResponse): Output[] => [
    response.succeeded ? 'SUCCESS\n' : 'FAILURE\n',
    ...response.responses.flatMap((op) => ['\n', ...opParts(op)]),
  ];
  const opParts = ({ response: op }: ResponseOp): Output[] => {
    switch (op?.$case) {
      case 'responsePut':
        return [printer.put(op.value)];
      case 'responseRange':
        return [printer.get(op.value)];
      case 'responseDeleteRange':
        return [printer.del(op.value)];
      case 'responseTxn':
        return txnParts(op.value);
      case undefined:
        return ['unexpected response\n'];
    }
  };
  return printer;
}

/** What the new member is to be started with. Members that haven't made their name known can't be named there. */
function added({ header, member, members }: MemberAddResponse, name: string): string {
  const names = members.map((each) => ({ ...each, name: each.ID === member?.ID ? name : each.name }));
  const cluster = names
    .filter((each) => each.name !== '')
    .flatMap((each) => each.peerURLs.map((url) => `${each.name}=${url}`));
  return [
    `Member ${wideId(member?.ID)} added to cluster ${wideId(header?.clusterId)}`,
    '',
    `ETCD_NAME=${goQuote(name)}`,
    `ETCD_INITIAL_CLUSTER=${goQuote(cluster.join(','))}`,
    `ETCD_INITIAL_ADVERTISE_PEER_URLS=${goQuote(member?.peerURLs.join(',') ?? '')}`,
    'ETCD_INITIAL_CLUSTER_STATE="existing"',
  ]
    .map((line) => `${line}\n`)
    .join('');
}

/** With spaces for its leading zeros, as Go's %16x. */
function wideId(id = 0n): string {
  return hexId(id).padStart(16);
}

function rows(cells: readonly (readonly string[])[]): string {
  return cells.map((row) => `${row.join(', ')}\n`).join('');
}

function join(parts: readonly Output[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'utf8') : part)));
}
