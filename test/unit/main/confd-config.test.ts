import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../../src/main/config.js';
import { onetimeSourceSpec, sourceSpec } from '../../../src/main/source-spec.js';
import { withSrvNodes } from '../../../src/main/srv.js';
import { rfc3339, textLog } from '../../../src/main/text-log.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'confd-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function read(argv: readonly string[], env: Record<string, string> = {}) {
  const config = readConfig(argv, env);
  if (config === undefined) throw new Error('help was not asked for');
  return config;
}

function file(text: string, name = 'confd.toml'): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const spec = (...argv: readonly string[]) => sourceSpec(read(argv).flags, {});

describe('confd.toml', () => {
  test('has confd’s keys, with hyphens or underscores', () => {
    const path = file(`
backend = "redis"
client_cakeys = "ca.pem"
client_cert = "cert.pem"
client_key = "key.pem"
confdir = "/elsewhere"
interval = 60
log-level = "debug"
nodes = ["a:1", "b:2"]
noop = true
prefix = "/production"
prefix_mode = "join"
scheme = "https"
srv_domain = "example.com"
srv_record = "_x._tcp.example.com."
sync-only = true
keep_stage_file = true
watch = false
onetime = true
auth_token = "t"
basic_auth = true
username = "u"
password = "p"
separator = ":"
file = ["a.yaml", "b.yaml"]
filter = "*.yaml"
role_id = "r"
`);
    const { flags, logLevel, warnings } = read(['-config-file', path]);
    expect(warnings).toEqual([]);
    expect(logLevel).toBe('debug');
    expect(flags).toMatchObject({
      backend: 'redis',
      'client-ca-keys': 'ca.pem',
      'client-cert': 'cert.pem',
      'client-key': 'key.pem',
      confdir: '/elsewhere',
      interval: 60_000,
      node: ['a:1', 'b:2'],
      noop: true,
      prefix: '/production',
      'prefix-mode': 'join',
      scheme: 'https',
      'srv-domain': 'example.com',
      'srv-record': '_x._tcp.example.com.',
      'sync-only': true,
      'keep-stage-file': true,
      watch: false,
      onetime: true,
      'auth-token': 't',
      'basic-auth': true,
      username: 'u',
      password: 'p',
      separator: ':',
      file: ['a.yaml', 'b.yaml'],
      filter: '*.yaml',
      'role-id': 'r',
    });
  });

  test('gives way to the environment, and that to flags', () => {
    const path = file('interval = 1\nprefix = "/file"\nnodes = ["file:1"]\n');
    const env = { CONFD_INTERVAL: '2', CONFD_CONFIG_FILE: path, CONFD_CLIENT_CAKEYS: 'ca.pem' };
    expect(read([], env).flags).toMatchObject({
      interval: 2_000,
      prefix: '/file',
      node: ['file:1'],
      'client-ca-keys': 'ca.pem',
    });
    expect(read(['-interval=3', '-node', 'flag:1'], env).flags).toMatchObject({
      interval: 3_000,
      node: ['flag:1'],
    });
  });

  test('may be missing; a path that was asked for is then told', () => {
    expect(read([]).warnings).toEqual([]);
    expect(read(['-config-file', join(folder, 'none.toml')]).warnings).toEqual([
      expect.stringMatching(/none\.toml: no such file/),
    ]);
  });

  test('an unknown key is told with its place, and ignored', () => {
    const path = file('# confd\nintervall = 5\n[template]\nsrc = "x"\n');
    expect(read(['-config-file', path]).warnings).toEqual([
      `${path}:2:1: unknown key "intervall"; it is ignored`,
      `${path}:3:1: unknown key "template"; it is ignored`,
    ]);
  });

  test.each([
    ['interval = \n', /confd\.toml:1:\d+: /],
    ['interval = "soon"\n', /invalid value "soon" for interval in .*confd\.toml/],
    ['noop = [true]\n', /noop in .*: a list, where one value is expected/],
    ['backend = "pigeon"\n', /Invalid backend: "pigeon"/],
    ['log-level = "zz"\n', /not a valid level: "zz"/],
  ])('%j is refused', (text, sentence) => {
    const path = file(text);
    expect(() => read(['-config-file', path])).toThrow(sentence);
  });

  test('what is no TOML file is refused by name', () => {
    expect(() => read(['-config-file', file('name: a\n', 'etcd.yaml')])).toThrow('only TOML is read');
    expect(() => read(['-config-file', folder])).toThrow(`${folder} can't be read: not a regular file`);
  });
});

