import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfetdError, messageOf } from '../base/errors.js';
import type { SourceSpec } from '../render/messages.js';
import type { SourceTiming } from '../source/timing.js';
import type { TlsFiles } from '../source/tls.js';
import type { DaemonFlags } from './flags.js';
import { vaultLogin } from './vault-login.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where a backend is looked for without --node. */
const DEFAULT_NODES = {
  etcdv3: ['127.0.0.1:2379'],
  // confd's, where etcd hasn't listened for years, and then where it does.
  etcd: ['http://127.0.0.1:4001', '127.0.0.1:2379'],
  consul: ['127.0.0.1:8500'],
  redis: ['127.0.0.1:6379'],
  zookeeper: ['127.0.0.1:2181'],
  vault: ['http://127.0.0.1:8200'],
} as const;

/** Where templates get their keys, by the flags. Fails with `usage` where a flag is missing, or its file can't be read. */
export function sourceSpec(flags: DaemonFlags, env: Environment = process.env): SourceSpec {
  const spec = kindSpec(flags, env);
  const polled = !flags.watch && (spec.type === 'etcdv3' || spec.type === 'file');
  const local = spec.type === 'embedded' || spec.type === 'env' || spec.type === 'file';
  const timed = local ? spec : { ...spec, timing: timingOf(flags) };
  return polled ? { ...timed, pollMs: flags.interval } : timed;
}

/** `--retry-max-attempts` is of loads alone: what follows a source tries for ever. */
function timingOf(flags: DaemonFlags): SourceTiming {
  const { 'dial-timeout': dialTimeoutMs, 'read-timeout': readTimeoutMs } = flags;
  return {
    ...(dialTimeoutMs === 0 ? {} : { dialTimeoutMs }),
    ...(readTimeoutMs === 0 ? {} : { readTimeoutMs }),
    firstRetryMs: flags['retry-base-delay'],
    maxRetryMs: flags['retry-max-delay'],
    loadAttempts: flags['retry-max-attempts'],
  };
}

function kindSpec(flags: DaemonFlags, env: Environment): SourceSpec {
  const { backend, username, password } = flags;
  const tls = tlsOf(flags);
  const rereading = { intervalMs: flags.interval, watch: flags.watch };
  switch (backend) {
    case 'etcd':
    case 'etcdv3': {
      // Asked for by --basic-auth in confd; a name alone says it as well.
      const login = username === '' ? {} : { login: { username, password } };
      if (flags['basic-auth'] && username === '') throw missing('basic-auth', 'username');
      return { type: 'etcdv3', endpoints: nodesOf(flags, env), ...login, ...tls };
    }
    case 'env':
      return { type: 'env' };
    case 'file':
      if (flags.file.length === 0) {
        throw new ConfetdError(
          'usage',
          'the file backend needs --file PATH, once for each YAML or JSON file',
        );
      }
      return { type: 'file', paths: flags.file.map((path) => resolve(path)), filter: flags.filter };
    case 'consul': {
      const token = flags['auth-token'] || (env.CONSUL_HTTP_TOKEN ?? '');
      if (flags['basic-auth'] && username === '') throw missing('basic-auth', 'username');
      const basicAuth = username === '' ? {} : { basicAuth: { username, password } };
      return {
        type: 'consul',
        nodes: nodesOf(flags, env),
        scheme: flags.scheme,
        token,
        ...basicAuth,
        ...tls,
        ...rereading,
      };
    }
    case 'redis':
      return {
        type: 'redis',
        nodes: nodesOf(flags, env),
        username,
        // confd took it from --client-key, which without a certificate is no key of TLS.
        password: password || (flags['client-cert'] === '' ? flags['client-key'] : ''),
        separator: flags.separator,
        ...tls,
        ...rereading,
      };
    case 'zookeeper':
      return { type: 'zookeeper', nodes: nodesOf(flags, env), ...rereading };
    case 'vault':
      return {
        type: 'vault',
        nodes: nodesOf(flags, env),
        login: vaultLogin(flags, env),
        ...tls,
        ...rereading,
      };
    default:
      return { type: 'embedded' };
  }
}

/** As {@link sourceSpec}, for a one-shot, which opens no data folder: its default is the member on this host. */
export function onetimeSourceSpec(flags: DaemonFlags, env: Environment = process.env): SourceSpec {
  const asked = flags.backend === 'embedded' ? { ...flags, backend: 'etcdv3' } : flags;
  const isEtcd = asked.backend === 'etcd' || asked.backend === 'etcdv3';
  // Three of them: as long as confd waits for an etcd that is down.
  return sourceSpec(
    isEtcd && asked['dial-timeout'] === 0 ? { ...asked, 'dial-timeout': ONETIME_DIAL_MS } : asked,
    env,
  );
}

const ONETIME_DIAL_MS = 1_000;

function nodesOf({ backend, node }: DaemonFlags, env: Environment): readonly string[] {
  if (node.length > 0) return node;
  const peers = backend === 'etcd' ? (env.ETCDCTL_PEERS ?? '') : '';
  if (peers !== '') return peers.split(',');
  return backend in DEFAULT_NODES ? DEFAULT_NODES[backend as keyof typeof DEFAULT_NODES] : [];
}

/** Read each time anew: a renderer that is started again finds renewed certificates. */
function tlsOf(flags: DaemonFlags): { readonly tls?: TlsFiles } {
  const certified = flags['client-cert'] !== '';
  if (certified && flags['client-key'] === '') throw missing('client-cert', 'client-key');
  if (!certified && flags['client-key'] !== '' && flags.backend !== 'redis') {
    throw missing('client-key', 'client-cert');
  }
  const tls = {
    ...(certified ? { cert: pem('client-cert', flags), key: pem('client-key', flags) } : {}),
    ...(flags['client-ca-keys'] === '' ? {} : { ca: pem('client-ca-keys', flags) }),
    ...(flags['client-insecure'] ? { skipVerify: true } : {}),
  };
  return Object.keys(tls).length === 0 ? {} : { tls };
}

function pem(flag: 'client-cert' | 'client-key' | 'client-ca-keys', flags: DaemonFlags): Uint8Array {
  let bytes: Buffer;
  try {
    bytes = readFileSync(flags[flag]);
  } catch (error) {
    throw new ConfetdError('usage', `--${flag} ${flags[flag]} can't be read: ${messageOf(error)}`);
  }
  if (!bytes.includes('-----BEGIN ')) {
    throw new ConfetdError('usage', `--${flag} ${flags[flag]}: expected PEM, a text with -----BEGIN in it`);
  }
  return new Uint8Array(bytes);
}

function missing(given: string, wanted: string): ConfetdError {
  return new ConfetdError('usage', `--${given} needs --${wanted}`);
}
