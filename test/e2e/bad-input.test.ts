import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { Client } from '../../src/client/client.js';
import { NodeClock } from '../../src/io/node/clock.js';
import { NodeRandom } from '../../src/io/node/random.js';
import { Daemon, fileThat, runConfetd, scratch, writeFiles } from '../daemon.js';
import { startEtcd } from '../etcd.js';
import { peer } from '../peers.js';

interface Bad {
  /** Lines of its [template]; or the whole file of conf.d. */
  readonly lines?: readonly string[];
  readonly file?: string | Buffer;
  readonly templates?: Readonly<Record<string, string | Buffer>>;
  /** What is said of it: the file and the place, and what is wrong. */
  readonly told: RegExp;
}

const servers: ReturnType<typeof createServer>[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

/** Whatever people write that can't be: each in a resource of its own, beside one that is fine. */
async function badFolder(folder: string): Promise<Readonly<Record<string, Bad>>> {
  const out = (name: string) => `dest = "${folder}/out/${name}"`;
  mkdirSync(join(folder, 'out/a-folder'), { recursive: true });
  mkdirSync(join(folder, 'real'));
  symlinkSync('../real', join(folder, 'out/linked-folder'));
  symlinkSync('../real/one', join(folder, 'out/linked-file'));
  execFileSync('mkfifo', [join(folder, 'out/a-pipe')]);
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(join(folder, 'out/a-socket'), resolve);
  });
  const bad: Record<string, Bad> = {
    'recursion-go': {
      lines: ['src = "r.tmpl"', out('recursion-go')],
      templates: { 'r.tmpl': '{{define "r"}}\n{{template "r" .}}{{end}}{{template "r" .}}' },
      told: /template: r\.tmpl:2:11: executing "r" at <\{\{template "r" \.\}\}>: exceeded maximum template depth \(500\)/,
    },
    'recursion-hbs': {
      lines: ['src = "r.hbs"', out('recursion-hbs')],
      templates: { 'r.hbs': 'x\n{{> r}}' },
      told: /r\.hbs:2:\d+: .*(?:itself|partials in one another)/,
    },
    'include-cycle': {
      lines: ['src = "ia.tmpl"', out('include-cycle')],
      templates: { 'ia.tmpl': '{{include "ib.tmpl"}}', 'ib.tmpl': '{{include (print "ia" ".tmpl")}}' },
      told: /ib\.tmpl:1:2: .*include cycle detected: ia\.tmpl is already being processed/,
    },
    'partial-cycle': {
      lines: ['src = "pa.hbs"', out('partial-cycle')],
      templates: { 'pa.hbs': '{{> pb}}', 'pb.hbs': '{{> pa}}' },
      told: /p[ab]\.hbs:1:\d+: .*(?:itself|partials in one another)/,
    },
    'not-utf8-go': {
      lines: ['src = "latin1.tmpl"', out('not-utf8-go')],
      templates: { 'latin1.tmpl': Buffer.from('one\ncaf\xe9', 'latin1') },
      told: /latin1\.tmpl, is not UTF-8: see line 2/,
    },
    'not-utf8-hbs': {
      lines: ['src = "latin1.hbs"', out('not-utf8-hbs')],
      templates: { 'latin1.hbs': Buffer.from('one\ncaf\xe9', 'latin1') },
      told: /latin1\.hbs:2:4: not UTF-8 text/,
    },
    'src-outside': {
      lines: ['src = "../../etc/passwd"', out('src-outside')],
      told: /src-outside\.toml:2:7: src = "\.\.\/\.\.\/etc\/passwd" must be a file under/,
    },
    'include-outside': {
      lines: ['src = "io.tmpl"', out('include-outside')],
      templates: { 'io.tmpl': '\n{{include "../x"}}' },
      told: /io\.tmpl:2: include path "\.\.\/x" is outside template directory/,
    },
    'partial-outside': {
      lines: ['src = "po.hbs"', out('partial-outside')],
      templates: { 'po.hbs': '\n{{> ../x}}' },
      told: /po\.hbs:2:\d+: /,
    },
    'src-pipe': {
      lines: ['src = "pipe.tmpl"', out('src-pipe')],
      told: /pipe\.tmpl, can't be read: not a regular file/,
    },
    'dest-folder': {
      lines: ['src = "good.tmpl"', out('a-folder')],
      told: /dest-folder\.toml:1: dest \S+a-folder is not a regular file but a folder, a device, a pipe or a socket/,
    },
    'dest-device': {
      lines: ['src = "good.tmpl"', 'dest = "/dev/null"'],
      told: /dest-device\.toml:1: dest \/dev\/null is not a regular file/,
    },
    'dest-pipe': {
      lines: ['src = "good.tmpl"', out('a-pipe')],
      told: /dest-pipe\.toml:1: dest \S+a-pipe is not a regular file/,
    },
    'dest-socket': {
      lines: ['src = "good.tmpl"', out('a-socket')],
      told: /dest-socket\.toml:1: dest \S+a-socket is not a regular file/,
    },
    'dest-twice': {
      lines: ['src = "good.tmpl"', `dest = "${folder}/real/one"`],
      told: /dest-twice\.toml:1:1: dest \S+ is claimed by \S+dest-thrice\.toml:1, \S+dest-via-link\.toml:1 too/,
    },
    'dest-thrice': {
      lines: ['src = "good.tmpl"', out('linked-folder/one')],
      told: /dest-thrice\.toml:1:1: dest \S+ is claimed by /,
    },
    'dest-via-link': {
      lines: ['src = "good.tmpl"', out('linked-file')],
      told: /dest-via-link\.toml:1:1: dest \S+ is claimed by /,
    },
    'dest-confd': {
      lines: ['src = "good.tmpl"', `dest = "${folder}/conf.d/new.toml"`],
      told: /dest-confd\.toml:1:1: dest \S+ lies inside the conf\.d folder/,
    },
    'dest-templates': {
      lines: ['src = "good.tmpl"', `dest = "${folder}/templates/new.tmpl"`],
      told: /dest-templates\.toml:1:1: dest \S+ lies inside the templates folder/,
    },
    garbage: {
      file: Buffer.from(Array.from({ length: 4096 }, (_, at) => (at * 2_654_435_761) >>> 24)),
      told: /garbage\.toml:1:\d+: not UTF-8 text/,
    },
    huge: {
      file: Buffer.alloc(10 << 20, '# ten megabytes\n'),
      told: /huge\.toml: longer than 1048576 bytes/,
    },
    'duplicate-key': {
      file: '[template]\nsrc = "good.tmpl"\nsrc = "good.tmpl"\ndest = "/tmp/x"\n',
      told: /duplicate-key\.toml:3:\d+: .*(?:redefine|src)/,
    },
    'wait-and-debounce': {
      lines: ['src = "good.tmpl"', out('wait'), 'wait = { min = "1s" }', 'debounce = "1s"'],
      told: /wait-and-debounce\.toml:5:12: debounce and wait both say how long to wait/,
    },
  };
  writeFiles(folder, {
    'templates/good.tmpl': '{{getv "/a"}}\n',
    'templates/regex.tmpl': '{{regexMatch "^(a+)+$" (getv "/as")}}\n',
    'conf.d/good.toml': `[template]\nsrc = "good.tmpl"\n${out('good')}\n`,
    // Other engines take the age of the universe for it: here it is no bad input at all.
    'conf.d/regex.toml': `[template]\nsrc = "regex.tmpl"\n${out('regex')}\n`,
  });
  execFileSync('mkfifo', [join(folder, 'templates/pipe.tmpl')]);
  for (const [name, { lines, file, templates }] of Object.entries(bad)) {
    writeFileSync(
      join(folder, `conf.d/${name}.toml`),
      file ?? ['[template]', ...(lines ?? []), ''].join('\n'),
    );
    for (const [path, text] of Object.entries(templates ?? {}))
      writeFileSync(join(folder, 'templates', path), text);
  }
  return bad;
}

