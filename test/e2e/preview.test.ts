import { chmodSync, existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Result } from '../child.js';
import { Daemon, fileThat, runConfetd, scratch, spawnConfetd, writeFiles } from '../daemon.js';

const HBS = '{{#each (gets "/*") as |pair|}}{{base pair.key}}={{pair.value}}\n{{/each}}';

/** An app with its keys under /app, and a for_each over /sites/*. */
function confdir(extra: Readonly<Record<string, string>> = {}): string {
  const folder = scratch();
  writeFiles(folder, {
    'templates/app.hbs': HBS,
    'templates/site.tmpl': '{{getenv "CONFETD_NAME"}}: {{getv (printf "/%s" (getenv "CONFETD_NAME"))}}\n',
    'conf.d/app.toml': `[template]\nsrc = "app.hbs"\ndest = "${folder}/app.out"\nprefix = "/app"\n`,
    'conf.d/sites.toml': [
      '[template]',
      'src = "site.tmpl"',
      `dest = "${folder}/{{name}}.site"`,
      'prefix = "/sites"',
      'for_each = "/*"',
      '',
    ].join('\n'),
    'keys.yaml': 'app:\n  port: 80\nsites:\n  one: first\n  two: second\n',
    ...extra,
  });
  return folder;
}

const render = (folder: string, ...args: readonly string[]): Promise<Result> =>
  runConfetd(['render', '--confdir', folder, ...args], { cwd: folder });

/** Everything below a folder, as `ls -li --full-time` tells it apart. */
function listing(folder: string): readonly string[] {
  const lines: string[] = [];
  const visit = (path: string): void => {
    const { ino, mode, size, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true });
    lines.push([path, ino, mode, size, mtimeNs, ctimeNs].join(' '));
    if (lstatSync(path).isDirectory()) for (const name of readdirSync(path).sort()) visit(join(path, name));
  };
  visit(folder);
  return lines;
}

/** Takes away everyone's permission to write below a folder, or gives its owner's back. Root writes all the same. */
function protect(path: string, protects: boolean): void {
  const { mode } = lstatSync(path);
  chmodSync(path, protects ? mode & 0o555 : mode | 0o200);
  if (lstatSync(path).isDirectory())
    for (const name of readdirSync(path)) protect(join(path, name), protects);
}

