import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { confdir, confetd, rendered } from '../confd-folder.js';
import { runConfetd, scratch, writeFiles } from '../daemon.js';

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