const AS = `${'a'.repeat(20_000)}!`;

describe('bad input', () => {
  test('in one pass: each is told with its file and place, everything else is rendered, exit 1', async () => {
    const folder = scratch();
    const bad = await badFolder(folder);
    writeFiles(folder, { 'keys.json': JSON.stringify({ a: 'fine', as: AS }) });
    const { code, stderr } = await runConfetd(
      ['--onetime', '--backend', 'file', '--file', join(folder, 'keys.json'), '--confdir', folder],
      { cwd: folder, timeoutMs: 30_000 },
    );
    expect(code).toBe(1);
    for (const [name, { told }] of Object.entries(bad)) expect(stderr, name).toMatch(told);
    expect(readFileSync(join(folder, 'out/good'), 'utf8')).toBe('fine\n');
    expect(readFileSync(join(folder, 'out/regex'), 'utf8')).toBe('false\n');
    for (const [name, { lines = [] }] of Object.entries(bad))
      if (lines.some((line) => line.endsWith(`/out/${name}"`)))
        expect(existsSync(join(folder, 'out', name)), name).toBe(false);
    expect(existsSync(join(folder, 'real/one'))).toBe(false);
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
    expect(statSync(join(folder, 'out/a-pipe')).isFIFO()).toBe(true);
    expect(statSync(join(folder, 'out/a-socket')).isSocket()).toBe(true);
  }, 60_000);

  test('in a daemon: it goes on, follows what is fine, and takes up what was mended', async () => {
    const folder = scratch();
    const bad = await badFolder(folder);
    const dataDir = join(folder, 'data');
    writeFiles(folder, {
      'conf.d/dest-data.toml': `[template]\nsrc = "good.tmpl"\ndest = "${dataDir}/member/x"\n`,
    });
    const daemon = await Daemon.start({ dataDir, args: ['--confdir', folder] });
    await daemon.confetctl('put', '/as', AS);
    await daemon.confetctl('put', '/a', 'fine');
    await fileThat(join(folder, 'out/good'), (text) => text === 'fine\n');
    await fileThat(join(folder, 'out/regex'), (text) => text === 'false\n');
    await daemon.process.until(
      () => Object.values(bad).every(({ told }) => told.test(unescaped(daemon.process.stderr))),
      `a word about each of ${Object.keys(bad).join(', ')}`,
    );
    await daemon.process.printed(/dest-data\.toml:1:1: dest \S+ lies inside the data folder/);
    rmSync(join(folder, 'templates/r.hbs'));
    writeFiles(folder, { 'templates/r.hbs': 'mended {{getv "/a"}}', 'conf.d/huge.toml': '' });
    await fileThat(join(folder, 'out/recursion-hbs'), (text) => text === 'mended fine');
    await daemon.confetctl('put', '/a', 'on');
    await fileThat(join(folder, 'out/good'), (text) => text === 'on\n');
    expect(daemon.process.running).toBe(true);
    expect((await daemon.stop()).code).toBe(0);
  }, 60_000);
});

