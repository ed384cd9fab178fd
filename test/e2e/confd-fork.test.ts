import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { confdir, confetd, rendered } from '../confd-folder.js';
import { claimPort, Daemon, eventually, runConfetd, scratch, spawnConfetd, writeFiles } from '../daemon.js';

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

describe('the daemon of confd’s active fork', () => {
  const file = (folder: string) => ['file', '--file', join(folder, 'keys.yaml'), '--confdir', folder];

  test('--metrics-addr tells of a daemon that only renders; CONFD_METRICS_ADDR does too', async () => {
    const folder = confdir('', { 'keys.yaml': 'app: {a: 1}\n' });
    const port = await claimPort();
    const url = `http://127.0.0.1:${port}`;
    for (const env of [undefined, { CONFD_METRICS_ADDR: `127.0.0.1:${port}` }]) {
      const flag = env === undefined ? [`--metrics-addr=127.0.0.1:${port}`] : [];
      const daemon = spawnConfetd(['--watch', ...flag, ...file(folder).slice(1), '--backend', 'file'], {
        cwd: folder,
        ...(env === undefined ? {} : { env }),
      });
      await daemon.printed(`Starting metrics server on 127.0.0.1:${port}`);
      await eventually(async () => {
        const { status } = await fetch(`${url}/readyz/render`);
        if (status !== 200) throw new Error('not ready');
      });
      const get = async (path: string) => (await fetch(url + path)).text();
      expect(await get('/health')).toBe('ok');
      expect(await get('/ready')).toBe('ok');
      expect(JSON.parse(await get('/ready/detailed'))).toMatchObject({
        healthy: true,
        details: { backend: 'file' },
      });
      expect(await get('/metrics')).toMatch(/^confetd_render_resource_ready\{.*app\.out"\} 1$/m);
      expect((await daemon.end('SIGTERM')).code).toBe(0);
    }
  });

  test('a member’s own series are there too, beside its client port', async () => {
    const port = await claimPort();
    const daemon = await Daemon.start({ args: ['--no-render', `--metrics-addr=127.0.0.1:${port}`] });
    const text = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(await eventually(text)).toContain('etcd_server_has_leader 1');
    await daemon.stop();
  });

  test('a --metrics-addr that is taken ends the daemon before any file is touched', async () => {
    const folder = confdir('', { 'keys.yaml': 'app: {a: 1}\n' });
    const taken = await Daemon.start({ args: ['--no-render'] });
    const { code, stderr } = await runConfetd([...file(folder), `--metrics-addr=${taken.endpoint}`], {
      cwd: folder,
    });
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining(`--metrics-addr ${taken.endpoint}: the port is in use`),
    ]);
    expect(existsSync(join(folder, 'app.out'))).toBe(false);
    await taken.stop();
  });

  test('--check-cmd-timeout ends a check that hangs, unless the resource says another time', async () => {
    const folder = confdir('check_cmd = "sleep 60"\n', { 'keys.yaml': 'app: {a: 1}\n' });
    const args = [...file(folder), '--onetime', '--check-cmd-timeout=200ms'];
    const { code, stderr } = await runConfetd(args, { cwd: folder });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/Config check failed: .*200 ?ms/)]);
  });

  test('a flag that can do nothing is warned about once, and refused under --strict', async () => {
    const folder = confdir('', { 'keys.yaml': 'app: {a: 1}\n' });
    const args = [
      ...file(folder),
      '--onetime',
      '--stat-cache-ttl=5s',
      '--systemd-notify',
      '--template-cache',
    ];
    const { code, stderr } = await runConfetd(args, { cwd: folder });
    expect(code).toBe(0);
    expect(stderr.match(/ WARNING .*\n/g)).toEqual([
      expect.stringContaining('--stat-cache-ttl has no effect: templates are watched'),
    ]);
    const strict = await runConfetd([...args, '--strict'], { cwd: folder });
    expect([strict.code, strict.stderr]).toEqual([
      1,
      expect.stringContaining('--strict: --stat-cache-ttl has no effect'),
    ]);
  });

  test('--retry-max-attempts: a backend that comes while it is tried is read, one that never comes fails', async () => {
    const folder = confdir();
    const port = await claimPort();
    const args = [
      'etcd',
      '--node',
      `127.0.0.1:${port}`,
      '--onetime',
      '--confdir',
      folder,
      '--dial-timeout=200ms',
    ];
    const never = await runConfetd([...args, '--retry-max-attempts=2', '--retry-base-delay=10ms'], {
      cwd: folder,
    });
    expect([never.code, never.stderr]).toEqual([1, expect.stringContaining(`127.0.0.1:${port}`)]);
    const late = runConfetd([...args, '--retry-max-attempts=1000', '--timeout=20s'], { cwd: folder });
    const member = spawnConfetd(
      [
        ...['--no-render', '--data-dir', join(folder, 'data')],
        ...[
          '--listen-client-urls',
          `http://127.0.0.1:${port}`,
          '--advertise-client-urls',
          `http://127.0.0.1:${port}`,
        ],
        ...['--listen-peer-urls', `http://127.0.0.1:${await claimPort()}`],
      ],
      { cwd: folder },
    );
    expect((await late).code).toBe(0);
    expect(rendered(folder)).toBe('\n');
    await member.end('SIGTERM');
  }, 40_000);
});
