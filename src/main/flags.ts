import type { FlagSet, FlagValues } from '../cli/flags.js';
import { CONFD_FLAGS } from './confd-flags.js';
import { CONFD_FORK_FLAGS } from './confd-fork-flags.js';

const GiB = 2 ** 30;

/** The daemon's flags: etcd's and confd's names wherever the meaning is theirs. */
export const DAEMON_FLAGS = {
  // The member, as etcd names it.
  name: { kind: 'string', default: 'default', usage: 'this member’s name, unique in the cluster' },
  'data-dir': { kind: 'string', default: '', usage: 'folder of the member’s data; NAME.etcd if empty' },
  'listen-client-urls': {
    kind: 'list',
    separator: ',',
    lastWins: true,
    default: ['http://localhost:2379'],
    usage: 'where clients are served',
  },
  'advertise-client-urls': {
    kind: 'list',
    separator: ',',
    lastWins: true,
    default: ['http://localhost:2379'],
    usage: 'client URLs told to the rest of the cluster',
  },
  'listen-peer-urls': {
    kind: 'list',
    separator: ',',
    lastWins: true,
    default: ['http://localhost:2380'],
    usage: 'where other members are served',
  },
  'initial-advertise-peer-urls': {
    kind: 'list',
    separator: ',',
    lastWins: true,
    default: ['http://localhost:2380'],
    usage: 'peer URLs told to the rest of the cluster',
  },
  'initial-cluster': {
    kind: 'string',
    default: '',
    usage: 'NAME=PEER-URL of the first members; this member alone if empty',
  },
  'initial-cluster-token': {
    kind: 'string',
    default: 'etcd-cluster',
    usage: 'tells apart clusters with equal members',
  },
  'initial-cluster-state': {
    kind: 'string',
    default: 'new',
    oneOf: ['new', 'existing'],
    usage: 'existing: join a cluster that `member add` has added this member to',
  },
  'force-new-cluster': {
    kind: 'boolean',
    default: false,
    usage: 'go on alone with this member’s data; all other members are given up',
  },
  'strict-reconfig-check': {
    kind: 'boolean',
    default: true,
    usage: 'refuse changes of the membership that could cost the quorum',
  },
  'peer-cert-file': { kind: 'string', default: '', usage: 'certificate for https:// peer URLs (PEM)' },
  'peer-key-file': { kind: 'string', default: '', usage: 'key of --peer-cert-file (PEM)' },
  'peer-trusted-ca-file': {
    kind: 'string',
    default: '',
    usage: 'certificates that vouch for other members (PEM)',
  },
  'peer-client-cert-auth': {
    kind: 'boolean',
    default: false,
    usage: 'other members must show a certificate of --peer-trusted-ca-file',
  },
  'snapshot-send-rate': {
    kind: 'integer',
    min: 0,
    // At full speed three members on one machine doubled the latency of puts meanwhile; at this rate it stays.
    default: 32,
    usage: 'MiB a second at which a lagging member is sent the whole state; 0: no limit',
  },
  'corrupt-check-time': {
    kind: 'duration',
    bareUnit: 's',
    default: 3_600_000,
    usage: 'between two comparisons of the members’ states; 0: none',
  },
  'heartbeat-interval': { kind: 'duration', bareUnit: 'ms', default: 100, usage: 'of the leader' },
  'election-timeout': {
    kind: 'duration',
    bareUnit: 'ms',
    default: 1000,
    usage: 'without a leader, before an election',
  },
  'snapshot-count': {
    kind: 'integer',
    min: 0,
    default: 5000,
    usage: 'log entries kept behind the state, for members that lag',
  },
  'quota-backend-bytes': {
    kind: 'integer',
    min: 0,
    default: 0,
    usage: 'size of the state that raises NOSPACE; 0: 2 GiB',
  },
  'max-txn-ops': { kind: 'integer', min: 1, default: 128, usage: 'operations of one transaction' },
  'max-request-bytes': { kind: 'integer', min: 1, default: 1_572_864, usage: 'size of one request' },
  // The renderer, as confd names it.
  ...CONFD_FLAGS,
  ...CONFD_FORK_FLAGS,
  strict: {
    kind: 'boolean',
    default: false,
    usage: 'refuse to start where conf.d or a template has a problem',
  },
  timeout: {
    kind: 'duration',
    // The name that confd's active fork has for it.
    aliases: ['backend-timeout'],
    bareUnit: 's',
    default: 10_000,
    usage: 'for the source to answer, with --onetime',
  },
  'no-render': { kind: 'boolean', default: false, usage: 'a plain store: read no conf.d' },
  'watch-files': { kind: 'boolean', default: true, usage: 'pick up changes of conf.d and templates' },
  'state-dir': { kind: 'string', default: '', usage: 'what was rendered, where there is no data folder' },
  'shutdown-timeout': {
    kind: 'duration',
    bareUnit: 's',
    default: 10_000,
    usage: 'for a reload that runs at the end',
  },
  'log-level': {
    kind: 'string',
    default: 'info',
    usage: 'debug, info, warn or error; panic and fatal count as error',
  },
  debug: { kind: 'boolean', default: false, usage: 'the same as --log-level debug' },
  version: { kind: 'boolean', default: false, usage: 'print the version' },
} as const satisfies FlagSet;

export type DaemonFlags = FlagValues<typeof DAEMON_FLAGS>;

export const DEFAULT_QUOTA_BYTES = 2 * GiB;
