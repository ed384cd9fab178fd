import { formatDuration } from '../../base/duration.js';
import { type AlarmMember, AlarmType, type Member } from '../../proto/generated/etcd_rpc.js';
import type { EndpointHash, EndpointHealth, EndpointStatus } from './format.js';

/** What simple and table show alike, a row a thing. */
export const STATUS_HEAD = [
  'endpoint',
  'ID',
  'version',
  'db size',
  'is leader',
  'is learner',
  'raft term',
  'raft index',
  'raft applied index',
  'errors',
];

export function statusCells({ endpoint, status }: EndpointStatus): string[] {
  return [
    endpoint,
    hexId(status.header?.memberId ?? 0n),
    status.version,
    humanBytes(status.dbSize),
    String(status.leader === status.header?.memberId),
    String(status.isLearner),
    String(status.raftTerm),
    String(status.raftIndex),
    String(status.raftAppliedIndex),
    status.errors.join(', '),
  ];
}

export const MEMBER_HEAD = ['ID', 'Status', 'Name', 'Peer Addrs', 'Client Addrs', 'Is Learner'];

export function memberCells(member: Member): string[] {
  // A member has its name from the moment it starts.
  const started = member.name.length > 0 ? 'started' : 'unstarted';
  return [
    hexId(member.ID),
    started,
    member.name,
    member.peerURLs.join(','),
    member.clientURLs.join(','),
    String(member.isLearner),
  ];
}

export const HASH_HEAD = ['endpoint', 'hash'];

export function hashCells({ endpoint, hash }: EndpointHash): string[] {
  return [endpoint, String(hash.hash)];
}

export const HEALTH_HEAD = ['endpoint', 'health', 'took', 'error'];

export function healthCells({ endpoint, healthy, tookMs, error }: EndpointHealth): string[] {
  return [endpoint, String(healthy), formatDuration(tookMs), error];
}

export function alarmName(alarm: AlarmMember): string {
  return (AlarmType[alarm.alarm] ?? String(alarm.alarm)).toUpperCase();
}

/** A cluster's, member's or lease's ID as it is shown and typed. */
export function hexId(id: bigint): string {
  return BigInt.asUintN(64, id).toString(16);
}

/** The same with its leading zeros: how etcdctl shows leases. */
export function hexLease(id: bigint): string {
  return hexId(id).padStart(16, '0');
}

/** A size with two digits in powers of 1000: `25 kB`, `1.2 MB`. */
export function humanBytes(bytes: number): string {
  if (bytes < 10) return `${bytes} B`;
  const power = Math.min(6, Math.floor(Math.log(bytes) / Math.log(1000)));
  const tenths = Math.floor((bytes / 1000 ** power) * 10 + 0.5);
  const value = tenths < 100 ? (tenths / 10).toFixed(1) : String(halfToEven(tenths / 10));
  return `${value} ${['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'][power]}`;
}

/** As Go rounds where it prints: 20.5 is 20, 21.5 is 22. */
function halfToEven(value: number): number {
  const whole = Math.floor(value);
  return value - whole === 0.5 ? whole + (whole % 2) : Math.round(value);
}
