import { messageOf, systemCode } from '../../base/errors.js';
import type { TlsOptions } from '../../client/connection.js';
import { EXIT, ExitError } from '../exit-error.js';
import type { FlagValues } from '../flags.js';
import type { Ports } from './ports.js';

/** Flags that every command has; in the environment as CONFETCTL_X or ETCDCTL_X. */
export const GLOBAL_FLAGS = {
  endpoints: {
    kind: 'list',
    separator: ',',
    default: ['127.0.0.1:2379'],
    usage: 'where the daemons (or etcd) serve',
  },
  'write-out': {
    kind: 'string',
    short: 'w',
    default: 'simple',
    usage: 'output format: simple, fields, json, table, protobuf',
  },
  hex: { kind: 'boolean', default: false, usage: 'show keys and values as hex' },
  'dial-timeout': {
    kind: 'duration',
    default: 2_000,
    usage: 'how long to look for an endpoint that answers',
  },
  'command-timeout': { kind: 'duration', default: 5_000, usage: 'bound of each request' },
  cacert: {
    kind: 'string',
    default: '',
    usage: "PEM file of the CAs that the server's certificate is checked with",
  },
  cert: { kind: 'string', default: '', usage: 'PEM file of the client certificate' },
  key: { kind: 'string', default: '', usage: "PEM file of the client certificate's key" },
  'insecure-skip-tls-verify': {
    kind: 'boolean',
    default: false,
    usage: 'accept any certificate (tests only)',
  },
  'insecure-transport': {
    kind: 'boolean',
    default: true,
    usage: 'as etcdctl; TLS is chosen by the endpoint and --cacert',
  },
  'keepalive-time': { kind: 'duration', default: 2_000, usage: 'as etcdctl; pings are sent every 10s' },
  'keepalive-timeout': { kind: 'duration', default: 6_000, usage: 'as etcdctl; a ping is given 5s' },
  debug: { kind: 'boolean', default: false, usage: 'as etcdctl; nothing more is shown' },
  user: { kind: 'string', default: '', usage: 'not supported yet: there are no users' },
  password: { kind: 'string', default: '', usage: 'not supported yet: there are no users' },
  'discovery-srv': { kind: 'string', short: 'd', default: '', usage: 'not supported: name the endpoints' },
} as const;

export type Globals = FlagValues<typeof GLOBAL_FLAGS>;

/** Refuses what would otherwise be silently ignored. */
export function checkGlobals(globals: Globals): void {
  for (const name of ['user', 'password', 'discovery-srv'] as const) {
    if (globals[name] !== '')
      throw new ExitError(EXIT.badFeature, `--${name} is not supported yet: leave it out`);
  }
}

/** The TLS files' contents; undefined: none was named. */
export async function tlsOf(globals: Globals, ports: Ports): Promise<TlsOptions | undefined> {
  const { cacert, cert, key } = globals;
  const skipVerify = globals['insecure-skip-tls-verify'];
  if (cacert === '' && cert === '' && key === '' && !skipVerify) return undefined;
  if ((cert === '') !== (key === ''))
    throw new ExitError(EXIT.badArguments, '--cert and --key go together: give both');
  const read = async (path: string): Promise<Buffer> => {
    try {
      return await ports.readFile(path);
    } catch (error) {
      const reason = systemCode(error) === 'ENOENT' ? 'no such file' : messageOf(error);
      throw new ExitError(EXIT.badArguments, `open ${path}: ${reason}`);
    }
  };
  return {
    ...(cacert === '' ? {} : { ca: await read(cacert) }),
    ...(cert === '' ? {} : { cert: await read(cert), key: await read(key) }),
    skipVerify,
  };
}
