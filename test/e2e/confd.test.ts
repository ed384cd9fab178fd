import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Child, run } from '../child.js';
import { Rpc } from '../conformance/rpc.js';
import { claimPort, eventually, fileThat, runConfetd, scratch, spawnConfetd, writeFiles } from '../daemon.js';
import { type RealEtcd, startEtcd } from '../etcd.js';
import { type Redis, startRedis, startZookeeper } from '../key-stores.js';
import { peer, peers } from '../peers.js';

/** What someone who has replaced the word `confd` meets. */
function confdir(resource = '', extra: Readonly<Record<string, string>> = {}): string {
  const folder = scratch();
  writeFiles(folder, {
    'templates/app.tmpl': '{{range gets "/app/*"}}{{base .Key}}={{.Value}} {{end}}\n',
    'conf.d/app.toml': `[template]\nsrc = "app.tmpl"\ndest = "${folder}/app.out"\nkeys = ["/app"]\n${resource}`,
    ...extra,
  });
  return folder;
}

const rendered = (folder: string): string => readFileSync(join(folder, 'app.out'), 'utf8');
const confetd = (folder: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runConfetd([...args, '-confdir', folder], { cwd: folder, env });

describe('the command line', () => {
  test('an unknown flag: usage on standard error, exit 2; -h and -version: standard output, exit 0', async () => {
    const unknown = await runConfetd(['-nope']);
    expect([unknown.code, unknown.stdout]).toEqual([2, '']);
    expect(unknown.stderr).toMatch(/unknown flag: -nope\n[\s\S]*Usage:/);
    const help = await runConfetd(['-h']);
    expect([help.code, help.stderr]).toEqual([0, '']);
    for (const flag of ['--confdir', '--keep-stage-file', '--srv-domain', '--client-ca-keys']) {
      expect(help.stdout).toContain(flag);
    }
    const version = await runConfetd(['-version']);
    expect([version.code, version.stderr]).toEqual([0, '']);
    expect(version.stdout).toMatch(/^confetd \d+\.\d+\.\d+/);
  });

  test('what confd itself refuses ends with 1: a backend and a level that don’t exist', async () => {
    const backend = await runConfetd(['-backend', 'dynamodb', '-onetime']);
    expect([backend.code, backend.stderr]).toEqual([
      1,
      expect.stringContaining(
        'Invalid backend: dynamodb is not supported here: expected one of embedded, etcdv3',
      ),
    ]);
    const level = await runConfetd(['-log-level', 'zz']);
    expect([level.code, level.stderr]).toEqual([1, expect.stringContaining('not a valid level: "zz"')]);
    expect((await runConfetd(['-interval', 'soon'])).code).toBe(2);
  });

  test('confetd env -onetime, with confd.toml for the rest', async () => {
    const folder = confdir('', {
      'confd.toml': 'backend = "etcdv3"\nlog-level = "debug"\nnope = 1\nprefix = "/production"\n',
    });
    const config = join(folder, 'confd.toml');
    const { code, stderr } = await confetd(folder, ['env', '-onetime', '-config-file', config], {
      PRODUCTION_APP_PORT: '80',
    });
    expect([code, stderr]).toEqual([0, expect.stringContaining(`WARNING ${config}:3:1: unknown key "nope"`)]);
    expect(stderr).toMatch(
      /INFO Backend set to env\n.*INFO Starting confd\n.*INFO Backend source\(s\) set to/,
    );
    expect(rendered(folder)).toBe('port=80 \n');
  });

  test('no files in conf.d: a warning and exit 0', async () => {
    const folder = scratch();
    writeFiles(folder, { 'conf.d/.keep': '', 'templates/.keep': '' });
    const { code, stderr } = await confetd(folder, ['-onetime', '-backend', 'env']);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/ WARNING .*Found no templates/)]);
  });

  test('a key that is missing, a check that fails: confd’s words, exit 1, dest untouched', async () => {
    const missing = confdir('', { 'templates/app.tmpl': '{{getv "/app/none"}}\n', 'app.out': 'before\n' });
    const failed = await confetd(missing, ['-onetime', '-backend', 'env']);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(
      /ERROR template: app\.tmpl:1:2: executing "app\.tmpl" at <getv "\/app\/none">: error calling getv: key does not exist: \/app\/none\n/,
    );
    expect(rendered(missing)).toBe('before\n');
    const refused = confdir('check_cmd = "exit 3"\n', { 'app.out': 'before\n' });
    expect((await confetd(refused, ['-onetime', '-backend', 'env'], { APP_A: '1' })).code).toBe(1);
    expect(rendered(refused)).toBe('before\n');
    expect((await confetd(refused, ['-onetime', '-backend', 'env', '-sync-only'], { APP_A: '1' })).code).toBe(
      0,
    );
    expect(rendered(refused)).toBe('a=1 \n');
  });

  test('-keep-stage-file keeps the stage that a check refused, and names it', async () => {
    const folder = confdir('check_cmd = "exit 3"\n');
    const args = ['-onetime', '-backend', 'env', '-keep-stage-file'];
    const { stderr } = await confetd(folder, args, { APP_A: '1' });
    const [, path = ''] = /INFO Keeping staged file: (\S+)/.exec(stderr) ?? [];
    expect(readFileSync(path, 'utf8')).toBe('a=1 \n');
  });

  test('--failure-mode fail-fast tries none after the first that fails; else all are tried', async () => {
    const folder = confdir('', { 'templates/bad.tmpl': '{{getv "/none"}}' });
    writeFiles(folder, {
      'conf.d/aaa.toml': `[template]\nsrc = "bad.tmpl"\ndest = "${folder}/bad.out"\nkeys = ["/app"]\n`,
    });
    const args = ['-onetime', '-backend', 'env'];
    const fast = await confetd(folder, [...args, '--failure-mode', 'fail-fast'], { APP_A: '1' });
    expect([fast.code, existsSync(join(folder, 'app.out'))]).toEqual([1, false]);
    const best = await confetd(folder, args, { APP_A: '1' });
    expect([best.code, rendered(folder)]).toEqual([1, 'a=1 \n']);
  });

  test('--log-format json', async () => {
    const folder = confdir();
    const { stderr } = await confetd(folder, ['env', '-onetime', '-log-format', 'json'], { APP_A: '1' });
    const lines = stderr.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as { msg: string })).toContainEqual(
      expect.objectContaining({ level: 30, msg: `Target config ${folder}/app.out has been updated` }),
    );
  });
});