describe('a backend as a word', () => {
  test('is --backend, wherever global flags stand', () => {
    expect(read(['env', '--onetime']).flags).toMatchObject({ backend: 'env', onetime: true });
    expect(read(['--noop', 'etcd', '-n', 'http://a:1', '--prefix=/p']).flags).toMatchObject({
      backend: 'etcd',
      noop: true,
      node: ['http://a:1'],
      prefix: '/p',
    });
  });

  test('named twice, or not supported here, is refused', () => {
    expect(() => read(['--backend=env', 'file'])).toThrow('--backend and file both name the backend');
    expect(() => read(['ssm', '--onetime'])).toThrow('Invalid backend: ssm is not supported here');
    expect(() => read(['env', 'file'])).toThrow('unexpected argument "file"');
  });
});

describe('the source', () => {
  test('default nodes are confd’s', () => {
    const nodes = (backend: string) => {
      const found = spec('-backend', backend, '-auth-token', 't');
      return 'nodes' in found ? found.nodes : 'endpoints' in found ? found.endpoints : undefined;
    };
    expect(nodes('etcdv3')).toEqual(['127.0.0.1:2379']);
    expect(nodes('etcd')).toEqual(['http://127.0.0.1:4001', '127.0.0.1:2379']);
    expect(nodes('consul')).toEqual(['127.0.0.1:8500']);
    expect(nodes('redis')).toEqual(['127.0.0.1:6379']);
    expect(nodes('zookeeper')).toEqual(['127.0.0.1:2181']);
    expect(nodes('vault')).toEqual(['http://127.0.0.1:8200']);
    const { flags } = read(['-backend', 'etcd']);
    expect(sourceSpec(flags, { ETCDCTL_PEERS: 'http://a:1,http://b:2' })).toMatchObject({
      endpoints: ['http://a:1', 'http://b:2'],
    });
  });

  test('nodes without a backend are etcd’s, as confd’s own default has it: no member is run', () => {
    expect(spec('-node', 'http://a:1')).toMatchObject({ type: 'etcdv3', endpoints: ['http://a:1'] });
    expect(onetimeSourceSpec(read(['-onetime', '-node', 'http://a:1']).flags, {})).toMatchObject({
      endpoints: ['http://a:1'],
    });
    expect(spec('-backend', 'embedded', '-node', 'http://a:1')).toEqual({ type: 'embedded' });
  });

  test('--watch=false reads every interval', () => {
    expect(spec('-backend', 'etcdv3', '-watch')).not.toHaveProperty('pollMs');
    expect(spec('-backend', 'etcdv3', '-watch=false', '-interval', '7')).toMatchObject({ pollMs: 7_000 });
    expect(spec('-backend', 'redis', '-watch=false', '-interval', '7')).toMatchObject({
      watch: false,
      intervalMs: 7_000,
    });
  });

  test('a login of etcd; --basic-auth without a name is refused', () => {
    const login = { username: 'ann', password: 'x' };
    expect(spec('-backend=etcdv3', '-basic-auth', '-username=ann', '-password=x')).toMatchObject({ login });
    expect(() => spec('-backend=etcdv3', '-basic-auth')).toThrow('--basic-auth needs --username');
  });

  test('redis takes its password from --client-key too, as in confd', () => {
    expect(spec('-backend=redis', '-client-key=sesame')).toMatchObject({ password: 'sesame' });
    expect(spec('-backend=redis', '-password=x', '-separator=:')).toMatchObject({
      password: 'x',
      separator: ':',
    });
  });

  test('certificates are read, and refused by flag and path', () => {
    const pem = file('-----BEGIN CERTIFICATE-----\n', 'cert.pem');
    const certified = ['-backend=etcdv3', `-client-cert=${pem}`, `-client-key=${pem}`];
    const found = spec(...certified, `-client-ca-keys=${pem}`, '-client-insecure');
    if (found.type !== 'etcdv3') throw new Error('not etcd');
    expect(Buffer.from(found.tls?.cert ?? []).toString()).toContain('BEGIN');
    expect(found.tls?.ca).toEqual(found.tls?.key);
    expect(found.tls?.skipVerify).toBe(true);
    expect(() => spec('-backend=etcdv3', '-client-cert=x')).toThrow('--client-cert needs --client-key');
    expect(() => spec('-backend=etcdv3', '-client-key=x')).toThrow('--client-key needs --client-cert');
    const none = join(folder, 'none.pem');
    expect(() => spec('-backend=consul', `-client-ca-keys=${none}`)).toThrow(
      `--client-ca-keys ${none} can't be read`,
    );
    const text = file('hello\n', 'text.pem');
    expect(() => spec('-backend=consul', `-client-ca-keys=${text}`)).toThrow('expected PEM');
  });

  test.each([
    [['-auth-token=t'], { type: 'token', token: 't' }],
    [
      ['-auth-type=app-role', '-role-id=r', '-secret-id=s'],
      { type: 'app-role', path: 'approle', roleId: 'r', secretId: 's' },
    ],
    [
      ['-auth-type=userpass', '-username=u', '-password=p', '-path=here'],
      { type: 'userpass', path: 'here', username: 'u', password: 'p' },
    ],
    [['-auth-type=github', '-auth-token=g'], { type: 'github', path: 'github', token: 'g' }],
  ])('vault’s login of %j', (flags, login) => {
    expect(spec('-backend=vault', ...flags)).toMatchObject({ login });
  });

  test('vault’s token from the environment; a login that lacks a flag is refused by its name', () => {
    const { flags } = read(['-backend=vault']);
    expect(sourceSpec(flags, { VAULT_TOKEN: 't' })).toMatchObject({ login: { type: 'token', token: 't' } });
    expect(() => sourceSpec(flags, {})).toThrow('the vault backend needs --auth-type');
    expect(() => spec('-backend=vault', '-auth-type=app-role', '-role-id=r')).toThrow('needs --secret-id');
    expect(() => spec('-backend=vault', '-auth-type=cert')).toThrow('needs --client-cert');
    expect(() => spec('-backend=vault', '-auth-type=zz')).toThrow('expected one of');
  });
});