describe('confetd render --mock', () => {
  test('prints one file as it is, and several each under its name', async () => {
    const folder = confdir();
    const one = await render(folder, '--mock', 'keys.yaml', 'app.toml');
    expect([one.code, one.stdout, one.stderr]).toEqual([0, 'port=80\n', '']);
    const all = await render(folder, '--mock', 'keys.yaml');
    expect([all.code, all.stdout]).toEqual([
      0,
      `==> ${folder}/app.out <==\nport=80\n\n==> ${folder}/one.site <==\none: first\n\n==> ${folder}/two.site <==\ntwo: second\n`,
    ]);
  });

  test('picks by destination, absolute or relative, also of an item; one that matches nothing names the candidates', async () => {
    const folder = confdir();
    expect((await render(folder, '--mock', 'keys.yaml', `${folder}/two.site`)).stdout).toBe('two: second\n');
    expect((await render(folder, 'one.site', '--mock', 'keys.yaml')).stdout).toBe('one: first\n');
    const { code, stdout, stderr } = await render(folder, '--mock', 'keys.yaml', 'three.site');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`three.site is no destination and no file of conf.d: expected one of`);
    expect(stderr).toContain(`${folder}/one.site (sites.toml)`);
  });

  test('--diff is against the disk, with a line for the mode; --exit-code tells whether anything would change', async () => {
    const folder = confdir();
    writeFileSync(join(folder, 'app.out'), 'port=79\n');
    writeFiles(folder, {
      'conf.d/app.toml': `[template]\nsrc = "app.hbs"\ndest = "${folder}/app.out"\nprefix = "/app"\nmode = "0600"\n`,
    });
    chmodSync(join(folder, 'app.out'), 0o644);
    const diff = await render(folder, '--mock', 'keys.yaml', '--diff', '--exit-code', 'app.out');
    expect([diff.code, diff.stderr]).toEqual([2, '']);
    expect(diff.stdout).toBe(
      `# ${folder}/app.out: mode 0644 becomes 0600\n--- a${folder}/app.out\n+++ b${folder}/app.out\n@@ -1,1 +1,1 @@\n-port=79\n+port=80\n`,
    );
    const plain = await render(folder, '--mock', 'keys.yaml', '--diff', 'app.out');
    expect(plain.code).toBe(0);
    writeFileSync(join(folder, 'app.out'), 'port=80\n');
    chmodSync(join(folder, 'app.out'), 0o600);
    const same = await render(folder, '--mock', 'keys.yaml', '--diff', '--exit-code', 'app.out');
    expect([same.code, same.stdout]).toEqual([0, '']);
    expect(same.stderr).toBe('confetd: nothing would change: 1 file is what keys.yaml makes\n');
  });

  test('--color always paints, NO_COLOR and a pipe do not', async () => {
    const folder = confdir();
    const painted = await render(folder, '--mock', 'keys.yaml', '--diff', '--color', 'always', 'app.out');
    expect(painted.stdout).toContain('\u001b[32m+port=80\u001b[39m');
    const piped = await render(folder, '--mock', 'keys.yaml', '--diff', 'app.out');
    expect(piped.stdout).toContain('\n+port=80\n');
    expect(piped.stdout).not.toContain('\u001b');
  });

  test('a guard that would hold the file back is told, with what it holds back', async () => {
    const folder = confdir({
      'conf.d/guarded.toml':
        '[template]\nsrc = "app.hbs"\ndest = "guarded.out"\nprefix = "/app"\nmin_entries = 5\n',
    });
    const text = await render(folder, '--mock', 'keys.yaml', 'guarded.toml');
    expect([text.code, text.stdout]).toEqual([1, 'port=80\n']);
    expect(text.stderr).toMatch(/guarded\.out: held: 1 of at least 5 entries \(min_entries\) under \/app/);
    const diff = await render(folder, '--mock', 'keys.yaml', '--diff', 'guarded.toml');
    expect([diff.code, diff.stdout]).toEqual([1, '']);
  });

  test('a backend that lacks a flag is refused at once', async () => {
    const startMs = performance.now();
    const { code, stderr } = await render(confdir(), 'file');
    expect([code, stderr]).toEqual([1, expect.stringContaining('the file backend needs --file PATH')]);
    // Far below --timeout, which must not hold the process.
    expect(performance.now() - startMs).toBeLessThan(5_000);
  });

  test('a folder without resources asks no store, and nothing failed', async () => {
    const folder = scratch();
    const empty = await render(folder, '--node', '127.0.0.1:1');
    expect([empty.code, empty.stdout]).toEqual([0, '']);
    expect(empty.stderr).toContain('Found no templates');
    const named = await render(folder, '--node', '127.0.0.1:1', 'x');
    expect([named.code, named.stderr]).toEqual([1, expect.stringContaining('there are no resources')]);
  });

  test('a broken file of conf.d fails the whole, and not a look at one that is sound', async () => {
    const folder = confdir({ 'conf.d/broken.toml': '[template]\nsrc = 3\n' });
    const all = await render(folder, '--mock', 'keys.yaml');
    expect([all.code, all.stdout.startsWith('==>')]).toEqual([1, true]);
    expect(all.stderr).toMatch(/broken\.toml:2:\d+: /);
    expect(await render(folder, '--mock', 'keys.yaml', 'app.out')).toMatchObject({
      code: 0,
      stdout: 'port=80\n',
    });
  });

  test('--output json is one document: files, status, text or diff, and errors with their places', async () => {
    const folder = confdir({
      'templates/bad.hbs': 'x\n{{getv "/none"}}\n',
      'conf.d/bad.toml': '[template]\nsrc = "bad.hbs"\ndest = "bad.out"\n',
    });
    const { code, stdout } = await render(folder, '--mock', 'keys.yaml', '--output', 'json');
    expect(code).toBe(1);
    const document: unknown = JSON.parse(stdout);
    expect(document).toMatchObject({
      ok: false,
      revision: 1,
      files: [
        { dest: `${folder}/app.out`, resource: 'app', status: 'rendered', text: 'port=80\n', errors: [] },
        {
          dest: `${folder}/bad.out`,
          file: `${folder}/conf.d/bad.toml`,
          status: 'failed',
          errors: [{ file: `${folder}/templates/bad.hbs`, line: 2, column: 3 }],
        },
        { dest: `${folder}/one.site`, resource: 'sites[/one]' },
        { dest: `${folder}/two.site` },
      ],
    });
    const diff = await render(folder, '--mock', 'keys.yaml', '--output', 'json', '--diff', 'app.out');
    expect(JSON.parse(diff.stdout)).toMatchObject({
      ok: true,
      files: [{ status: 'would change', diff: expect.stringContaining('+port=80\n') }],
    });
    const missing = await render(folder, '--mock', 'none.yaml', '--output', 'json');
    expect(missing.code).toBe(1);
    expect(JSON.parse(missing.stdout)).toMatchObject({ ok: false, files: [], errors: [{ line: 0 }] });
  });
});

