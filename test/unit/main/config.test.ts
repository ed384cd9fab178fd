import { expect, test } from 'vitest';
import { readConfig } from '../../../src/main/config.js';
import { memberConfig } from '../../../src/main/member-config.js';
import { onetimeSourceSpec, sourceSpec } from '../../../src/main/source-spec.js';

function read(argv: string[], env: Record<string, string> = {}) {
  const config = readConfig(argv, env);
  if (config === undefined) throw new Error('help was not asked for');
  return config;
}

test('the defaults are etcd’s and confd’s', () => {
  const config = read([]);
  const { flags, logLevel, listens } = config;
  expect(flags.name).toBe('default');
  expect(flags['heartbeat-interval']).toBe(100);
  expect(flags['election-timeout']).toBe(1000);
  expect(flags.interval).toBe(600_000);
  expect(flags.confdir).toBe('/etc/confd');
  expect([logLevel, listens]).toEqual(['info', false]);
  const { folder, cluster, clusterGiven, quotaBytes } = memberConfig(config);
  expect(folder).toBe(`${process.cwd()}/default.etcd`);
  expect(cluster.self.id.toString(16)).toBe('8e9e05c52164694d');
  expect([clusterGiven, quotaBytes]).toEqual([false, 2 ** 31]);
});

test('a flag wins over CONFETD_, that over ETCD_, that over CONFD_', () => {
  const env = {
    CONFETD_NAME: 'a',
    ETCD_NAME: 'b',
    CONFD_NAME: 'c',
    ETCD_HEARTBEAT_INTERVAL: '50',
    CONFD_INTERVAL: '30',
  };
  expect(read(['-name', 'x'], env).flags.name).toBe('x');
  expect(read([], env).flags.name).toBe('a');
  expect(read([], { ...env, CONFETD_NAME: '' }).flags.name).toBe('b');
  // Bare numbers: milliseconds for etcd's flags, seconds for confd's.
  expect(read([], env).flags['heartbeat-interval']).toBe(50);
  expect(read([], env).flags.interval).toBe(30_000);
});

test('of a URL flag given twice the last counts, as in etcd; nodes add up', () => {
  const { flags } = read([
    '--listen-peer-urls=http://a:1',
    '--listen-peer-urls=http://b:2,http://c:3',
    '-node=a',
    '-node=b',
  ]);
  expect(flags['listen-peer-urls']).toEqual(['http://b:2', 'http://c:3']);
  expect(flags.node).toEqual(['a', 'b']);
});

test('variables that Kubernetes injects only warn', () => {
  const { warnings } = read([], { CONFETD_PORT: 'tcp://10.0.0.1:2379' });
  expect(warnings).toEqual([expect.stringContaining('CONFETD_PORT')]);
});

test.each([
  [['--nope'], 'unknown flag: --nope'],
  [['serve'], 'unexpected argument "serve"'],
  [
    ['--listen-client-urls=http://10.0.0.1:2379'],
    '--advertise-client-urls is required when --listen-client-urls is set explicitly',
  ],
  [['--log-level=zz'], 'not a valid level: "zz"'],
  [['--election-timeout=300'], 'must be at least 5 times --heartbeat-interval'],
  [['--no-render', '--backend=env'], 'leave nothing to do'],
  [
    ['--backend=carrier-pigeon'],
    'Invalid backend: "carrier-pigeon": expected one of embedded, etcdv3, etcd, env',
  ],
  [
    ['--backend=dynamodb'],
    'Invalid backend: dynamodb is not supported here: expected one of embedded, etcdv3',
  ],
])('%j is refused: %s', (argv, sentence) => {
  expect(() => read(argv)).toThrow(sentence);
});

test('a cluster of several members, by flags or by the environment', () => {
  const config = read(['--name=a', '--initial-cluster-state=existing'], {
    ETCD_INITIAL_CLUSTER: 'a=http://h1:2380,b=http://h2:2380',
    ETCD_INITIAL_ADVERTISE_PEER_URLS: 'http://h1:2380',
    ETCD_INITIAL_CLUSTER_TOKEN: 'tea',
  });
  const { cluster, clusterGiven } = memberConfig(config);
  expect(cluster.members.map(({ name }) => name).sort()).toEqual(['a', 'b']);
  expect([cluster.self.name, clusterGiven]).toEqual(['a', true]);
  expect(config.flags['initial-cluster-state']).toBe('existing');
});

test.each([
  [
    ['--name=c', '--initial-cluster=a=http://h1:2380'],
    'this member is --name c: add c=http://localhost:2380 to it',
  ],
  [['--name=a', '--initial-cluster=a=http://h1:2380'], 'make them equal'],
  [['--initial-cluster-state=existing'], '--initial-cluster-state existing needs --initial-cluster'],
])('%j is refused: %s', (argv, sentence) => {
  expect(() => memberConfig(read(argv))).toThrow(sentence);
});

test('a one-shot asks the member of this host, and opens no data folder', () => {
  expect(onetimeSourceSpec(read([]).flags)).toMatchObject({ type: 'etcdv3', endpoints: ['127.0.0.1:2379'] });
  expect(sourceSpec(read([]).flags)).toEqual({ type: 'embedded' });
  const nodes = ['-backend', 'etcdv3', '-node', 'http://a:1', '-node', 'b:2,c:3'];
  expect(sourceSpec(read(nodes).flags)).toMatchObject({ endpoints: ['http://a:1', 'b:2', 'c:3'] });
  expect(() => sourceSpec(read(['--backend=file']).flags)).toThrow('needs --file PATH');
});