describe('the checks of confd’s active fork', () => {
  test('--check-config: OK or what is wrong with each file, and a sum', async () => {
    const folder = confdir();
    const good = await confetd(folder, ['--check-config']);
    expect(good.code).toBe(0);
    expect(good.stderr).toMatch(/INFO OK: .*app\.toml\n.*INFO Validation complete: 1\/1 files passed\n$/);
    writeFiles(folder, {
      'conf.d/bad.toml': '[template]\nsrc = "app.tmpl"\nmode = 0644\n',
      'conf.d/gone.toml': `[template]\nsrc = "gone.tmpl"\ndest = "${folder}/no/folder/x"\nkeys = ["/"]\n`,
    });
    const bad = await confetd(folder, ['--check-config']);
    expect(bad.code).toBe(1);
    expect(bad.stderr).toMatch(/ERROR .*bad\.toml:3:.*mode/);
    expect(bad.stderr).toMatch(/ERROR .*gone\.toml:1:1: Missing template: .*gone\.tmpl\n/);
    expect(bad.stderr).toMatch(/ERROR .*gone\.toml:1:1: the folder .*no\/folder of dest/);
    expect(bad.stderr).toContain('Validation complete: 1/3 files passed');
    const one = await confetd(folder, ['--check-config', '--resource', 'app.toml']);
    expect([one.code, one.stderr]).toEqual([0, expect.stringContaining('1/1 files passed')]);
    const none = await confetd(folder, ['--check-config', '--resource', 'none.toml']);
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('resource file not found')]);
  });

  test('--validate parses the templates, and with --mock-data renders them; nothing is written', async () => {
    const folder = confdir('', { 'mock.json': '{"app": {"port": 80}}' });
    const validate = (...args: readonly string[]) => confetd(folder, ['--validate', ...args]);
    expect((await validate()).code).toBe(0);
    writeFiles(folder, { 'templates/app.tmpl': '{{getv "/app/port"}} {{getv "/app/host"}}\n' });
    expect((await validate()).code).toBe(0);
    const lacking = await validate('--mock-data', join(folder, 'mock.json'));
    expect([lacking.code, lacking.stderr]).toEqual([
      1,
      expect.stringContaining('error calling getv: key does not exist: /app/host'),
    ]);
    writeFiles(folder, { 'mock.json': '{"app": {"port": 80, "host": "here"}}' });
    expect((await validate('--mock-data', join(folder, 'mock.json'))).code).toBe(0);
    writeFiles(folder, { 'templates/app.tmpl': '{{if}}\n' });
    const broken = await validate();
    expect([broken.code, broken.stderr]).toEqual([
      1,
      expect.stringMatching(/app\.tmpl:1: missing value for if/),
    ]);
    expect(existsSync(join(folder, 'app.out'))).toBe(false);
  });

  test('--validate renders a for_each for each item, and looks at the text as a pass would', async () => {
    const folder = scratch();
    writeFiles(folder, {
      'templates/site.tmpl':
        '{"key": "{{getenv "CONFETD_ITEM"}}", "name": "{{getenv "CONFETD_NAME"}}", "port": {{getv (printf "%s/port" (getenv "CONFETD_ITEM"))}}}\n',
      'conf.d/site.toml': `[template]\nsrc = "site.tmpl"\ndest = "${folder}/{{name}}.json"\nfor_each = "/sites/*"\nkeys = ["/sites/{{name}}"]\noutput_format = "json"\n`,
      'good.json': '{"sites": {"a": {"port": 80}, "b": {"port": 81}}}',
      'lacking.json': '{"sites": {"a": {"port": 80}, "b": {"host": "x"}}}',
      'none.json': '{"site": {"a": {"port": 80}}}',
      'wrong.json': '{"sites": {"a": {"port": "eighty"}}}',
    });
    const validate = (data: string) => confetd(folder, ['--validate', '--mock-data', join(folder, data)]);
    expect(await validate('good.json')).toMatchObject({ code: 0 });
    expect(await validate('none.json')).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('WARNING site: the mock data has no item for /sites/*'),
    });
    expect(await validate('lacking.json')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/site\[\/sites\/b\]: .*key does not exist: \/sites\/b\/port/),
    });
    expect(await validate('wrong.json')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/line 1, column \d+ of the text for \S+\/a\.json is not json/),
    });
    expect(existsSync(join(folder, 'a.json'))).toBe(false);
  });

  test('--prefix-mode join: --prefix goes before a resource’s own, with --onetime as in --validate', async () => {
    const folder = scratch();
    writeFiles(folder, {
      'templates/app.tmpl': '{{getv "/port"}}\n',
      'conf.d/app.toml': `[template]\nsrc = "app.tmpl"\ndest = "${folder}/app.out"\nprefix = "/app"\nkeys = ["/port"]\n`,
      'keys.json': '{"production": {"port": 1, "app": {"port": 2}}}',
    });
    const keys = join(folder, 'keys.json');
    const rendered = async (...args: readonly string[]): Promise<string> => {
      const { code, stderr } = await confetd(folder, [
        '--onetime',
        '--backend=file',
        '--file',
        keys,
        ...args,
      ]);
      expect([code, stderr]).toEqual([0, expect.any(String)]);
      return readFileSync(join(folder, 'app.out'), 'utf8');
    };
    expect(await rendered('--prefix=/production')).toBe('1\n');
    expect(await rendered('--prefix=/production', '--prefix-mode=join')).toBe('2\n');
    writeFiles(folder, { 'keys.json': '{"production": {"app": {"port": 2}}}' });
    const validate = (...args: readonly string[]) =>
      confetd(folder, ['--validate', '--mock-data', keys, '--prefix=/production', ...args]);
    expect((await validate()).code).toBe(1);
    expect((await validate('--prefix-mode=join')).code).toBe(0);
  });

  test('--preflight asks the backend for each resource’s keys', async () => {
    const folder = confdir();
    const good = await confetd(folder, ['env', '--preflight'], { APP_A: '1' });
    expect([good.code, good.stderr]).toEqual([0, expect.stringContaining('INFO app.tmpl: 1 keys found')]);
    const empty = await confetd(folder, ['env', '--preflight']);
    expect([empty.code, empty.stderr]).toEqual([
      0,
      expect.stringContaining('WARNING app.tmpl: no keys found'),
    ]);
    const down = await confetd(folder, ['consul', '-n', '127.0.0.1:1', '--preflight']);
    expect([down.code, down.stderr]).toEqual([1, expect.stringContaining('consul (127.0.0.1:1)')]);
    expect(existsSync(join(folder, 'app.out'))).toBe(false);
  });
});

