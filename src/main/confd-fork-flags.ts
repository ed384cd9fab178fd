import type { FlagSet } from '../cli/flags.js';

/** Flags of confd's active fork (abtreece/confd) that confd itself doesn't have. */
export const CONFD_FORK_FLAGS = {
  'failure-mode': {
    kind: 'string',
    default: 'best-effort',
    oneOf: ['best-effort', 'fail-fast'],
    usage: 'fail-fast: with --onetime, stop at the first resource that fails',
  },
  'check-config': { kind: 'boolean', default: false, usage: 'check the files of conf.d, and exit' },
  validate: { kind: 'boolean', default: false, usage: 'check the templates, and exit' },
  'mock-data': {
    kind: 'string',
    default: '',
    usage: 'YAML or JSON keys to render the templates from, with --validate',
  },
  resource: {
    kind: 'string',
    default: '',
    usage: 'file of conf.d to look at alone, with --check-config or --validate',
  },
  preflight: { kind: 'boolean', default: false, usage: 'ask the backend for each resource’s keys, and exit' },
  'preflight-timeout': {
    kind: 'duration',
    bareUnit: 's',
    default: 10_000,
    usage: 'for the backend to answer, with --preflight',
  },
  'log-format': {
    kind: 'string',
    default: '',
    oneOf: ['', 'text', 'json'],
    usage: 'text, as confd’s lines, or json; by default text unless there is a member',
  },
  debounce: {
    kind: 'duration',
    bareUnit: 's',
    default: 0,
    usage: 'of resources without wait or debounce: wait = { min = … }',
  },
  'batch-interval': {
    kind: 'duration',
    bareUnit: 's',
    default: 0,
    usage: 'of resources without wait or debounce: all that changed so long is rendered together',
  },
  'check-cmd-timeout': {
    kind: 'duration',
    bareUnit: 's',
    default: 30_000,
    usage: 'of check and verify commands, unless the resource says it',
  },
  'reload-cmd-timeout': {
    kind: 'duration',
    bareUnit: 's',
    default: 60_000,
    usage: 'of reload commands, unless the resource says it',
  },
  'dial-timeout': {
    kind: 'duration',
    bareUnit: 's',
    default: 0,
    usage: 'for a connection to a node of the backend; 0: 2 s (etcd; 1 s with --onetime) or 5 s',
  },
  'read-timeout': {
    kind: 'duration',
    bareUnit: 's',
    default: 0,
    usage: 'for a request to etcd, or for one reading of all keys of another backend; 0: 15 s',
  },
  'write-timeout': { kind: 'duration', bareUnit: 's', default: 0, usage: 'no effect' },
  'retry-max-attempts': {
    kind: 'integer',
    min: 1,
    default: 3,
    usage: 'connections to the backend, with --onetime; a daemon tries for ever',
  },
  'retry-base-delay': {
    kind: 'duration',
    bareUnit: 's',
    default: 100,
    usage: 'before the backend is tried again; doubled each time',
  },
  'retry-max-delay': {
    kind: 'duration',
    bareUnit: 's',
    default: 5_000,
    usage: 'the most that --retry-base-delay grows to',
  },
  'watch-error-backoff': { kind: 'duration', bareUnit: 's', default: 0, usage: 'no effect' },
  'template-cache': { kind: 'boolean', default: true, usage: 'no effect: always' },
  'no-template-cache': { kind: 'boolean', default: false, usage: 'no effect' },
  'stat-cache-ttl': { kind: 'duration', bareUnit: 's', default: 0, usage: 'no effect' },
  'systemd-notify': {
    kind: 'boolean',
    default: false,
    usage: 'no effect: systemd is told whenever $NOTIFY_SOCKET is set',
  },
  'watchdog-interval': {
    kind: 'duration',
    bareUnit: 's',
    default: 0,
    usage: 'between two signs of life to systemd; 0, or more than half of WatchdogSec: half of it',
  },
  'metrics-addr': {
    kind: 'string',
    default: '',
    usage: 'address, such as :9100, that serves /metrics, /health, /ready and /readyz/render',
  },
  'acm-export-private-key': { kind: 'boolean', default: false, usage: 'of acm, which is not supported' },
  'secretsmanager-version-stage': {
    kind: 'string',
    default: '',
    usage: 'of secretsmanager, which is not supported',
  },
  'secretsmanager-no-flatten': {
    kind: 'boolean',
    default: false,
    usage: 'of secretsmanager, which is not supported',
  },
  'imds-cache-ttl': {
    kind: 'duration',
    bareUnit: 's',
    default: 0,
    usage: 'of imds, which is not supported',
  },
} as const satisfies FlagSet;

/** Settings that are taken and can't do anything here, and why. Who gave one expects something: it is warned about. */
export const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  'write-timeout': 'nothing is written to a backend; --read-timeout bounds a request and its answer',
  'watch-error-backoff':
    'a watch that breaks is tried again after --retry-base-delay, doubled up to --retry-max-delay',
  'no-template-cache': 'a template is compiled once for each version of its files, never for an older one',
  'stat-cache-ttl': 'templates are watched, and looked at whenever conf.d or a template changes',
  table: 'dynamodb is not supported',
  'acm-export-private-key': 'acm is not supported',
  'secretsmanager-version-stage': 'secretsmanager is not supported',
  'secretsmanager-no-flatten': 'secretsmanager is not supported',
  'imds-cache-ttl': 'imds is not supported',
};
