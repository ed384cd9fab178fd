import type { Command } from './command.js';

interface Entry {
  readonly summary: string;
  load(): Promise<Command>;
}

/** Every command, each in a file that is loaded when it runs. */
export const COMMANDS: Readonly<Record<string, Entry>> = {
  'alarm disarm': { summary: 'ends all alarms', load: async () => (await import('./alarm.js')).alarmDisarm },
  'alarm list': { summary: 'lists all alarms', load: async () => (await import('./alarm.js')).alarmList },
  compaction: {
    summary: 'forgets history before a revision',
    load: async () => (await import('./compaction.js')).compaction,
  },
  del: { summary: 'deletes a key or a range of keys', load: async () => (await import('./del.js')).del },
  'endpoint hashkv': {
    summary: 'shows the hash of the keys of each endpoint',
    load: async () => (await import('./endpoint.js')).endpointHashKv,
  },
  'endpoint health': {
    summary: 'tells whether each endpoint answers',
    load: async () => (await import('./endpoint.js')).endpointHealth,
  },
  'endpoint status': {
    summary: 'shows the state of each endpoint',
    load: async () => (await import('./endpoint.js')).endpointStatus,
  },
  'exec-watch': {
    summary: 'runs a command for changes, one run at a time',
    load: async () => (await import('./exec-watch.js')).execWatch,
  },
  get: { summary: 'reads a key or a range of keys', load: async () => (await import('./get.js')).get },
  'lease grant': { summary: 'makes a lease', load: async () => (await import('./lease.js')).leaseGrant },
  'lease keep-alive': {
    summary: 'renews a lease, again and again',
    load: async () => (await import('./lease.js')).leaseKeepAlive,
  },
  'lease list': { summary: 'lists all leases', load: async () => (await import('./lease.js')).leaseList },
  'lease revoke': {
    summary: 'ends a lease; its keys go with it',
    load: async () => (await import('./lease.js')).leaseRevoke,
  },
  'lease timetolive': {
    summary: 'shows how long a lease lasts yet',
    load: async () => (await import('./lease.js')).leaseTimeToLive,
  },
  lock: {
    summary: 'takes a lock, for as long as this process or a command runs',
    load: async () => (await import('./lock.js')).lock,
  },
  'member add': {
    summary: 'adds a member, before it is started',
    load: async () => (await import('./member.js')).memberAdd,
  },
  'member list': {
    summary: 'lists the members of the cluster',
    load: async () => (await import('./member.js')).memberList,
  },
  'member promote': {
    summary: 'gives a learner its vote',
    load: async () => (await import('./member.js')).memberPromote,
  },
  'member remove': {
    summary: 'removes a member',
    load: async () => (await import('./member.js')).memberRemove,
  },
  'member update': {
    summary: 'gives a member other peer URLs',
    load: async () => (await import('./member.js')).memberUpdate,
  },
  'move-leader': {
    summary: 'lets another member lead',
    load: async () => (await import('./move-leader.js')).moveLeader,
  },
  put: { summary: 'stores a key', load: async () => (await import('./put.js')).put },
  'render accept': {
    summary: 'takes the source as it is for a file that is ahead of it',
    load: async () => (await import('./render-accept.js')).renderAccept,
  },
  'render pause': {
    summary: 'leaves a file alone, or all of them',
    load: async () => (await import('./render-pause.js')).renderPause,
  },
  'render resume': {
    summary: 'ends a pause, and catches up',
    load: async () => (await import('./render-resume.js')).renderResume,
  },
  'render status': {
    summary: 'shows what the daemon has rendered, and what is still to do',
    load: async () => (await import('./render-status.js')).renderStatus,
  },
  'render wait': {
    summary: 'waits until every file is what the keys of a revision say',
    load: async () => (await import('./render-wait.js')).renderWait,
  },
  'render why': {
    summary: 'shows what a file is made from, and which change caused its last render',
    load: async () => (await import('./render-why.js')).renderWhy,
  },
  rollback: {
    summary: 'puts the keys of a prefix back as they were at a revision',
    load: async () => (await import('./rollback.js')).rollback,
  },
  txn: {
    summary: 'runs compares, and one of two lists of requests, in one transaction',
    load: async () => (await import('./txn.js')).txn,
  },
  version: { summary: 'prints the version', load: async () => (await import('./version.js')).version },
  watch: {
    summary: 'prints changes of a key, a range or a prefix as they come',
    load: async () => (await import('./watch.js')).watch,
  },
};