describe.skipIf(!peers('etcd', 'etcdctl'))('a real etcd that wants to know who asks', () => {
  let etcd: RealEtcd;
  afterAll(() => etcd?.stop());

  test('-basic-auth -username -password: logs in, also after etcd forgot its tokens', async () => {
    etcd = await startEtcd();
    const etcdctl = (...args: readonly string[]) =>
      run(peer('etcdctl') ?? 'etcdctl', ['--endpoints', etcd.endpoint, ...args], {
        env: { ETCDCTL_API: '3' },
      });
    const rpc = new Rpc(etcd.endpoint);
    await rpc.put('/app/a', '1');
    rpc.close();
    await etcdctl('user', 'add', 'root:sesame');
    await etcdctl('user', 'grant-role', 'root', 'root');
    expect((await etcdctl('auth', 'enable')).code).toBe(0);
    const folder = confdir();
    const args = ['-backend', 'etcdv3', '-node', etcd.endpoint];
    const login = ['-basic-auth', '-username', 'root', '-password', 'sesame'];
    const stranger = await confetd(folder, [...args, '-onetime']);
    expect([stranger.code, stranger.stderr]).toEqual([1, expect.stringContaining('user name is empty')]);
    const wrong = await confetd(folder, [...args, ...login.slice(0, -1), 'x', '-onetime']);
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('invalid user ID or password')]);
    expect((await confetd(folder, [...args, ...login, '-onetime'])).code).toBe(0);
    expect(rendered(folder)).toBe('a=1 \n');
    const daemon = spawnConfetd([...args, ...login, '-watch', '-confdir', folder], { cwd: folder });
    await daemon.printed('Starting confd');
    await etcdctl('--user', 'root:sesame', 'put', '/app/a', '2');
    await fileThat(join(folder, 'app.out'), (text) => text === 'a=2 \n', { what: () => daemon.output });
    await etcd.restart();
    await etcdctl('--user', 'root:sesame', 'put', '/app/a', '3');
    await fileThat(join(folder, 'app.out'), (text) => text === 'a=3 \n', { what: () => daemon.output });
    expect((await daemon.end('SIGTERM')).code).toBe(0);
  });
});

