import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Daemon, scratch, writeFiles } from '../daemon.js';

/** Two files: one of /wait/a, whose check waits for a file `go`, and one of /wait/b. */
function folderOf(): string {
  const folder = scratch();
  const resource = (name: string, more = ''): string =>
    `[template]\nsrc = "${name}.tmpl"\ndest = "${folder}/${name}.out"\n${more}`;
  writeFiles(folder, {
    'templates/a.tmpl': '{{getv "/wait/a" "none"}}\n',
    'templates/b.tmpl': '{{getv "/wait/b" "none"}}\n',
    'conf.d/a.toml': resource(
      'a',
      `check_cmd = "grep -qv bad {{.src}} && until test -e ${folder}/go; do sleep 0.02; done"\n`,
    ),
    'conf.d/b.toml': resource('b'),
    go: '',
  });
  return folder;
}

test('render wait: files of the newest revision and of those before it, failures, and a timeout', async () => {
  const folder = folderOf();
  const dest = join(folder, 'a.out');
  const daemon = await Daemon.start({ cwd: folder, args: ['--confdir', folder] });
  const first = await daemon.confetctl('render', 'wait');
  expect(first.code).toBe(0);
  expect(first.stdout).toMatch(/a\.out +rev 1/);
  expect(readFileSync(dest, 'utf8')).toBe('none\n');
  await daemon.confetctl('put', '/wait/other', '1');
  expect((await daemon.confetctl('render', 'wait')).stdout).toBe(
    'no file changed: each is what the keys of revision 2 say\n',
  );

  // The check of /wait/a's file hangs while a newer revision changes the other file.
  rmSync(join(folder, 'go'));
  await daemon.confetctl('put', '/wait/a', '1');
  await daemon.confetctl('put', '--wait', '/wait/b', '1', '--wait-timeout', '100ms');
  const late = await daemon.confetctl('render', 'wait', '--timeout', '100ms');
  expect(late).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/revision 4 was not rendered within 100ms, still to do: \S*a\.out: see/),
  });
  expect(readFileSync(dest, 'utf8')).toBe('none\n');
  const waiting = daemon.confetctl('render', 'wait', '-w', 'json');
  writeFileSync(join(folder, 'go'), '');
  const { stdout, code } = await waiting;
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ revision: 4, timed_out: false, errors: [], pending: [] });
  expect(readFileSync(dest, 'utf8')).toBe('1\n');
  // Asked for again, the past revision still has its file.
  expect((await daemon.confetctl('render', 'wait', '3')).stdout).toMatch(/a\.out +rev [34] +[\d.]+ ms\n/);

  await daemon.confetctl('put', '/wait/a', 'bad');
  await daemon.confetctl('put', '--wait', '/wait/b', '2');
  const failed = await daemon.confetctl('render', 'wait');
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain(`${dest}: Config check failed: exit 1`);
  expect(failed.stderr).toContain('1 file could not be brought to revision 6');
  expect((await daemon.confetctl('render', 'wait', '7', '--timeout', '50ms')).stderr).toContain(
    'the renderer has the keys of revision 6',
  );
  await daemon.stop();

  const store = await Daemon.start({ args: ['--no-render'] });
  expect(await store.confetctl('render', 'wait')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('nothing renders here'),
  });
  await store.stop();
});
