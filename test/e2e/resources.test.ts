import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Result, run } from '../child.js';
import { Daemon, eventually, fileThat, runConfetd, scratch, writeFiles } from '../daemon.js';

const isRoot = process.getuid?.() === 0;

function template(lines: readonly string[]): string {
  return ['[template]', ...lines, ''].join('\n');
}

/** A folder of resources, rendered once from a file of keys. */
async function once(folder: string, ...args: readonly string[]): Promise<Result> {
  return runConfetd(
    ['--onetime', '--backend', 'file', '--file', join(folder, 'keys.yaml'), '--confdir', folder, ...args],
    { cwd: folder },
  );
}

describe('one pass over files of every kind', () => {
  test('an owner that this host lacks is a warning, under --strict an error', async () => {
    const folder = scratch();
    writeFiles(folder, {
      'keys.yaml': 'a: "1"\n',
      'templates/a.tmpl': '{{getv "/a"}}\n',
      'conf.d/a.toml': template([
        'src = "a.tmpl"',
        `dest = "${folder}/a.out"`,
        'owner = "no-such-user"',
        'keys = ["/a"]',
      ]),
    });
    const strict = await once(folder, '--strict');
    expect(strict.code).toBe(1);
    expect(strict.stderr).toContain('a.toml:1: this host has no owner "no-such-user": name an account');
    expect(existsSync(join(folder, 'a.out'))).toBe(false);
    const lenient = await once(folder);
    expect([lenient.code, readFileSync(join(folder, 'a.out'), 'utf8')]).toEqual([0, '1\n']);
    expect(lenient.stderr).toContain('this host has no owner "no-such-user"');
  });

  test('what can’t be a destination or a template is named with its file; everything else is rendered', async () => {
    const folder = scratch();
    mkdirSync(join(folder, 'a-folder'));
    mkdirSync(join(folder, 'real'));
    symlinkSync('real/linked.out', join(folder, 'linked.out'));
    symlinkSync('loop', join(folder, 'loop'));
    execFileSync('mkfifo', [join(folder, 'a-pipe')]);
    const bad: Record<string, readonly [dest: string, src: string, expected: RegExp]> = {
      folder: [
        `${folder}/a-folder`,
        'good.hbs',
        /folder\.toml:1: dest \S+a-folder is not a regular file but a folder/,
      ],
      device: ['/dev/null', 'good.hbs', /device\.toml:1: dest \/dev\/null is not a regular file/],
      pipe: [`${folder}/a-pipe`, 'good.hbs', /pipe\.toml:1: dest \S+a-pipe is not a regular file/],
      loop: [`${folder}/loop`, 'good.hbs', /loop\.toml:1: dest \S+loop: ELOOP/],
      twice: [
        `${folder}/good.out`,
        'good.hbs',
        /twice\.toml:1:1: dest \S+ is claimed by \S+good2?\.toml:1 too/,
      ],
      outside: [
        `${folder}/outside.out`,
        '../keys.yaml',
        /outside\.toml:2:7: src = "\.\.\/keys\.yaml" must be a file under/,
      ],
      cycle: [`${folder}/cycle.out`, 'one.hbs', /one\.hbs:\d+:\d+: .*(?:itself|partials in one another)/],
      binary: [`${folder}/binary.out`, 'binary.hbs', /binary\.hbs:\d+:\d+: .*UTF-8/],
      missing: [`${folder}/missing.out`, 'missing.hbs', /Missing template: \S+missing\.hbs/],
    };
    writeFiles(folder, {
      'keys.yaml': 'a: "1"\n',
      'templates/good.hbs': '{{getv "/a"}}',
      'templates/one.hbs': '{{> two}}',
      'templates/two.hbs': '{{> one}}',
      ...Object.fromEntries(
        Object.entries(bad).map(([name, [dest, src]]) => [
          `conf.d/${name}.toml`,
          template([`src = "${src}"`, `dest = "${dest}"`]),
        ]),
      ),
      'conf.d/good2.toml': template(['src = "good.hbs"', `dest = "${folder}/good.out"`]),
      'conf.d/fine.toml': template(['src = "good.hbs"', `dest = "${folder}/fine.out"`]),
      'conf.d/linked.toml': template(['src = "good.hbs"', `dest = "${folder}/linked.out"`]),
    });
    writeFileSync(join(folder, 'templates/binary.hbs'), Buffer.from([0x61, 0xff, 0xfe]));
    const { code, stderr } = await once(folder);
    expect(code).toBe(1);
    for (const [name, [, , expected]] of Object.entries(bad)) expect(stderr, name).toMatch(expected);
    for (const name of ['fine', 'linked'])
      expect(readFileSync(join(folder, `${name}.out`), 'utf8')).toBe('1');
    expect(lstatSync(join(folder, 'linked.out')).isSymbolicLink()).toBe(true);
    expect(existsSync(join(folder, 'good.out'))).toBe(false);
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  });

  test('takes prefixes and places from its environment', async () => {
    const folder = scratch();
    writeFiles(folder, {
      'keys.yaml': 'prod: {app: {a: joined}}\napp: {a: replaced}\n',
      'templates/a.tmpl': '{{getv "/a"}}',
      'conf.d/a.toml': template([
        'src = "a.tmpl"',
        `dest = "${folder}/\${NAME}.out"`,
        'prefix = "/app"',
        'prefix_mode = "join"',
      ]),
    });
    const args = ['--onetime', '--backend', 'file', '--file', join(folder, 'keys.yaml'), '--confdir', folder];
    const joined = await runConfetd([...args, '--prefix', '/prod'], { cwd: folder, env: { NAME: 'x' } });
    expect([joined.code, readFileSync(join(folder, 'x.out'), 'utf8')]).toEqual([0, 'joined']);
    const unset = await runConfetd(args, { cwd: folder });
    expect(unset.stderr).toMatch(/a\.toml:3:8: dest: the environment variable NAME isn't set/);
  });

  test.skipIf(!isRoot)('writes through a file that is mounted over its name', async () => {
    const folder = scratch();
    writeFiles(folder, {
      'keys.yaml': 'a: "a longer text than before"\n',
      'templates/a.tmpl': '{{getv "/a"}}\n',
      'conf.d/a.toml': template(['src = "a.tmpl"', `dest = "${folder}/a.out"`]),
      source: 'old\n',
      'a.out': '',
    });
    const inode = statSync(join(folder, 'source')).ino;
    const { executable, args } = confetdCommand(folder);
    // As a container has it: a mount namespace of its own.
    const script = `mount --bind "${folder}/source" "${folder}/a.out" && exec "$@"`;
    const result = await run('unshare', ['-m', 'sh', '-c', script, 'sh', executable, ...args], {
      cwd: folder,
    });
    expect(result).toMatchObject({ code: 0 });
    expect(readFileSync(join(folder, 'source'), 'utf8')).toBe('a longer text than before\n');
    expect(statSync(join(folder, 'source')).ino).toBe(inode);
    expect(readdirSync(folder).filter((name) => name.startsWith('.a.out'))).toEqual([]);
  });
});

function confetdCommand(folder: string): { executable: string; args: string[] } {
  const bin = realpathSync(join(import.meta.dirname, '../../bin/confetd.cjs'));
  const args = ['--onetime', '--backend', 'file', '--file', join(folder, 'keys.yaml'), '--confdir', folder];
  return { executable: process.execPath, args: [bin, ...args] };
}

describe('a daemon', () => {
  const advertise = { client: 'http://127.0.0.1:1', peer: 'http://127.0.0.1:2' };

  test('makes a file an item, removes those whose item is gone, also after a restart', async () => {
    const folder = scratch();
    mkdirSync(join(folder, 'sites'));
    writeFiles(folder, {
      'templates/site.tmpl':
        'server {{getenv "CONFETD_NAME"}} {{getv (printf "%s/host" (getenv "CONFETD_ITEM"))}}\n',
      'templates/site.hbs': 'name {{@name}} of {{@item}}\n',
      'conf.d/sites.toml': `[[template]]
src = "site.tmpl"
dest = "${folder}/sites/{{name}}.conf"
for_each = "/sites/*"
reload_cmd = "ls ${folder}/sites | tr '\\\\n' ' ' >> ${folder}/reloads; echo >> ${folder}/reloads"

[[template]]
src = "site.hbs"
dest = "${folder}/sites/{{name}}.name"
for_each = "/sites/*"
`,
    });
    const daemon = await Daemon.start({ cwd: folder, advertise, args: ['--confdir', folder] });
    for (const name of ['a', 'b'])
      await daemon.confetctl('put', '--wait', `/sites/${name}/host`, `${name}.example`);
    expect(readFileSync(join(folder, 'sites/a.conf'), 'utf8')).toBe('server a a.example\n');
    expect(readFileSync(join(folder, 'sites/b.name'), 'utf8')).toBe('name b of /sites/b\n');
    writeFiles(folder, { 'sites/mine.conf': 'by hand' });
    await daemon.confetctl('del', '/sites/b/host');
    await eventually(() =>
      expect(readdirSync(join(folder, 'sites'))).toEqual(['a.conf', 'a.name', 'mine.conf']),
    );
    await fileThat(join(folder, 'reloads'), (text) => text.trimEnd().endsWith('a.conf a.name mine.conf'));
    await daemon.confetctl('put', '--wait', '/sites/c/host', 'c.example');
    await daemon.stop();
    expect(readdirSync(join(folder, 'sites'))).toContain('c.conf');
    // Behind its back: the renderer doesn't see the key go.
    const store = await Daemon.start({
      cwd: folder,
      advertise,
      dataDir: daemon.dataDir,
      args: ['--no-render'],
    });
    await store.confetctl('del', '/sites/c/host');
    await store.stop();
    await daemon.restart();
    await eventually(() =>
      expect(readdirSync(join(folder, 'sites'))).toEqual(['a.conf', 'a.name', 'mine.conf']),
    );
    await daemon.stop();
  });

  test('leaves a paused file alone across a restart, and catches up; a rollback changes it back', async () => {
    const folder = scratch();
    writeFiles(folder, {
      'templates/a.tmpl': '{{getv "/app/a" "none"}}\n',
      'conf.d/a.toml': template(['src = "a.tmpl"', `dest = "${folder}/a.out"`]),
    });
    const out = join(folder, 'a.out');
    const daemon = await Daemon.start({ cwd: folder, args: ['--confdir', folder] });
    const put = await daemon.confetctl('put', '--wait', '/app/a', 'first', '-w', 'json');
    expect(put.code).toBe(0);
    const paused = await daemon.confetctl('render', 'pause', out);
    expect(paused).toMatchObject({ code: 0, stdout: `${out} is paused until it is resumed\n` });
    await daemon.stop();
    await daemon.restart();
    const held = await daemon.confetctl('put', '--wait', '/app/a', 'second');
    expect(held.stderr).toContain(`paused: confetctl render resume ${out} ends it`);
    expect(readFileSync(out, 'utf8')).toBe('first\n');
    await daemon.confetctl('render', 'resume');
    await fileThat(out, (text) => text === 'second\n');
    const past = /"ModRevision" : (\d+)/.exec(
      (await daemon.confetctl('get', '/app/a', '-w', 'fields')).stdout,
    )?.[1];
    const back = await daemon.confetctl('rollback', '/app/', '--revision', String(Number(past) - 1));
    expect(back.stdout).toMatch(/^revision \d+: 1 put, 0 deleted\n$/);
    await fileThat(out, (text) => text === 'first\n');
    const unknown = await daemon.confetctl('render', 'accept', '/no/such');
    expect(unknown.code).not.toBe(0);
    expect(unknown.stderr).toContain('no resource has dest /no/such; there are: ');
    const metrics = await (await fetch(`${daemon.url}/metrics`)).text();
    expect(metrics).toContain(`confetd_render_resource_ready{resource="a",dest="${out}"} 1`);
    await daemon.stop();
  });

  test('swaps a group whole: a member that can’t be rendered holds the others, a failing verify takes all back', async () => {
    const folder = scratch();
    writeFiles(folder, {
      'templates/a.tmpl': '{{getv "/a"}}\n',
      'templates/b.tmpl': '{{getv "/b"}}\n',
      'verify.sh': `! grep -q bad "${folder}/a.out"\n`,
      'conf.d/lb.toml': `[[group]]
name = "lb"
verify_cmd = ["sh", "${folder}/verify.sh"]
reload_cmd = "cat ${folder}/a.out ${folder}/b.out >> ${folder}/reloads"
[[group.template]]
src = "a.tmpl"
dest = "${folder}/a.out"
[[group.template]]
src = "b.tmpl"
dest = "${folder}/b.out"
`,
    });
    const daemon = await Daemon.start({ cwd: folder, args: ['--confdir', folder] });
    await daemon.confetctl('put', '--wait', '/a', '1');
    expect(existsSync(join(folder, 'a.out'))).toBe(false);
    await daemon.confetctl('put', '--wait', '/b', '1');
    const both = (): string =>
      readFileSync(join(folder, 'a.out'), 'utf8') + readFileSync(join(folder, 'b.out'), 'utf8');
    expect(both()).toBe('1\n1\n');
    await daemon.confetctl('del', '/b');
    const held = await daemon.confetctl('put', '--wait', '/a', '2');
    expect(held.stderr).toContain('its group waits for');
    expect(both()).toBe('1\n1\n');
    const refused = await daemon.confetctl('put', '--wait', '/b', '2');
    expect(refused.code).toBe(0);
    await daemon.confetctl('put', '--wait', '/a', 'bad');
    expect(both()).toBe('2\n2\n');
    expect(readFileSync(join(folder, 'reloads'), 'utf8')).toBe('1\n1\n2\n2\n');
    await daemon.stop();
  });
});