describe.skipIf(peer('etcd') === undefined)('a real etcd behind TLS', () => {
  test('-client-ca-keys, -client-cert and -client-key; without them the reason is told', async () => {
    const folder = confdir();
    const pem = (name: string): string => join(folder, `${name}.pem`);
    const openssl = async (...args: readonly string[]): Promise<void> => {
      const { code, stderr } = await run('openssl', [...args], { cwd: folder });
      if (code !== 0) throw new Error(stderr);
    };
    writeFiles(folder, {
      'names.txt': 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n',
    });
    await openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=test CA',
      '-keyout',
      pem('ca-key'),
      '-out',
      pem('ca'),
    );
    for (const name of ['server', 'client']) {
      await openssl(
        'req',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-subj',
        `/CN=${name}`,
        '-keyout',
        pem(`${name}-key`),
        '-out',
        pem(`${name}-request`),
      );
      await openssl(
        'x509',
        '-req',
        '-days',
        '2',
        '-in',
        pem(`${name}-request`),
        '-CA',
        pem('ca'),
        '-CAkey',
        pem('ca-key'),
        '-CAcreateserial',
        '-extfile',
        'names.txt',
        '-out',
        pem(name),
      );
    }
    const client = [
      '-client-ca-keys',
      pem('ca'),
      '-client-cert',
      pem('client'),
      '-client-key',
      pem('client-key'),
    ];
    const port = await claimPort();
    const urls = (at: number): string => `https://127.0.0.1:${at}`;
    const secure = new Child(peer('etcd') ?? 'etcd', [
      ...['--data-dir', join(folder, 'data'), '--log-level', 'error', '--logger', 'zap'],
      ...['--listen-client-urls', urls(port), '--advertise-client-urls', urls(port)],
      ...['--listen-peer-urls', `http://127.0.0.1:${await claimPort()}`],
      ...['--cert-file', pem('server'), '--key-file', pem('server-key')],
      ...['--client-cert-auth', '--trusted-ca-file', pem('ca')],
    ]);
    try {
      const node = ['-backend', 'etcdv3', '-node', `https://127.0.0.1:${port}`, '-onetime'];
      await eventually(
        async () => {
          const { code, stderr } = await confetd(folder, [...node, ...client, '--timeout', '2s']);
          if (code !== 0) throw new Error(stderr);
        },
        { timeoutMs: 20_000, what: () => secure.output },
      );
      expect(rendered(folder)).toBe('\n');
      const unknown = await confetd(folder, [...node, '--timeout', '2s']);
      expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringMatching(/certificate/)]);
      const anonymous = await confetd(folder, [...node, '-client-insecure', '--timeout', '2s']);
      expect(anonymous.code).toBe(1);
    } finally {
      await secure.end('SIGKILL');
    }
  });
});

