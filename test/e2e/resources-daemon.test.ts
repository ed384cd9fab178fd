import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { claimPort, Daemon, fileThat, runConfetd, scratch, spawnConfetd, writeFiles } from '../daemon.js';

function folderOf(template = '{{getv "/app/a"}}\n'): string {
  const folder = scratch();
  writeFiles(folder, {
    'templates/a.tmpl': template,
    'conf.d/a.toml': `[template]\nsrc = "a.tmpl"\ndest = "${folder}/a.out"\nkeys = ["/app"]\n`,
  });
  return folder;
}

describe('SIGHUP', () => {
  test('takes up changed templates and resources, without a restart', async () => {
    const folder = folderOf();
    const args = ['--confdir', folder, '--watch-files=false'];
    const daemon = await Daemon.start({ cwd: folder, args });
    await daemon.confetctl('put', '--wait', '/app/a', '1');
    writeFiles(folder, {
      'templates/a.tmpl': 'new {{getv "/app/a"}}\n',
      'templates/b.tmpl': 'b {{getv "/app/a"}}\n',
      'conf.d/b.toml': `[template]\nsrc = "b.tmpl"\ndest = "${folder}/b.out"\n`,
    });
    await daemon.confetctl('put', '--wait', '/app/a', '2');
    expect([readFileSync(join(folder, 'a.out'), 'utf8'), existsSync(join(folder, 'b.out'))]).toEqual([
      '2\n',
      false,
    ]);
    daemon.process.signal('SIGHUP');
    await fileThat(join(folder, 'a.out'), (text) => text === 'new 2\n');
    await fileThat(join(folder, 'b.out'), (text) => text === 'b 2\n');
    await daemon.stop();
  });
});

describe('a backend that is down', () => {
  test('is waited for by a daemon, at its start and later, and only for --timeout by a one-shot', async () => {
    const folder = folderOf();
    const out = join(folder, 'a.out');
    const store = await Daemon.start({ args: ['--no-render'] });
    await store.confetctl('put', '/app/a', '1');
    await store.stop();
    const source = ['--confdir', folder, '--backend', 'etcdv3', '--node', store.url];
    const once = await runConfetd([...source, '--onetime', '--timeout', '300ms'], { cwd: folder });
    expect([once.code, existsSync(out)]).toEqual([1, false]);
    expect(once.stderr).toMatch(/ECONNREFUSED|no answer within --timeout/);

    const unused = await claimPort();
    const listen = ['--listen-client-urls', `http://127.0.0.1:${unused}`];
    const renderer = spawnConfetd([...source, ...listen, '--advertise-client-urls', listen[1] ?? ''], {
      cwd: folder,
    });
    await renderer.printed(/the source is lost, files stay as they are: .*ECONNREFUSED/);
    expect(existsSync(out)).toBe(false);
    await store.restart();
    await fileThat(out, (text) => text === '1\n', { timeoutMs: 20_000, what: () => renderer.output });
    await store.kill();
    await store.restart();
    await store.confetctl('put', '/app/a', '2');
    await fileThat(out, (text) => text === '2\n', { timeoutMs: 20_000, what: () => renderer.output });
    expect(renderer.running).toBe(true);
    await renderer.end('SIGTERM');
    await store.stop();
  });
});
