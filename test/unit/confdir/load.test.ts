import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { carryOver } from '../../../src/confdir/carryover.js';
import { instanceOf } from '../../../src/confdir/for-each.js';
import { formatProblem, type LoadOptions, load, reservedFolders } from '../../../src/confdir/load.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'confdir-'));
  await mkdir(join(root, 'conf.d'));
});
afterEach(() => rm(root, { recursive: true }));

async function write(name: string, content: string | Buffer): Promise<string> {
  const path = join(root, 'conf.d', name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

const template = (...lines: string[]) =>
  ['[template]', 'src = "a.hbs"', 'dest = "/tmp/a.conf"', ...lines, ''].join('\n');

/** Problems as `line:column severity message`. */
async function problems(content: string | Buffer): Promise<string[]> {
  await write('a.toml', content);
  const found = await load(root);
  return found.problems.map(
    ({ line, column, severity, message }) => `${line}:${column} ${severity} ${message}`,
  );
}

async function only(content: string, options?: LoadOptions) {
  await write('a.toml', content);
  const { resources, problems } = await load(root, options);
  expect(problems).toEqual([]);
  expect(resources).toHaveLength(1);
  return resources[0];
}

describe('a resource', () => {
  it('reads every key', async () => {
    const resource = await only(
      template(
        'keys = ["/services", "config/"]',
        'prefix = "production"',
        'mode = "0640"',
        'owner = "nginx"',
        'gid = 33',
        'check_cmd = "nginx -t -c {{.src}}"',
        'verify_cmd = ["nginx", "-t"]',
        'reload_cmd = "nginx -s reload"',
        'check_cmd_timeout = "1m30s"',
        'verify_cmd_timeout = 5',
        'reload_cmd_timeout = "1.5s"',
        'wait = { min = "500ms", max = 4 }',
        'min_entries = 2',
        'create_dest_dirs = true',
        'on_drift = "report"',
        'missing_key = "default"',
        'refuse_empty = true',
        'output_format = "xml"',
        'render_timeout = "3s"',
        'max_output_bytes = 9',
        'backup = 3',
        'rollback_on_reload_failure = true',
        'reload_splay = "30s"',
      ),
    );
    expect(resource).toEqual({
      name: 'a',
      position: { file: join(root, 'conf.d/a.toml'), line: 1, column: 1 },
      src: 'a.hbs',
      srcPath: join(root, 'templates/a.hbs'),
      dest: '/tmp/a.conf',
      prefix: '/production',
      subtrees: ['/production/services', '/production/config'],
      mode: 0o640,
      owner: 'nginx',
      group: undefined,
      uid: undefined,
      gid: 33,
      renderTimeoutMs: 3_000,
      maxOutputBytes: 9,
      checkCmd: 'nginx -t -c {{.src}}',
      verifyCmd: ['nginx', '-t'],
      reloadCmd: 'nginx -s reload',
      checkTimeoutMs: 90_000,
      verifyTimeoutMs: 5_000,
      reloadTimeoutMs: 1_500,
      minReloadIntervalMs: 0,
      wait: { minMs: 500, maxMs: 4_000 },
      minEntries: 2,
      createDestDirs: true,
      onDrift: 'report',
      missingKey: 'zero',
      refuseEmpty: true,
      outputFormat: 'xml',
      backup: 3,
      rollbackOnReloadFailure: true,
      reloadSplayMs: 30_000,
      lane: undefined,
      forEach: undefined,
      item: undefined,
      absent: false,
    });
  });

  it('has the defaults that leave things as they are', async () => {
    const resource = await only(template('uid = -1'));
    expect(resource).toMatchObject({
      prefix: '',
      subtrees: [''],
      mode: undefined,
      uid: undefined,
      minEntries: 0,
    });
    expect(resource).toMatchObject({
      wait: undefined,
      createDestDirs: false,
      onDrift: 'repair',
      checkCmd: undefined,
    });
  });

  it.each([
    ['', '["/"]', undefined, '', ['']],
    ['/p/', '["/a/", "b//c", "/a"]', undefined, '/p', ['/p/a', '/p/b/c']],
    ['/p', '["/a"]', 'global/', '/global', ['/global/a']],
    ['/p', '["/a"]', '/', '', ['/a']],
    ['/p', '[]', undefined, '/p', []],
    ['/p', '["../x"]', undefined, '/p', ['/x']],
  ])(
    'joins prefix %s and keys %s under the global prefix %s',
    async (prefix, keys, global, expected, subtrees) => {
      const resource = await only(template(`prefix = "${prefix}"`, `keys = ${keys}`), { prefix: global });
      expect([resource?.prefix, resource?.subtrees]).toEqual([expected, subtrees]);
    },
  );

  it('resolves a relative destination against the process', async () => {
    const content = template().replace('/tmp/a.conf', 'out/../a.conf');
    expect((await only(content, { cwd: '/srv' }))?.dest).toBe('/srv/a.conf');
    expect((await only(content))?.dest).toBe(join(process.cwd(), 'a.conf'));
  });

  it('takes a wait that is a table of its own', async () => {
    expect((await only(template('[template.wait]', 'min = "2s"')))?.wait).toEqual({
      minMs: 2000,
      maxMs: 8000,
    });
  });
});

describe('several templates', () => {
  const two = '[[template]]\nsrc = "a.hbs"\ndest = "/tmp/a"\n[[template]]\nsrc = "b.hbs"\ndest = "/tmp/b"\n';

  it('stand in one file, each with its own name and place', async () => {
    await write('web.toml', two);
    const { resources, problems } = await load(root);
    expect(problems).toEqual([]);
    expect(resources.map(({ name, dest, position }) => [name, dest, position.line])).toEqual([
      ['web#1', '/tmp/a', 1],
      ['web#2', '/tmp/b', 4],
    ]);
  });

  it('of a group share its commands and its lane', async () => {
    await write(
      'lb.toml',
      `[[group]]\nname = "edge"\nverify_cmd = "v"\nreload_cmd = "r"\nwait = { min = "1s" }\n${two.replaceAll('[[template]]', '[[group.template]]')}`,
    );
    const { resources, problems } = await load(root);
    expect(problems).toEqual([]);
    const shared = { lane: 'lb/edge', verifyCmd: 'v', reloadCmd: 'r', wait: { minMs: 1000, maxMs: 4000 } };
    expect(resources).toMatchObject([
      { name: 'lb/edge#1', dest: '/tmp/a', position: { line: 6 }, ...shared },
      { name: 'lb/edge#2', dest: '/tmp/b', position: { line: 9 }, ...shared },
    ]);
  });

  it('of one item each come from a for_each, whose key never chooses a folder', async () => {
    const parent = await only(
      template('for_each = "/sites/*/"', 'prefix = "/p"', 'keys = ["/sites/{{.name}}", "/global"]').replace(
        '/tmp/a.conf',
        '/tmp/{{ .name }}.conf',
      ),
    );
    expect(parent).toMatchObject({
      forEach: { glob: '/sites/*', root: '/p/sites', prune: true },
      subtrees: ['/p/sites', '/p/global'],
      dest: '/tmp/{{ .name }}.conf',
      minEntries: 1,
    });
    if (parent === undefined) return;
    expect(instanceOf(parent, '/sites/x')).toMatchObject({
      name: 'a[/sites/x]',
      dest: '/tmp/x.conf',
      subtrees: ['/p/sites/x', '/p/global'],
      forEach: undefined,
      item: { of: 'a', key: '/sites/x', name: 'x' },
    });
    for (const key of ['/sites/..', '/sites/a\nb', '/sites/', `/sites/${'x'.repeat(251)}`]) {
      expect(instanceOf(parent, key), key).toEqual({ wrong: expect.stringMatching(/is left out$/) });
    }
  });
});

describe('the environment', () => {
  it(`stands for \${NAME} in paths, keys and owners, never in commands`, async () => {
    const content = template(
      `keys = ["/\${ENV}/a", "/b\${NO:-}"]`,
      `owner = "\${USER_OF}"`,
      `reload_cmd = "reload \${ENV} $\${X}"`,
    ).replace('/tmp/a.conf', () => `/tmp/\${ENV}/\${NO:-app}$\${X}.conf`);
    const found = await only(content, { env: { ENV: 'prod', USER_OF: 'web', NO: undefined } });
    expect(found).toMatchObject({
      dest: `/tmp/prod/app\${X}.conf`,
      subtrees: ['/prod/a', '/b'],
      owner: 'web',
      reloadCmd: `reload \${ENV} $\${X}`,
    });
  });

  it.each([
    ['replace', 'prefix_mode = "replace"', undefined, '/g'],
    ['join', 'prefix_mode = "join"', undefined, '/g/p'],
    ['the default, confd’s', '', undefined, '/g'],
    ['the daemon’s, where the resource says nothing', '', 'join', '/g/p'],
    ['its own before the daemon’s', 'prefix_mode = "replace"', 'join', '/g'],
  ] as const)(
    'has a prefix that the global one meets as prefix_mode says: %s',
    async (_name, line, mode, prefix) => {
      const found = await only(template('prefix = "p"', line), { prefix: 'g', prefixMode: mode });
      expect(found?.prefix).toBe(prefix);
    },
  );
});

describe('a problem', () => {
  it.each([
    ['mode = 0644', '4:12 error mode: TOML numbers can\'t begin with 0: write mode = "0644"'],
    ['mode = 0644 # all', '4:12 error mode: TOML numbers can\'t begin with 0: write mode = "0644"'],
    ['mode = 644', '4:8 error mode must be octal text: write mode = "0644"'],
    ['mode = 0o755', '4:8 error mode must be octal text: write mode = "0755"'],
    ['mode = true', '4:8 error mode must be octal text: write mode = "0644"'],
    ['mode = "0888"', '4:8 error mode is the text "0888": expected octal text such as mode = "0644"'],
    ['mode = "644"', '4:8 warning mode = "644" is read as octal: write mode = "0644"'],
    [
      'reload_command = "x"',
      /^4:1 error unknown key reload_command: known are src, dest, prefix, prefix_mode, keys, /,
    ],
    ['check_cmmd = "x"', '4:1 error unknown key check_cmmd: did you mean check_cmd?'],
    ['  "é\\n" = 1', /^4:3 error unknown key é\\n: /],
    ['keys = "/a"', '4:8 error keys is the text "/a": expected a list of texts, such as keys = ["/a", "/b"]'],
    ['keys = [\n  "/a", # one\n  2]', '6:3 error keys[1] is 2: expected text in quotes'],
    ['prefix = 3', '4:10 error prefix is 3: expected text in quotes, such as prefix = "…"'],
    ['check_cmd = ""', '4:13 error check_cmd is empty: leave it out, or write a command'],
    ['check_cmd = []', /^4:13 error check_cmd names no program: /],
    ['check_cmd = "a\\u0000b"', '4:13 error check_cmd holds a NUL character: remove it'],
    [
      'uid = "root"',
      '4:7 error uid is the text "root": expected a whole number from -1 to 4294967294, without quotes',
    ],
    ['uid = 4294967295', '4:7 error uid is 4294967295: expected a number from -1 to 4294967294'],
    ['owner = "a"\nuid = 1', '5:7 error owner and uid both name the owner: keep one'],
    ['min_entries = 99999999999999999999', /^4:15 error min_entries is 99999999999999999999: expected/],
    [
      'create_dest_dirs = "yes"',
      '4:20 error create_dest_dirs is the text "yes": expected true or false, without quotes',
    ],
    ['on_drift = "fix"', '4:12 error on_drift is the text "fix": expected "repair" or "report"'],
    [
      'check_cmd_timeout = "10"',
      /^4:21 error check_cmd_timeout is the text "10": expected a duration such as/,
    ],
    ['check_cmd_timeout = 0', /^4:21 error check_cmd_timeout is 0: expected a duration/],
    ['check_cmd_timeout = -1', /^4:21 error check_cmd_timeout is -1: expected a duration/],
    ['check_cmd_timeout = "25h"', '4:21 error check_cmd_timeout is longer than 24h, the most there is'],
    ['wait = "5s"', /^4:8 error wait is the text "5s": expected a table such as wait = \{ min/],
    ['wait = { max = "5s" }', /^4:1 error wait misses min/],
    ['wait = { min = "5s", max = "1s" }', '4:28 error max is shorter than min: raise max or lower min'],
    ['wait = { min = "5s", mix = "1s" }', '4:22 error unknown key mix: did you mean min?'],
    ['[hook]\ncommand = "x"', '4:1 error hook must be a list of tables: write [[hook]]'],
    ['[[hook]]\ntimeout = "1s"', '4:1 error command is missing: write command = "…" under [[hook]]'],
    ['keys = []\nmode = 1979-13-45T00:00:00Z\nuid = 1', '5:1 error not valid TOML: Invalid Datetime'],
    ['[other]', '4:1 error unknown key other: known are template, group, hook'],
    ['missing_key = "warn"', /^4:15 error missing_key is the text "warn": expected "error" or "zero"/],
    ['output_format = "ini"', /^4:17 error output_format is the text "ini": expected "json" or "yaml" or/],
    ['backup = 101', '4:10 error backup is 101: expected a number from 0 to 100'],
    ['rollback_on_reload_failure = true', /^4:30 error rollback_on_reload_failure needs a reload_cmd/],
    ['prefix_mode = "append"', '4:15 error prefix_mode is the text "append": expected "replace" or "join"'],
    ['prune = true', '4:9 error prune is for templates with a for_each: add one, or leave prune out'],
    ['for_each = "/sites/*"', /^3:8 error dest is the same for every item of for_each: write \{\{name\}\}/],
    ['for_each = "/sites"', /^4:12 error for_each = "\/sites" matches one key at most: write a glob/],
  ])('names line, column and key: %s', async (line, expected) => {
    const found = await problems(template(line));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(expected);
  });

  it.each([
    ['[template]\ndest = "/tmp/x"', '1:1 error src is missing: write src = "nginx.hbs" under [template]'],
    ['[template]\nsrc = "x.hbs"', '1:1 error dest is missing: write dest = "/etc/app.conf" under [template]'],
    ['[template]\nsrc = ""\ndest = "/x"', '2:7 error src is empty: leave it out, or write a value'],
    ['[template]\nsrc = "../x.hbs"\ndest = "/x"', /^2:7 error src = "..\/x.hbs" must be a file under /],
    ['[template]\nsrc = "/x.hbs"\ndest = "/x"', /^2:7 error src = "\/x.hbs" must be a file under /],
    [
      '[template]\nsrc = "x.hbs"\ndest = "/etc/"',
      '3:8 error dest = "/etc/" names a folder: add the file\'s name',
    ],
    ['[template]\nsrc = "x.hbs"\ndest = "."', '3:8 error dest = "." names a folder: add the file\'s name'],
    ['src = "x"', '1:1 error unknown key src: it belongs under a line [template]'],
    ['[[template]]\nsrc = "x"', '1:1 error dest is missing: write dest = "/etc/app.conf" under [template]'],
    ['[[group]]\nname = "g"', /^1:1 error a group without files: write \[\[group.template\]\]/],
    ['[[group]]\nsrc = "x"', /^1:1 error a group without files/],
    [
      '[[group]]\nreload_cmd = "r {{.dest}}"\n[[group.template]]\nsrc = "x.hbs"\ndest = "/x"',
      /^2:14 error reload_cmd of a group is about all of its files/,
    ],
    [
      '[[group]]\n[[group.template]]\nsrc = "x.hbs"\ndest = "/x"\nreload_cmd = "r"',
      '5:1 error unknown key reload_cmd: it belongs under the line [[group]], for all of its files',
    ],
    [`[template]\nsrc = "x"\ndest = "/\${NO}"`, /^3:8 error dest: the environment variable NO isn't set/],
    [
      `[template]\nsrc = "x"\ndest = "/\${a b}"`,
      /^3:8 error dest: "\$\{a b\}" is no variable: write \$\{NAME\}/,
    ],
    [`[template]\nsrc = "x"\ndest = "/\${A"`, /^3:8 error dest: "\$\{A" is no variable/],
    ['template = 1', /^1:12 error template is 1: expected a table/],
    ['# nothing\n', /^1:1 warning nothing in it/],
    ['[template\nsrc = 1', /^1:10 error not valid TOML: /],
    ['[template]\nsrc = nginx', '2:8 error src: text needs quotes: write src = "nginx"'],
    ['[template]\nsrc = "a"\nsrc = "b"', /^3:\d+ error not valid TOML: /],
    ['__proto__ = 1\nconstructor = 2', /^1:1 error unknown key __proto__/],
  ])('is told of a whole file: %j', async (content, expected) => {
    expect((await problems(content))[0]).toMatch(expected);
  });

  it('tells where a file stops being UTF-8', async () => {
    const bytes = Buffer.concat([
      Buffer.from('# é \ufffd\n[template]\nsrc = "'),
      Buffer.from([0xe9]),
      Buffer.from('"\n'),
    ]);
    expect(await problems(bytes)).toEqual(['3:8 error not UTF-8 text: save the file in that encoding']);
  });

  it('leaves the other resources alone, and takes nothing from its own file', async () => {
    await write('bad.toml', template('[[hook]]', 'command = "true"', '[nonsense]'));
    await write('deep/good.toml', template());
    const { resources, hooks, problems } = await load(root);
    expect(resources.map(({ name }) => name)).toEqual(['deep/good']);
    expect(hooks).toEqual([]);
    expect(problems.map(formatProblem)).toEqual([
      `${root}/conf.d/bad.toml:6:1: unknown key nonsense: known are template, group, hook`,
    ]);
  });

  it('bounds their number a file', async () => {
    const found = await problems(Array.from({ length: 1000 }, (_, at) => `key${at} = 1`).join('\n'));
    expect(found).toHaveLength(50);
  });
});

describe('the folder', () => {
  it('without files says so', async () => {
    expect((await load(root)).problems).toMatchObject([
      { severity: 'warning', message: expect.stringMatching('^Found no templates') },
    ]);
  });

  it('that is missing, or is a file, says so', async () => {
    await rm(join(root, 'conf.d'), { recursive: true });
    expect((await load(root)).problems).toMatchObject([
      { severity: 'warning', message: expect.stringContaining('does not exist') },
    ]);
    await writeFile(join(root, 'conf.d'), '');
    expect((await load(root)).problems).toMatchObject([
      { severity: 'error', message: expect.stringContaining('not a folder') },
    ]);
  });

  it('is read through links, each folder once, dotted names left out', async () => {
    await write('..data/web.toml', template());
    await symlink('..data/web.toml', join(root, 'conf.d/web.toml'));
    await symlink('.', join(root, 'conf.d/loop'));
    await write('.#web.toml', 'an editor’s lock');
    const { resources, problems } = await load(root);
    expect(problems).toEqual([]);
    expect(resources.map(({ name }) => name)).toEqual(['web']);
  });

  it('names links to nowhere and what isn’t a file', async () => {
    await symlink('nowhere', join(root, 'conf.d/a.toml'));
    await symlink('/dev/null', join(root, 'conf.d/b.toml'));
    const { problems } = await load(root);
    expect(problems.map(({ message }) => message)).toEqual([
      'gone, or a link to a file that does not exist',
      'not a regular file: remove it from conf.d',
    ]);
  });

  it.skipIf(process.getuid?.() === 0)('names files that it may not read', async () => {
    await chmod(await write('a.toml', template()), 0);
    expect((await load(root)).problems).toMatchObject([
      { message: expect.stringContaining('no permission') },
    ]);
  });
});

describe('a hook', () => {
  it('stands alone or beside a template', async () => {
    await write(
      'web.toml',
      template(
        '[[hook]]',
        'command = "a"',
        '[[hook]]',
        'keys = ["x"]',
        'prefix = "/p"',
        'command = ["b"]',
        'timeout = 3',
      ),
    );
    await write('x/alone.toml', '[[hook]]\ncommand = "c"');
    const { resources, hooks, problems } = await load(root);
    expect([problems, resources.length]).toEqual([[], 1]);
    expect(hooks).toMatchObject([
      { name: 'web#1', prefix: '', subtrees: [''], command: 'a', timeoutMs: 60_000, position: { line: 4 } },
      {
        name: 'web#2',
        prefix: '/p',
        subtrees: ['/p/x'],
        command: ['b'],
        timeoutMs: 3_000,
        position: { line: 6 },
      },
      { name: 'x/alone#1', command: 'c' },
    ]);
  });
});

describe('ownership', () => {
  const at = (dest: string) => template().replace('/tmp/a.conf', dest);

  it('refuses both of two claimants, by the real parent', async () => {
    await mkdir(join(root, 'out'));
    await symlink('out', join(root, 'link'));
    await write('a.toml', at(`${root}/out/x.conf`));
    await write('b.toml', at(`${root}/link/x.conf`));
    await write('c.toml', at(`${root}/out/y.conf`));
    const { resources, problems, refused } = await load(root);
    expect(resources.map(({ name }) => name)).toEqual(['c']);
    expect(refused?.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(problems.map(({ message }) => message)).toEqual([
      `dest ${root}/out/x.conf is claimed by ${root}/conf.d/b.toml:1 too: neither is rendered until one is changed`,
      `dest ${root}/link/x.conf is claimed by ${root}/conf.d/a.toml:1 too: neither is rendered until one is changed`,
    ]);
  });

  it('refuses a destination inside conf.d, templates or the data folder, through links and missing folders', async () => {
    await symlink('conf.d', join(root, 'link'));
    await write('a.toml', at(`${root}/link/x.toml`));
    await write('b.toml', at(`${root}/templates/deep/b.hbs`));
    await write('c.toml', at(`${root}/data/render/x`));
    await write('d.toml', at(`${root}/data-other`));
    const { resources, problems } = await load(root, { dataFolder: join(root, 'data') });
    expect(resources.map(({ name }) => name)).toEqual(['d']);
    expect(problems.map(({ message }) => message.replace(/^.* lies inside (.*?) \/.*$/, '$1'))).toEqual([
      'the conf.d folder',
      'the templates folder',
      'the data folder',
    ]);
  });

  it('keeps what a broken file last said, unless another resource took its destination', async () => {
    await write('a.toml', at('/tmp/a'));
    await write('b.toml', at('/tmp/b'));
    await write('c.toml', at('/tmp/c'));
    const first = await load(root);
    await write('a.toml', 'broken');
    await write('b.toml', 'broken');
    await write('c.toml', at('/tmp/b'));
    const second = await carryOver(first, await load(root), reservedFolders(root, {}));
    expect(second.resources.map(({ name, dest }) => `${name} ${dest}`)).toEqual(['a /tmp/a']);
    expect(second.refused?.map(({ name }) => name)).toEqual(['c', 'b']);

    await write('b.toml', at('/tmp/a'));
    await write('a.toml', at('/tmp/a'));
    const third = await carryOver(second, await load(root), reservedFolders(root, {}));
    expect(third.resources.map(({ name, dest }) => `${name} ${dest}`)).toEqual(['c /tmp/b']);

    await rm(join(root, 'conf.d/b.toml'));
    const fourth = await carryOver(third, await load(root), reservedFolders(root, {}));
    expect(fourth.resources.map(({ name, dest }) => `${name} ${dest}`)).toEqual(['a /tmp/a', 'c /tmp/b']);
  });
});