/** JSON lines have their quotes escaped. */
function unescaped(lines: string): string {
  return lines.replaceAll('\\"', '"').replaceAll('\\n', '\n');
}

describe('a 100 MB value', () => {
  const value = 'x'.repeat(100 << 20);

  test('from a file: what prints it is refused at its place, everything else is rendered', async () => {
    const folder = scratch();
    writeFiles(folder, {
      'keys.json': JSON.stringify({ a: 'fine', big: value }),
      'templates/good.tmpl': '{{getv "/a"}}',
      'templates/big.tmpl': 'one\n{{getv "/big"}}',
      'templates/big.hbs': 'one\n{{getv "/big"}}',
      'templates/file.tmpl': `\n{{file "${folder}/keys.json"}}`,
      ...Object.fromEntries(
        ['good.tmpl', 'big.tmpl', 'big.hbs', 'file.tmpl'].map((name) => [
          `conf.d/${name}.toml`,
          `[template]\nsrc = "${name}"\ndest = "${folder}/${name}.out"\n`,
        ]),
      ),
    });
    const once = (keys: string) =>
      runConfetd(['--onetime', '--backend', 'file', '--file', join(folder, keys), '--confdir', folder], {
        cwd: folder,
        timeoutMs: 60_000,
      });
    const { code, stderr } = await once('keys.json');
    expect(code).toBe(1);
    expect(stderr).toContain(
      'executing "big.tmpl" at <getv "/big">: error calling getv: the output passes its limit',
    );
    expect(stderr).toMatch(/big\.hbs:2:3: getv: the output passes its limit of 67108864 bytes/);
    expect(stderr).toMatch(/file\.tmpl:2:2: .*larger than 4194304 bytes/);
    expect(readFileSync(join(folder, 'good.tmpl.out'), 'utf8')).toBe('fine');
    for (const name of ['big.tmpl', 'big.hbs', 'file.tmpl'])
      expect(existsSync(join(folder, `${name}.out`))).toBe(false);
    writeFileSync(join(folder, 'keys.yaml'), `a: changed\nbig: "${value}"\n`);
    const yaml = await once('keys.yaml');
    expect([yaml.code, readFileSync(join(folder, 'good.tmpl.out'), 'utf8')]).toEqual([1, 'fine']);
    expect(yaml.stderr).toMatch(/keys\.yaml: longer than 67108864 bytes: write it as JSON/);
  }, 120_000);
});

