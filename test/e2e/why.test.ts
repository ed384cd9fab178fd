import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { claimPort, confetctl, Daemon, fileThat, scratch, spawnConfetd, writeFiles } from '../daemon.js';

function folderOf(): string {
  const folder = scratch();
  writeFiles(folder, {
    'templates/web.conf.hbs':
      '{{getv "/web/port"}} {{getv "/web/name" "none"}} {{getenv "WHY_TEST"}}\n{{> parts/servers}}\n',
    'templates/parts/servers.hbs':
      '{{#gets "/web/servers/*"}}{{value}};{{/gets}}{{#each (lsdir "/")}}{{this}}{{/each}}',
    'conf.d/web.toml': `[template]\nsrc = "web.conf.hbs"\ndest = "${folder}/web.conf"\nprefix = "/prod"\ncheck_cmd = "grep -q 80 {{.src}}"\nverify_cmd = "true"\nreload_cmd = "true"\n`,
  });
  return folder;
}

describe('confetctl render why', () => {
  test('says what a file is made from, and which change caused its last render', async () => {
    const folder = folderOf();
    const daemon = await Daemon.start({ cwd: folder, args: ['--confdir', folder] });
    const dest = join(folder, 'web.conf');
    await daemon.confetctl('put', '/prod/web/port', '80');
    await daemon.confetctl('put', '/prod/web/servers/a', 'h1');
    await daemon.confetctl('put', '--wait', '/prod/web/servers/b', 'h2');
    await daemon.confetctl('del', '/prod/web/servers/a');
    await fileThat(dest, (text) => text.includes('\nh2;'));
    const { stdout } = await daemon.confetctl('render', 'why', dest);
    expect(stdout).toContain(`${dest}: in sync at revision 5\n`);
    expect(stdout).toContain(`  resource    web (${folder}/conf.d/web.toml:1)\n`);
    expect(stdout).toContain(`  template    ${folder}/templates/web.conf.hbs\n`);
    expect(stdout).toContain(`              ${folder}/templates/parts/servers.hbs\n`);
    expect(stdout).toMatch(
      /^last change: revision 5, \d{4}-\d\d-\d\dT[\d:]+Z \(\d+s ago\)\n {2}delete {6}\/prod\/web\/servers\/a {2}revision 5\n {2}then {8}written at revision 5, /m,
    );
    for (const command of ['check', 'verify', 'reload'])
      expect(stdout).toMatch(new RegExp(`^  ${command} +exit 0, \\d+s ago, took [\\d.]+ ms$`, 'm'));
    expect(stdout).toContain("keys: 2\n  /prod/web/port  revision 2\n  /prod/web/name  doesn't exist\n");
    expect(stdout).toContain('globs: 1\n  /prod/web/servers/*  1 key, the newest of revision 4\n');
    expect(stdout).toContain('folders: 1\n  /prod/  1 name\n');
    expect(stdout).toContain('besides keys: 1\n  variable WHY_TEST  not set\n');

    const json = JSON.parse(
      (await daemon.confetctl('render', 'why', '-w', 'json', '--limit', '1', 'web')).stdout,
    );
    expect(json).toMatchObject({
      dest,
      resource: 'web',
      state: 'in_sync',
      keys: { count: 2, list: [{ key: '/prod/web/port', exists: true, revision: 2 }] },
      cause: { revision: 5, count: 1, keys: [{ key: '/prod/web/servers/a', revision: 5, type: 'delete' }] },
      caused: { trigger: 'change', outcome: 'written', revision: 5 },
      newest: { key: '/prod/web/servers/b', revision: 4 },
    });

    // One that fails says why, and what had changed.
    await daemon.confetctl('put', '--wait', '/prod/web/port', '99');
    const failed = (await daemon.confetctl('render', 'why', dest)).stdout;
    expect(failed).toContain(
      `${dest}: failed at revision 5, the keys are at 6\n  because     Config check failed: exit 1`,
    );
    expect(failed).toContain(
      '  put         /prod/web/port  revision 6\n  then        failed at revision 6, ',
    );
    await daemon.stop();
  });

  test('names the files that there are where none matches, and says where nothing renders', async () => {
    const folder = folderOf();
    const daemon = await Daemon.start({ cwd: folder, args: ['--confdir', folder] });
    expect(await daemon.confetctl('render', 'why', 'other')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`there are: ${join(folder, 'web.conf')}`),
    });
    await daemon.stop();
    const store = await Daemon.start({ args: ['--no-render'] });
    expect(await store.confetctl('render', 'why', 'other')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('nothing renders here'),
    });
    await store.stop();
  });

  test('is answered by a daemon without a member too', async () => {
    const folder = scratch();
    const keys = join(folder, 'keys.yaml');
    writeFileSync(keys, 'web:\n  port: "80"\n');
    writeFiles(folder, {
      'templates/web.tmpl': '{{getv "/web/port"}}\n',
      'conf.d/web.toml': `[template]\nsrc = "web.tmpl"\ndest = "${folder}/web.conf"\n`,
    });
    const port = await claimPort();
    const listen = ['--listen-client-urls', `http://127.0.0.1:${port}`];
    const args = ['--confdir', folder, '--backend', 'file', '--file', keys, '--watch', ...listen];
    const daemon = spawnConfetd([...args, '--advertise-client-urls', `http://127.0.0.1:${port}`], {
      cwd: folder,
    });
    await fileThat(join(folder, 'web.conf'), (text) => text === '80\n', { what: () => daemon.output });
    const { stdout } = await confetctl(['render', 'why', 'web', '--endpoints', `127.0.0.1:${port}`]);
    expect(stdout).toContain('keys: 1\n  /web/port  revision 1\n');
    await daemon.end('SIGTERM');
  });
});