describe('confetd render, from a store', () => {
  let daemon: Daemon;
  let folder: string;
  const from = (...args: readonly string[]): Promise<Result> =>
    render(folder, '--node', daemon.endpoint, ...args);

  beforeAll(async () => {
    folder = confdir();
    daemon = await Daemon.start({ args: ['--no-render'] });
    // Revisions 2 to 6.
    for (const [key, value] of [
      ['/app/a', '1'],
      ['/app/b', '2'],
      ['/sites/one', 'first'],
      ['/app/a', '3'],
    ] as const)
      expect((await daemon.confetctl('put', key, value)).code).toBe(0);
    expect((await daemon.confetctl('del', '/app/b')).code).toBe(0);
  });
  afterAll(() => daemon?.stop());

  test('the newest state, a former one, and a diff of that against the disk', async () => {
    expect((await from('app.out')).stdout).toBe('a=3\n');
    expect((await from('--at-revision', '3', 'app.out')).stdout).toBe('a=1\nb=2\n');
    writeFileSync(join(folder, 'app.out'), 'a=3\n');
    const diff = await from('--at-revision', '3', '--diff', 'app.out');
    expect([diff.code, diff.stdout.split('\n').slice(2)]).toEqual([
      0,
      ['@@ -1,1 +1,2 @@', '-a=3', '+a=1', '+b=2', ''],
    ]);
    const same = await from('--diff', 'app.out');
    expect([same.stdout, same.stderr]).toEqual([
      '',
      'confetd: nothing would change: 1 file is what revision 6 makes\n',
    ]);
  });

  test('--between: what the change of keys did to each file, and which keys', async () => {
    const { code, stdout, stderr } = await from('--between', '3', '6');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(
      [
        `# ${folder}/app.out`,
        '# /app/a put at rev 5',
        '# /app/b deleted at rev 6',
        `--- a${folder}/app.out`,
        `+++ b${folder}/app.out`,
        '@@ -1,2 +1,1 @@',
        '-a=1',
        '-b=2',
        '+a=3',
        '',
        `# ${folder}/one.site`,
        '# /sites/one put at rev 4',
        '--- /dev/null',
        `+++ b${folder}/one.site`,
        '@@ -0,0 +1,1 @@',
        '+one: first',
        '',
      ].join('\n'),
    );
    const quiet = await from('--between', '3', '4', 'app.out', '--exit-code');
    expect([quiet.code, quiet.stdout, quiet.stderr]).toEqual([
      0,
      '',
      'confetd: no file changed: 1 file is the same at both revisions\n',
    ]);
    expect((await from('--between', '3', '6', '--exit-code')).code).toBe(2);
  });

  test('revisions in the wrong order, to come, or compacted are refused in a sentence', async () => {
    const reversed = await from('--between', '6', '3');
    expect([reversed.code, reversed.stderr]).toEqual([
      1,
      expect.stringContaining('the earlier revision comes first: write --between 3 6'),
    ]);
    const future = await from('--at-revision', '99');
    expect([future.code, future.stderr]).toEqual([
      1,
      expect.stringContaining('revision 99 is still to come: the newest is 6'),
    ]);
    expect((await daemon.confetctl('compaction', '4')).code).toBe(0);
    const compacted = await from('--between', '3', '6');
    expect([compacted.code, compacted.stderr]).toEqual([
      1,
      expect.stringContaining('revision 3 is compacted, its keys are gone for good: ask for a later one'),
    ]);
    expect((await from('--at-revision', '4', 'app.out')).stdout).toBe('a=1\nb=2\n');
  });

  test('a backend without revisions refuses to go back', async () => {
    const { code, stderr } = await render(folder, 'env', '--at-revision', '2');
    expect([code, stderr]).toEqual([
      1,
      'confetd: --at-revision needs a backend that keeps revisions, and env has none: use etcdv3 or embedded\n',
    ]);
  });

  test('writes nothing: a listing of the tree is the same before and after every command', async () => {
    writeFileSync(join(folder, 'app.out'), 'old\n');
    const own = scratch();
    const tree = confdir({
      'conf.d/commands.toml': `[template]\nsrc = "app.hbs"\ndest = "new/dir/app.out"\nprefix = "/app"\ncreate_dest_dirs = true\nverify_cmd = "touch ${own}/verified"\nreload_cmd = "touch ${own}/reloaded"\nbackup = 3\n`,
      'app.out': 'old\n',
    });
    protect(tree, true);
    const before = listing(tree);
    const commands = [
      ['render', '--mock', 'keys.yaml'],
      ['render', '--mock', 'keys.yaml', '--diff'],
      ['render', '--mock', 'keys.yaml', '--diff', '--state-dir', join(tree, 'state')],
      ['render', '--node', daemon.endpoint],
      ['render', '--node', daemon.endpoint, '--diff', '--exit-code'],
      ['render', '--node', daemon.endpoint, '--at-revision', '5', '--diff'],
      ['render', '--node', daemon.endpoint, '--between', '4', '6', '--output', 'json'],
      ['validate'],
      ['validate', '--mock', 'keys.yaml', '--output', 'json'],
      ['--validate', '--mock-data', join(tree, 'keys.yaml')],
      ['--check-config'],
      ['--noop', '--node', daemon.endpoint],
      ['--diff', '--diff-context', '0', '--node', daemon.endpoint],
      ['--onetime', '--noop', '--node', daemon.endpoint],
    ];
    onTestFinished(() => protect(tree, false));
    for (const [command = '', ...args] of commands) {
      const { code, stderr } = await runConfetd([command, '--confdir', tree, ...args], { cwd: tree });
      expect([command, args, code, stderr]).toEqual([
        command,
        args,
        args.includes('--exit-code') ? 2 : 0,
        stderr,
      ]);
      expect(listing(tree), [command, ...args].join(' ')).toEqual(before);
    }
    expect(readdirSync(own)).toEqual([]);
  });
});