/** A key and a value that aren't UTF-8, in `endpoint`'s store. */
async function putBytes(endpoint: string): Promise<void> {
  const client = new Client({ endpoints: [endpoint], clock: new NodeClock(), random: new NodeRandom() });
  try {
    for (const [key, value] of [
      [Buffer.from('/k/\xff\xfe', 'latin1'), Buffer.from('one')],
      [Buffer.from('/k/\xff\xfd', 'latin1'), Buffer.from('two')],
      [Buffer.from('/k/text'), Buffer.from([0x80, 0xff, 0x00, 0x0a])],
      [Buffer.from('/a'), Buffer.from('fine')],
    ] as const)
      await client.put({ key, value });
  } finally {
    client.close();
  }
}

function bytesFolder(folder: string): void {
  writeFiles(folder, {
    'templates/good.tmpl': '{{getv "/a"}}',
    'templates/k.tmpl': '{{range gets "/k/*"}}{{base .Key}}={{.Value}};{{end}}',
    'templates/k.hbs': '{{#gets "/k/*"}}{{base key}}={{{value}}};{{/gets}}',
    'templates/each.tmpl': '{{getenv "CONFETD_NAME"}}',
    'conf.d/each.toml': `[template]\nsrc = "each.tmpl"\ndest = "${folder}/each-{{name}}"\nfor_each = "/k/*"\n`,
    ...Object.fromEntries(
      ['good.tmpl', 'k.tmpl', 'k.hbs'].map((name) => [
        `conf.d/${name}.toml`,
        `[template]\nsrc = "${name}"\ndest = "${folder}/${name}.out"\n`,
      ]),
    ),
  });
}

const BYTES = Buffer.from('\xff\xfd=two;\xff\xfe=one;text=\x80\xff\x00\x0a;', 'latin1');

/** The pairs of a rendered list, in whatever order keys that are no text sort. */
const pairsOf = (content: Buffer) => content.toString('latin1').split(';').sort();

function expectBytes(folder: string): void {
  for (const name of ['k.tmpl', 'k.hbs'])
    expect(pairsOf(readFileSync(join(folder, `${name}.out`))), name).toEqual(pairsOf(BYTES));
  expect(readFileSync(join(folder, 'each-text'), 'utf8')).toBe('text');
}

describe('a key that isn’t UTF-8', () => {
  test('from the daemon: two of them stay two, a file is byte for byte, and no file is named after one', async () => {
    const folder = scratch();
    bytesFolder(folder);
    const daemon = await Daemon.start({ args: ['--confdir', folder] });
    await putBytes(daemon.endpoint);
    await fileThat(join(folder, 'good.tmpl.out'), (text) => text === 'fine');
    await fileThat(join(folder, 'each-text'), (text) => text === 'text');
    expectBytes(folder);
    await daemon.process.printed(/for_each of each: the item .* makes no file name: it is left out/);
    await daemon.stop();
  });

  test.skipIf(peer('etcd') === undefined)('from a real etcd, in one pass', async () => {
    const folder = scratch();
    bytesFolder(folder);
    const etcd = await startEtcd();
    await putBytes(etcd.endpoint);
    const { code, stderr } = await runConfetd(
      ['--onetime', '--backend', 'etcdv3', '--node', etcd.endpoint, '--confdir', folder],
      { cwd: folder },
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/for_each of each: the item .* makes no file name: it is left out/);
    expectBytes(folder);
    await etcd.stop();
  });
});