describe('SRV records', () => {
  const logged: string[] = [];
  const log = { info: (_fields: object, message: string) => void logged.push(message) };
  const records = [
    { name: 'c.example.com', port: 3, priority: 2, weight: 9 },
    { name: 'b.example.com.', port: 2, priority: 1, weight: 1 },
    { name: 'a.example.com', port: 1, priority: 1, weight: 5 },
  ];
  const nodes = async (...argv: readonly string[]) => {
    const asked: string[] = [];
    const { node } = await withSrvNodes(read(argv).flags, log, async (record) => {
      asked.push(record);
      return records;
    });
    return { asked, node };
  };

  test('a domain makes the record of the backend; nodes come by priority, then weight', async () => {
    expect(await nodes('-backend=etcdv3', '-srv-domain=example.com', '-scheme=https')).toEqual({
      asked: ['_etcdv3._tcp.example.com.'],
      node: ['https://a.example.com:1', 'https://b.example.com:2', 'https://c.example.com:3'],
    });
    expect(logged).toContain('SRV record set to _etcdv3._tcp.example.com.');
  });

  test('a record wins over a domain, other backends’ nodes have no scheme, env asks nobody', async () => {
    expect(await nodes('-backend=consul', '-srv-domain=x', '-srv-record=_r._tcp.y')).toEqual({
      asked: ['_r._tcp.y'],
      node: ['a.example.com:1', 'b.example.com:2', 'c.example.com:3'],
    });
    expect(await nodes('-backend=env', '-srv-domain=x')).toEqual({ asked: [], node: [] });
    expect((await nodes('-srv-domain=example.com')).asked).toEqual(['_etcd._tcp.example.com.']);
  });

  test('a lookup that fails, or finds nothing, names the record', async () => {
    const { flags } = read(['-backend=etcdv3', '-srv-record=_r._tcp.y']);
    await expect(withSrvNodes(flags, log, () => Promise.reject(new Error('ENOTFOUND')))).rejects.toThrow(
      'Cannot get nodes from SRV records: _r._tcp.y: ENOTFOUND',
    );
    await expect(withSrvNodes(flags, log, () => Promise.resolve([]))).rejects.toThrow('_r._tcp.y names none');
  });
});

test('flags of the checks that would have no effect are refused', () => {
  expect(() => read(['--mock-data=x.json'])).toThrow('--mock-data needs --validate');
  expect(() => read(['--resource=x.toml'])).toThrow('--resource needs --check-config or --validate');
});

test('log lines are confd’s', () => {
  const lines: string[] = [];
  const log = textLog('info', (line) => lines.push(line));
  log.debug({}, 'not shown');
  log.info({ dest: '/x' }, 'Target config /x has been updated');
  log.warn({ error: 'why' }, 'Found no templates');
  const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)`;
  expect(lines.join('')).toMatch(
    new RegExp(
      `^${time} \\S+ confetd\\[${process.pid}\\]: INFO Target config /x has been updated\n` +
        `${time} \\S+ confetd\\[${process.pid}\\]: WARNING Found no templates: why\n$`,
    ),
  );
});

test('times have their zone', () => {
  const date = new Date(Date.UTC(2026, 0, 2, 3, 4, 5));
  const at = (offset: number) => rfc3339(Object.assign(new Date(date), { getTimezoneOffset: () => -offset }));
  expect(at(0)).toBe('2026-01-02T03:04:05Z');
  expect(at(330)).toBe('2026-01-02T08:34:05+05:30');
  expect(at(-60)).toBe('2026-01-02T02:04:05-01:00');
});