describe.skipIf(peer('redis-server') === undefined)('confetd redis', () => {
  let redis: Redis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis?.stop());

  test('renders once, and as a daemon at every change', async () => {
    await redis.put('/app/a', '1');
    const folder = confdir();
    const { code, stderr } = await confetd(folder, ['redis', '-n', redis.node, '-onetime']);
    expect([code, stderr]).toEqual([0, expect.stringContaining(`Backend source(s) set to ${redis.node}`)]);
    expect(rendered(folder)).toBe('a=1 \n');
    const daemon = spawnConfetd(['-backend', 'redis', '-node', redis.node, '-confdir', folder], {
      cwd: folder,
    });
    await daemon.printed('Starting confd');
    await redis.put('/app/a', '2');
    await fileThat(join(folder, 'app.out'), (text) => text === 'a=2 \n', { what: () => daemon.output });
    await daemon.printed(/ INFO Target config \S+app\.out has been updated\n/);
    expect((await daemon.end('SIGTERM')).code).toBe(0);
  });
});

describe.skipIf(peer('zkServer.sh') === undefined)('confetd zookeeper', () => {
  test('renders once, and as a daemon at every change', async () => {
    const server = await startZookeeper();
    await server.put('/app/a', '1');
    const folder = confdir();
    expect((await confetd(folder, ['zookeeper', '-n', server.node, '-onetime'])).code).toBe(0);
    expect(rendered(folder)).toBe('a=1 \n');
    const daemon = spawnConfetd(['zookeeper', '-n', server.node, '-confdir', folder], { cwd: folder });
    await daemon.printed('Starting confd');
    await server.put('/app/b', '2');
    await fileThat(join(folder, 'app.out'), (text) => text === 'a=1 b=2 \n', { what: () => daemon.output });
    expect((await daemon.end('SIGTERM')).code).toBe(0);
    await server.stop();
  }, 60_000);
});
