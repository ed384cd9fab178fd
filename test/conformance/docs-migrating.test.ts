import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONFD_FLAGS, FOREIGN_BACKENDS } from '../../src/main/confd-flags.js';
import { readConfig } from '../../src/main/config.js';
import { readConfigFile } from '../../src/main/config-file.js';
import { DAEMON_FLAGS } from '../../src/main/flags.js';
import { run } from '../child.js';
import { runConfetd, scratch, writeFiles } from '../daemon.js';
import { type Folder, foldersOf, HERE, type Output, worldOf } from './migration-page.js';
import { fencesOf } from './resource-page.js';
import { Rpc } from './rpc.js';
import { KINDS, type Server, startServer } from './servers.js';

const markdown = readFileSync('docs/migrating-from-confd.md', 'utf8');
const folders = foldersOf(markdown);
const cases = folders.map((folder) => [folder.title, folder] as const);

/** Runs what the page shows, with `confetd` in confd's place. */
async function follow(
  folder: Folder,
  endpoint = '',
): Promise<{ readonly root: string; readonly code: number | null; readonly stderr: string }> {
  const root = scratch();
  const here = (text: string): string => text.replaceAll(HERE, root);
  writeFiles(
    root,
    Object.fromEntries(
      Object.entries(folder.files).map(([path, text]) => [path.slice(HERE.length), here(text)]),
    ),
  );
  mkdirSync(join(root, 'out'), { recursive: true });
  mkdirSync(join(root, 'bin'));
  symlinkSync(resolve('bin/confetd.cjs'), join(root, 'bin/confetd'));
  const command = here(folder.command)
    .replace(/(^|\s)confd(?=\s)/, '$1confetd')
    .replace('127.0.0.1:2379', endpoint);
  const { code, stderr } = await run('/bin/sh', ['-c', `${command}`], {
    cwd: root,
    env: { PATH: `${join(root, 'bin')}:${process.env.PATH}` },
  });
  return { root, code, stderr };
}

async function comesOut(folder: Folder, endpoint?: string): Promise<void> {
  const { root, code, stderr } = await follow(folder, endpoint);
  expect(code, stderr).toBe(folder.exitCode);
  for (const { path, text, mode } of folder.outputs) {
    const file = join(root, path.slice(HERE.length));
    expect(readFileSync(file, 'utf8'), path).toBe(text.replaceAll(HERE, root));
    if (mode !== undefined) expect(statSync(file).mode & 0o7777).toBe(mode);
  }
  const names = folder.outputs.map(({ path }) => path.slice(`${HERE}/out/`.length));
  expect(readdirSync(join(root, 'out')).toSorted()).toEqual(names.toSorted());
}

describe('each folder of docs/migrating-from-confd.md renders as confd does', () => {
  const stored = cases.filter(([, { keys }]) => keys.size > 0);
  test.each(cases.filter(([, { keys }]) => keys.size === 0))('%s', (_, folder) => comesOut(folder));

  describe.each(KINDS)('from %s', (kind) => {
    let server: Server & { stop(): Promise<void> };
    beforeAll(async () => {
      server = await startServer(kind);
    });
    afterAll(() => server?.stop());

    test.each(stored)('%s', async (_, folder) => {
      const rpc = new Rpc(server.endpoint);
      await rpc.del('\0', { rangeEnd: Buffer.from([0]) });
      for (const [key, value] of folder.keys) await rpc.put(key, value);
      rpc.close();
      await comesOut(folder, server.endpoint);
    });
  });

  test('there is one of each kind', () => {
    expect(cases.map(([title]) => title)).toEqual([
      'One resource with a check and a reload',
      'Several resources, with a prefix',
      'The env backend',
      'The file backend with JSON, from several files',
      'etcd, with a loop over services for nginx',
      'etcd, with a loop over services for HAProxy',
      'JSON values',
      'Keys with defaults',
      '`owner` and `mode`',
      '`-noop` and `-keep-stage-file`',
      'A key that is missing',
      'confd.toml',
    ]);
    for (const { title, outputs, command } of folders) {
      expect([title, outputs.length > 0]).toEqual([title, true]);
      expect(command).toMatch(/(^|\s)confd\s/);
    }
  });
});

const go = spawnSync('go', ['version']).status === 0;
if (!go) process.stderr.write('skipped: go is not installed (Debian: apt-get install golang-go)\n');