describe('confetd --diff', () => {
  const noop = (folder: string, ...args: readonly string[]): Promise<Result> =>
    runConfetd(['file', '--file', 'keys.yaml', '--confdir', folder, ...args], { cwd: folder });
  const folderOf = (): string => {
    const folder = scratch();
    writeFiles(folder, {
      'templates/app.tmpl': '{{range gets "/*"}}{{base .Key}}={{.Value}}\n{{end}}',
      'conf.d/app.toml': '[template]\nsrc = "app.tmpl"\ndest = "app.out"\n',
      'keys.yaml': 'a: 1\nb: 2\nc: three\nd: 4\n',
      'app.out': 'a=1\nb=2\nc=3\nd=4\n',
    });
    return folder;
  };

  test('alone is --noop; --diff-context and --color say how a noop shows it', async () => {
    const folder = folderOf();
    const whole = await noop(folder, '--diff');
    expect([whole.code, whole.stdout]).toEqual([
      0,
      `--- a${folder}/app.out\n+++ b${folder}/app.out\n@@ -1,4 +1,4 @@\n a=1\n b=2\n-c=3\n+c=three\n d=4\n`,
    ]);
    const bare = await noop(folder, '--onetime', '--noop', '--diff-context', '0');
    expect(bare.stdout).toContain('@@ -3,1 +3,1 @@\n-c=3\n+c=three\n');
    const painted = await noop(folder, '--noop', '--color', 'always');
    expect(painted.stdout).toContain('\u001b[32m+c=three\u001b[39m\n');
    expect(readFileSync(join(folder, 'app.out'), 'utf8')).toBe('a=1\nb=2\nc=3\nd=4\n');
  });
});

