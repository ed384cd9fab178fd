import type { FlagSet } from '../cli/flags.js';
import { MAX_OUTPUT_BYTES, PREFIX_MODES } from '../confdir/resource.js';
import { COLOR_CHOICES } from '../render/diff-colors.js';

/** Every backend that reads keys here; only `embedded` runs a member. */
export const BACKENDS = [
  'embedded',
  'etcdv3',
  'etcd',
  'env',
  'file',
  'consul',
  'redis',
  'zookeeper',
  'vault',
] as const;

/** Backends of confd and its forks that don't exist here: refused by name, not as a typo. */
export const FOREIGN_BACKENDS: readonly string[] = [
  'acm',
  'dynamodb',
  'etcdv2',
  'imds',
  'metad',
  'rancher',
  'secretsmanager',
  'ssm',
  'stackengine',
];

/** confd's flags of the source and of a pass. */
export const CONFD_FLAGS = {
  backend: {
    kind: 'string',
    default: 'embedded',
    usage: `where templates get their keys: ${BACKENDS.join(', ')}; also as a word: confetd env --onetime`,
  },
  node: {
    kind: 'list',
    aliases: ['n', 'nodes'],
    separator: ',',
    default: [],
    usage: 'node of the backend; may be given several times',
  },
  scheme: {
    kind: 'string',
    default: 'http',
    oneOf: ['http', 'https'],
    usage: 'of nodes that name none (consul) or that a SRV record names (etcd)',
  },
  'srv-domain': { kind: 'string', default: '', usage: 'looks nodes up as _BACKEND._tcp.DOMAIN.' },
  'srv-record': { kind: 'string', default: '', usage: 'looks nodes up under this SRV record' },
  'client-cert': { kind: 'string', default: '', usage: 'certificate shown to the backend (PEM)' },
  'client-key': { kind: 'string', default: '', usage: 'key of --client-cert (PEM)' },
  'client-ca-keys': {
    kind: 'string',
    aliases: ['client-cakeys'],
    default: '',
    usage: 'certificates that vouch for the backend (PEM)',
  },
  'client-insecure': { kind: 'boolean', default: false, usage: 'accept any certificate of the backend' },
  'basic-auth': { kind: 'boolean', default: false, usage: 'log in with --username and --password' },
  username: { kind: 'string', default: '', usage: 'of etcd, consul, redis or vault' },
  password: { kind: 'string', default: '', usage: 'of --username' },
  'auth-token': { kind: 'string', default: '', usage: 'token of vault ($VAULT_TOKEN) or consul' },
  'auth-type': {
    kind: 'string',
    default: '',
    oneOf: ['', 'token', 'app-role', 'app-id', 'github', 'userpass', 'kubernetes', 'cert'],
    usage: 'how vault is logged in to',
  },
  'app-id': { kind: 'string', default: '', usage: 'of vault’s app-id' },
  'user-id': { kind: 'string', default: '', usage: 'of vault’s app-id' },
  'role-id': { kind: 'string', default: '', usage: 'of vault’s app-role and kubernetes' },
  'secret-id': { kind: 'string', default: '', usage: 'of vault’s app-role' },
  path: { kind: 'string', default: '', usage: 'where vault’s login method is mounted' },
  table: { kind: 'string', default: '', usage: 'of dynamodb, which is not supported' },
  separator: { kind: 'string', default: '/', usage: 'what stands for / in keys of redis' },
  file: {
    kind: 'list',
    default: [],
    usage: 'YAML or JSON file, or folder of such, of the file backend; may be given several times',
  },
  filter: { kind: 'string', default: '*', usage: 'which files of a folder the file backend reads' },
  confdir: { kind: 'string', default: '/etc/confd', usage: 'folder of conf.d/ and templates/' },
  'config-file': {
    kind: 'string',
    default: '/etc/confd/confd.toml',
    usage: 'flags as TOML; flags and variables win over it',
  },
  prefix: { kind: 'string', default: '', usage: 'replaces the prefix of every resource; see --prefix-mode' },
  'prefix-mode': {
    kind: 'string',
    default: 'replace',
    oneOf: PREFIX_MODES,
    usage: 'join: --prefix goes before the prefix of every resource instead',
  },
  interval: {
    kind: 'duration',
    bareUnit: 's',
    default: 600_000,
    usage: 'between two passes over all resources',
  },
  watch: {
    kind: 'boolean',
    default: true,
    usage: 'follow the backend; false: read it every --interval only',
  },
  onetime: {
    kind: 'boolean',
    default: false,
    usage: 'render everything once, and exit 1 if any resource failed',
  },
  noop: { kind: 'boolean', default: false, usage: 'show what would change, and change nothing' },
  diff: { kind: 'boolean', default: false, usage: 'the same as --noop: it shows diffs' },
  'diff-context': {
    kind: 'integer',
    default: 3,
    min: 0,
    max: 1000,
    usage: 'lines around a change in a diff',
  },
  // The active fork's has no value.
  color: { kind: 'string', default: 'auto', oneOf: COLOR_CHOICES, bare: 'always', usage: 'of diffs' },
  'sync-only': { kind: 'boolean', default: false, usage: 'run no check, verify and reload commands' },
  'render-timeout': {
    kind: 'duration',
    bareUnit: 's',
    default: 10_000,
    usage: 'of one run of a template, unless the resource says it',
  },
  'max-output-bytes': {
    kind: 'integer',
    default: 64 * 1024 * 1024,
    min: 1,
    max: MAX_OUTPUT_BYTES,
    usage: 'of one template’s text, unless the resource says it',
  },
  'keep-stage-file': {
    kind: 'boolean',
    default: false,
    usage: 'leave staged files that were not swapped in',
  },
} as const satisfies FlagSet;