/** The functions are a model of confd's; the language, and what it prints, is Go's own. */
describe.skipIf(!go)('the page’s files are what Go’s text/template makes of the same keys', () => {
  const program = join(scratch(), 'generator');
  beforeAll(() => {
    const built = spawnSync('go', ['build', '-o', program, '.'], {
      cwd: 'test/fixtures/gotemplate/generator',
      encoding: 'utf8',
    });
    if (built.status !== 0) throw new Error(built.stderr);
  }, 120_000);

  const made = folders.flatMap((folder) =>
    folder.outputs
      .filter(({ template }) => template !== undefined)
      .map((output) => [folder.title, output.path, folder, output] as const),
  );
  test.each(made)('%s: %s', (_title, _path, folder, output) => {
    expect(renderedByGo(folder, output)).toEqual({ out: output.text, err: null });
  });

  function renderedByGo(folder: Folder, output: Output): { readonly out: unknown; readonly err: unknown } {
    const data = join(scratch(), 'data.json');
    writeFileSync(data, JSON.stringify(worldOf(folder, output)));
    const input = `${JSON.stringify(folder.files[`${HERE}/confd/templates/${output.template}`])}\n`;
    const { stdout, stderr } = spawnSync(program, [data], { input, encoding: 'utf8' });
    const answer: unknown = JSON.parse(stdout || JSON.stringify({ err: stderr }));
    if (typeof answer !== 'object' || answer === null || !('out' in answer) || !('err' in answer))
      throw new Error(stderr);
    return { out: answer.out, err: answer.err };
  }
});

describe('what the page says of the command line', () => {
  const rows = [...markdown.matchAll(/^\| `([\w-]+)` \| (?:`([\w-]+)`)? ?\| ([^|]+) \| ([^|]+) \|$/gm)].map(
    ([, flag = '', key = '', theirs = '', ours = '']) => ({ flag, key, theirs, ours }),
  );
  /** Those that confd doesn't have. */
  const own = ['prefix-mode', 'diff', 'diff-context', 'color', 'render-timeout', 'max-output-bytes'];

  test('every flag of confd is there, and no other', () => {
    const flags = [...Object.keys(CONFD_FLAGS), 'log-level'].filter((flag) => !own.includes(flag));
    expect(rows.map(({ flag }) => flag).toSorted()).toEqual(flags.toSorted());
  });

  test.each(rows.map((row) => [row.flag, row] as const))(
    '--%s has the default and the key that the page names',
    (flag, row) => {
      const spec = Object.entries(DAEMON_FLAGS).find(([name]) => name === flag)?.[1];
      const said = row.ours.startsWith('the same') ? row.theirs : row.ours;
      const shown = /^`(.*?)`/.exec(said)?.[1] ?? '';
      if (said.startsWith('by backend')) expect(spec?.default).toEqual([]);
      else if (spec?.kind === 'duration') expect(Number(shown) * 1000).toBe(spec.default);
      else expect(shown).toBe(String(spec?.default));
      const file = join(scratch(), 'confd.toml');
      const value = spec?.kind === 'boolean' ? 'true' : spec?.kind === 'duration' ? '7' : '"https"';
      if (row.key === '') return;
      writeFileSync(file, `${row.key} = ${value}\n`);
      const entries = readConfigFile(file, DAEMON_FLAGS);
      expect([entries?.warnings, Object.keys(entries?.entries ?? {})]).toEqual([[], [flag]]);
    },
  );

  test('backends that aren’t there are named', () => {
    const [, list = ''] = /^- Backends: (.*?)\. Consul/m.exec(markdown) ?? [];
    expect(
      list
        .match(/[a-z]\w+/g)
        ?.filter((word) => FOREIGN_BACKENDS.includes(word))
        .toSorted(),
    ).toEqual(FOREIGN_BACKENDS.toSorted());
  });

  test('its unit files and its commands are understood', async () => {
    const commands = fencesOf(markdown).flatMap(({ language, text }) =>
      language === 'ini'
        ? text.split('\n').flatMap((line) => /^ExecStart=\S+ (.*)$/.exec(line)?.[1] ?? [])
        : [],
    );
    expect(commands).toHaveLength(2);
    for (const command of commands)
      expect(readConfig([...command.split(' '), '-config-file', '/none'], {})?.flags).toMatchObject({
        backend: 'etcdv3',
        prefix: '/production',
        watch: true,
      });
    const typed = [...markdown.matchAll(/confetd (render|validate) (--.*?)(?:; done)?$/gm)].filter(
      ([, , flags = '']) => flags.includes('--confdir'),
    );
    expect(typed).toHaveLength(3);
    for (const [, word = '', flags = ''] of typed) {
      const { stdout } = await runConfetd([word, '--help']);
      for (const [flag] of flags.matchAll(/--[\w-]+/g)) expect(stdout).toContain(`      ${flag}`);
    }
  });

  test('every link leads somewhere', () => {
    for (const [, file = '', anchor] of markdown.matchAll(/\]\(([\w.-]*)(?:#([\w-]+))?\)/g)) {
      const page = file === '' ? markdown : readFileSync(join('docs', file), 'utf8');
      const headings = [...page.matchAll(/^#+ (.*)$/gm)].map(([, text = '']) =>
        text
          .toLowerCase()
          .replace(/[^\w\- ]/g, '')
          .replaceAll(' ', '-'),
      );
      if (anchor !== undefined) expect(headings).toContain(anchor);
    }
  });
});
