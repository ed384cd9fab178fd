import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Rpc } from '../conformance/rpc.js';
import { KINDS, type Server, startServer } from '../conformance/servers.js';
import { runConfetd, scratch, writeFiles } from '../daemon.js';

const TEMPLATE = `# {{#each (gets "/app/*") as |pair|}}{{base pair.key}}={{pair.value}} {{/each}}\n`;

function confdir(extra: Readonly<Record<string, string>> = {}): string {
  const folder = scratch();
  writeFiles(folder, {
    'templates/app.hbs': TEMPLATE,
    'conf.d/app.toml': `[template]\nsrc = "app.hbs"\ndest = "${folder}/app.out"\nkeys = ["/app"]\n`,
    ...extra,
  });
  return folder;
}

const once = (folder: string, ...args: readonly string[]) =>
  runConfetd(['--onetime', '--confdir', folder, ...args], { cwd: folder });
const rendered = (folder: string): string => readFileSync(join(folder, 'app.out'), 'utf8');

describe.each(KINDS)('confetd --onetime --backend etcdv3, from %s', (kind) => {
  let server: Server & { stop(): Promise<void> };
  beforeAll(async () => {
    server = await startServer(kind);
    const rpc = new Rpc(server.endpoint);
    await rpc.put('/app/port', '80');
    await rpc.put('/app/host', 'here');
    rpc.close();
  });
  afterAll(() => server?.stop());

  test('renders, and exits 0; again, and changes nothing', async () => {
    const folder = confdir();
    const source = ['--backend', 'etcdv3', '--node', `http://${server.endpoint}`];
    const { code, stderr } = await once(folder, ...source);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    expect(rendered(folder)).toBe('# host=here port=80 \n');
    const again = await once(folder, ...source);
    expect(again.code).toBe(0);
    expect(again.stderr + again.stdout).not.toContain('has been updated');
  });

  test('--noop prints a unified diff of what would change, and writes nothing', async () => {
    const folder = confdir();
    writeFileSync(join(folder, 'app.out'), '# old\n');
    const { code, stdout } = await once(folder, '--noop', '--backend', 'etcdv3', '--node', server.endpoint);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^--- .*app\.out/m);
    expect(stdout).toMatch(/^\+\+\+ .*app\.out/m);
    expect(stdout).toMatch(/^@@ -1(,1)? \+1(,1)? @@/m);
    expect(stdout).toContain('\n-# old\n+# host=here port=80 \n');
    expect(rendered(folder)).toBe('# old\n');
  });
});

describe('confetd --onetime', () => {
  test('--backend env', async () => {
    const folder = confdir();
    const { code } = await runConfetd(['--onetime', '--confdir', folder, '--backend', 'env'], {
      cwd: folder,
      env: { APP_PORT: '8080' },
    });
    expect(code).toBe(0);
    expect(rendered(folder)).toContain('port=8080');
  });

  test.each([
    ['keys.yaml', 'app:\n  port: 81\n  host: there\n'],
    ['keys.json', '{"app": {"host": "there", "port": 81}}'],
  ])('--backend file, %s', async (name, text) => {
    const folder = confdir({ [name]: text });
    const { code, stderr } = await once(folder, '--backend', 'file', '--file', join(folder, name));
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    expect(rendered(folder)).toBe('# host=there port=81 \n');
  });

  test('exits 1 if any resource failed, after trying all', async () => {
    const folder = confdir({ 'keys.yaml': 'app: { port: 1 }\n' });
    writeFiles(folder, {
      'templates/missing.hbs': '{{getv "/app/none"}}\n',
      'conf.d/aaa.toml': `[template]\nsrc = "missing.hbs"\ndest = "${folder}/missing.out"\nkeys = ["/app"]\n`,
    });
    const { code, stderr } = await once(folder, '--backend', 'file', '--file', join(folder, 'keys.yaml'));
    expect(code).toBe(1);
    expect(stderr).toMatch(/missing\.hbs:1:\d+/);
    expect(rendered(folder)).toBe('# port=1 \n');
    expect(existsSync(join(folder, 'missing.out'))).toBe(false);
  });

  test('exits 1 where the source can’t be reached, in bounded time, and the file stays', async () => {
    const folder = confdir();
    writeFileSync(join(folder, 'app.out'), 'before\n');
    const began = Date.now();
    const { code, stderr } = await once(
      folder,
      '--backend',
      'etcdv3',
      '--node',
      '127.0.0.1:1',
      '--timeout',
      '1s',
    );
    expect([code, stderr]).toEqual([1, expect.stringContaining('127.0.0.1:1')]);
    expect(Date.now() - began).toBeLessThan(6_000);
    expect(rendered(folder)).toBe('before\n');
  });

  test('exits 1 where a check refuses the file, which stays, or a reload fails', async () => {
    const folder = confdir({ 'keys.yaml': 'app: { port: 1 }\n' });
    const resource = `[template]\nsrc = "app.hbs"\ndest = "${folder}/app.out"\nkeys = ["/app"]\n`;
    const source = ['--backend', 'file', '--file', join(folder, 'keys.yaml')];
    writeFiles(folder, {
      'app.out': 'before\n',
      'conf.d/app.toml': `${resource}check_cmd = "grep -q nope {{.src}}"\n`,
    });
    expect((await once(folder, ...source)).code).toBe(1);
    expect(rendered(folder)).toBe('before\n');
    writeFiles(folder, {
      'conf.d/app.toml': `${resource}check_cmd = "grep -q port {{.src}}"\nreload_cmd = "exit 7"\n`,
    });
    const { code, stderr } = await once(folder, ...source);
    expect([code, stderr.match(/exit 7/g)]).toEqual([1, ['exit 7']]);
    expect(rendered(folder)).toBe('# port=1 \n');
  });

  test('an etcd that is down is waited for as long as confd waits: three seconds', async () => {
    const folder = confdir({});
    writeFiles(folder, { 'conf.d/app.toml': `[template]\nsrc = "app.hbs"\ndest = "${folder}/app.out"\n` });
    const beganMs = performance.now();
    const { code, stderr } = await once(folder, '--backend', 'etcdv3', '--node', 'http://127.0.0.1:1');
    expect([code, stderr]).toEqual([1, expect.stringContaining('ECONNREFUSED')]);
    expect(performance.now() - beganMs).toBeGreaterThan(2_500);
    expect(performance.now() - beganMs).toBeLessThan(6_000);
  });
});