describe('confetd validate', () => {
  const validate = (folder: string, ...args: readonly string[]): Promise<Result> =>
    runConfetd(['validate', '--confdir', folder, ...args], { cwd: folder });
  const resource = (src: string, more = ''): string =>
    `[template]\nsrc = "${src}"\ndest = "${src}.out"\n${more}`;

  test('a sound folder: says what was looked at, and exits 0', async () => {
    const { code, stdout, stderr } = await validate(confdir());
    expect([code, stdout, stderr]).toEqual([0, '2 files from 2 templates: nothing is wrong\n', '']);
  });

  test('finds a function, a partial, an include and a {{template}} that do not exist, also where nothing reaches them', async () => {
    const folder = confdir({
      'conf.d/a.toml': resource('a.hbs'),
      'conf.d/b.toml': resource('b.tmpl'),
      'conf.d/c.toml': resource('c.tmpl'),
      'conf.d/d.toml': resource('d.tmpl'),
      'templates/a.hbs': 'text\n{{> parts/none}}\n',
      'templates/b.tmpl': '{{if false}}{{template "none"}}{{end}}\n',
      'templates/c.tmpl': 'x\n{{include "none.tmpl"}}\n',
      'templates/d.tmpl': '{{nosuch}}\n',
      // Its data comes from whoever includes it: only the function is wrong.
      'templates/parts/unused.hbs': '{{#each items as |item|}}{{upcase item.name}}{{/each}}\n',
      'templates/parts/fine.hbs': '{{#each items as |item|}}{{item.name}}{{/each}}\n',
    });
    const { code, stdout } = await validate(folder);
    expect(code).toBe(1);
    const lines = stdout.replaceAll(`${folder}/templates/`, '').trimEnd().split('\n');
    expect(lines).toEqual([
      expect.stringMatching(/^a\.hbs:2:5: error: parts\/none\.hbs can't be read: there is no such file$/),
      expect.stringMatching(/^c\.tmpl:2:0: error: .*none\.tmpl can't be read: there is no such file$/),
      expect.stringMatching(/^d\.tmpl:1:0: error: .*function "nosuch" not defined$/),
      expect.stringMatching(/^parts\/unused\.hbs:1:\d+: error: unknown function upcase/),
      expect.stringMatching(/^b\.tmpl:1:24: error: there is no template "none"/),
      expect.stringMatching(/^6 files from 8 templates: 5 errors, 0 warnings$/),
    ]);
  });

  test('literal keys outside of what the resource sees are warnings, and errors with --strict', async () => {
    const folder = confdir({
      'conf.d/a.toml': resource('a.hbs', 'prefix = "/p"\nkeys = ["/app", "/sites"]\n'),
      'templates/a.hbs': [
        '{{getv "/app/port"}}{{getv "/other/x" "none"}}',
        '{{#gets "/app/*"}}{{value}}{{/gets}}{{#gets "/nowhere/*"}}{{value}}{{/gets}}',
        '{{#each (ls "/")}}{{this}}{{/each}}{{#each (lsdir "/site")}}{{this}}{{/each}}{{getv "app/port"}}',
        '',
      ].join('\n'),
    });
    const { code, stdout } = await validate(folder, '--resource', 'a.toml');
    expect(code).toBe(0);
    const at = `${folder}/templates/a.hbs`;
    const outside = 'lies outside the keys that a sees (/p/app, /p/sites)';
    expect(stdout.trimEnd().split('\n')).toEqual([
      `${at}:1:23: warning: getv "/other/x" finds nothing: /p/other/x ${outside}`,
      `${at}:2:40: warning: gets "/nowhere/*" finds nothing: /p/nowhere ${outside}`,
      `${at}:3:45: warning: lsdir "/site" finds nothing: /p/site ${outside}`,
      `${at}:3:80: warning: getv "app/port" finds nothing: keys begin with a slash, so write "/app/port"`,
      '1 file from 1 template: 0 errors, 4 warnings',
    ]);
    expect((await validate(folder, '--resource', 'a.toml', '--strict')).code).toBe(1);
  });

  test('--mock renders, and runs check commands on copies in a folder that is gone afterwards; never a reload', async () => {
    const own = scratch();
    const commands = [
      `check_cmd = "echo {{.src}} {{.dest}} >> ${own}/checked; grep -q 80 {{.src}}"`,
      `reload_cmd = "touch ${own}/reloaded"`,
      '',
    ].join('\n');
    const folder = confdir({
      'conf.d/good.toml': resource('app.hbs', `prefix = "/app"\n${commands}`),
      'conf.d/other.toml': `[template]\nsrc = "app.hbs"\ndest = "other/app.hbs.out"\nprefix = "/sites"\n${commands}`,
      'conf.d/lacking.toml': resource('lacking.tmpl'),
      'templates/lacking.tmpl': '{{getv "/app/port"}}\n{{getv "/app/none"}}\n',
    });
    const { code, stdout } = await validate(folder, '--mock', 'keys.yaml', '--output', 'json');
    expect(code).toBe(1);
    const document: unknown = JSON.parse(stdout);
    expect(document).toMatchObject({
      ok: false,
      files: [
        { resource: 'app', status: 'rendered', text: 'port=80\n' },
        { dest: `${folder}/app.hbs.out`, resource: 'good', status: 'rendered', check: { ok: true } },
        {
          resource: 'lacking',
          status: 'failed',
          errors: [{ file: `${folder}/templates/lacking.tmpl`, line: 2, column: 2 }],
        },
        {
          resource: 'other',
          status: 'failed',
          check: { ok: false, outcome: 'Config check failed: exit 1' },
          errors: [{ file: `${folder}/conf.d/other.toml`, line: 1 }],
        },
        { resource: 'sites[/one]', status: 'rendered' },
        { resource: 'sites[/two]', status: 'rendered' },
      ],
      errors: [{ line: 2 }, { line: 1 }],
    });
    const checked = readFileSync(join(own, 'checked'), 'utf8').trimEnd().split('\n');
    expect(checked.map((line) => line.split(' ')[1])).toEqual([
      `${folder}/app.hbs.out`,
      `${folder}/other/app.hbs.out`,
    ]);
    // Beside the real destinations nothing was staged, and the copies are gone.
    for (const line of checked) {
      const [staged = ''] = line.split(' ');
      expect(staged).not.toContain(folder);
      expect(existsSync(dirname(dirname(staged)))).toBe(false);
    }
    expect(readdirSync(own)).toEqual(['checked']);
  });

  test('a check that hangs ends with the command, and its folder too', async () => {
    const own = scratch();
    const folder = confdir({
      'conf.d/app.toml': resource('app.hbs', `check_cmd = "echo {{.src}} > ${own}/started; exec sleep 60"\n`),
    });
    const child = spawnConfetd(['validate', '--confdir', folder, '--mock', 'keys.yaml'], { cwd: folder });
    const staged = await fileThat(join(own, 'started'), (text) => text.endsWith('\n'));
    expect((await child.end('SIGTERM')).code).toBe(1);
    expect(existsSync(dirname(dirname(staged.trim())))).toBe(false);
  });
});
