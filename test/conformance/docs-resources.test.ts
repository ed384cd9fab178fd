import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Fields } from '../../src/confdir/fields.js';
import { formatProblem, load } from '../../src/confdir/load.js';
import { Positions } from '../../src/confdir/positions.js';
import { parseToml } from '../../src/confdir/toml.js';
import type { Generation, Problem, Resource } from '../../src/confdir/types.js';
import { readExec } from '../../src/exec/settings.js';
import { EXEC_DEFAULTS } from '../../src/exec/types.js';
import { runConfetd, scratch, writeFiles } from '../daemon.js';
import { type Entry, entriesOf, type Fence, fencesOf } from './resource-page.js';

const markdown = readFileSync('docs/resources.md', 'utf8');
const fences = fencesOf(markdown);
const entries = entriesOf(markdown);

/** What the page calls a folder of ours. */
const HERE = '/srv';
/** The three lines that the page's short examples stand below. */
const HEAD = '[template]\nsrc = "app.tmpl"\ndest = "/srv/out/app.conf"\n';

function tomlOf({ info, text }: Fence): string {
  return info.startsWith('[template]') ? HEAD + text : text;
}

async function loaded(toml: string): Promise<{ readonly generation: Generation; readonly folder: string }> {
  const folder = scratch();
  writeFiles(folder, { 'conf.d/app.toml': toml.replaceAll(HERE, folder), 'templates/.keep': '' });
  mkdirSync(join(folder, 'out'));
  return { generation: await load(folder, { env: {}, cwd: folder }), folder };
}

/** As the log has them, in the page's folder. */
function linesOf(problems: readonly Problem[], folder: string): string {
  const level = { error: 'ERROR', warning: 'WARNING' } as const;
  return problems
    .map((problem) => `${level[problem.severity]} ${formatProblem(problem)}\n`)
    .join('')
    .replaceAll(folder, HERE);
}

const found = (language: string, kind: RegExp): readonly (readonly [number, Fence])[] =>
  fences
    .filter((fence) => fence.language === language && kind.test(fence.info))
    .map((fence) => [fence.line, fence]);

/** The fence after this one. */
function next(fence: Fence): Fence {
  const after = fences[fences.indexOf(fence) + 1];
  if (after === undefined) throw new Error(`nothing follows the block of line ${fence.line}`);
  return after;
}

describe('examples', () => {
  test.each(found('toml', /^(\[template\])?$/))(
    'the one of line %i loads without a problem',
    async (_, fence) => {
      const { generation, folder } = await loaded(tomlOf(fence));
      expect(linesOf(generation.problems, folder)).toBe('');
      expect(generation.resources.length + generation.hooks.length).toBeGreaterThan(0);
    },
  );

  test.each(found('toml', /\bwrong$/))('line %i: the loader says what the page says', async (_, fence) => {
    const { generation, folder } = await loaded(tomlOf(fence));
    expect(next(fence)).toMatchObject({ language: 'text', info: '' });
    expect(linesOf(generation.problems, folder)).toBe(next(fence).text);
    expect(generation.problems.length).toBeGreaterThan(0);
  });

  test.each(found('toml', /\bfails\b/))('line %i: confetd does what the page says', async (_, fence) => {
    const folder = scratch();
    const files: Record<string, string> = {};
    let after = next(fence);
    for (; after.language !== 'text'; after = next(after)) files[after.info] = after.text;
    const expected = after;
    writeFiles(folder, {
      'keys.yaml': 'app: {port: "8080"}\n',
      'templates/app.tmpl': 'port {{getv "/app/port"}}\n',
      'out/app.conf': 'before\n',
      'conf.d/app.toml': tomlOf(fence).replaceAll(HERE, folder),
      ...files,
    });
    const strict = fence.info.endsWith('--strict') ? ['--strict'] : [];
    const args = ['--onetime', '--backend', 'file', '--file', join(folder, 'keys.yaml'), ...strict];
    const { code, stderr } = await runConfetd([...args, '--confdir', folder], { cwd: folder });
    const said = messagesOf(stderr).replaceAll(folder, HERE);
    const untouched = readFileSync(join(folder, 'out/app.conf'), 'utf8') === 'before\n';
    // Of several files any may be told of first.
    const sorted = (text: string): string => text.split('\n').toSorted().join('\n').trim();
    expect(`exit ${code}, ${untouched ? 'untouched' : 'replaced'}\n${sorted(said)}`).toBe(
      `${expected.info}\n${sorted(expected.text)}`,
    );
  });

  test('every block is an example of one of these kinds, or belongs to one', () => {
    const kinds =
      /^(toml( \[template\])?( wrong| fails( --strict)?)?|toml confd\.toml|text.*|(tmpl|handlebars) templates\/\S+)$/;
    for (const { language, info, line } of fences)
      expect([line, `${language} ${info}`.trim()]).toEqual([line, expect.stringMatching(kinds)]);
    expect(found('toml', /\bwrong$/).length).toBeGreaterThan(40);
    expect(found('toml', /\bfails\b/).length).toBeGreaterThan(20);
  });
});

/** The warnings and errors of a log, without who says them and when. */
function messagesOf(log: string): string {
  let shown = false;
  return log
    .split('\n')
    .flatMap((line) => {
      const [, level, message] = /^\S+ \S+ confetd\[\d+\]: ([A-Z]+) (.*)$/.exec(line) ?? [];
      // Further lines belong to the message above.
      if (level !== undefined) shown = level === 'WARNING' || level === 'ERROR';
      if (!shown || line === '') return [];
      return [level === undefined ? line : `${level} ${message}`];
    })
    .map((line) => `${line}\n`)
    .join('');
}

/** What each table must have, where it stands, and what must follow it. */
const TABLES: Readonly<
  Record<string, { head: string; needs: Readonly<Record<string, string>>; tail: string }>
> = {
  root: { head: '', needs: {}, tail: '' },
  template: { head: '[template]\n', needs: { src: '"a.tmpl"', dest: '"/srv/out/a"' }, tail: '' },
  group: {
    head: '[[group]]\n',
    needs: { template: '[{ src = "a.tmpl", dest = "/srv/out/a" }]' },
    tail: '',
  },
  hook: { head: '[[hook]]\n', needs: { command: '"true"' }, tail: '' },
  wait: {
    head: '[template.wait]\n',
    needs: { min: '"1s"' },
    tail: '[template]\nsrc = "a.tmpl"\ndest = "/srv/out/a"\n',
  },
};

/** A file with one table that has these keys, and what it needs besides. */
function fileWith(table: string, keys: Readonly<Record<string, string>> = {}): string {
  const { head = '', needs = {}, tail = '' } = TABLES[table] ?? {};
  const lines = Object.entries({ ...needs, ...keys }).map(([key, value]) => `${key} = ${value}\n`);
  return `${head}${lines.join('')}${tail}`;
}

async function problemsOf(table: string, keys: Readonly<Record<string, string>>): Promise<string> {
  const { generation, folder } = await loaded(fileWith(table, keys));
  return linesOf(generation.problems, folder);
}

/** The keys that the loader says it knows. */
async function knownKeys(table: string): Promise<readonly string[]> {
  const said = await problemsOf(table, { nobody_has_this_key: '1' });
  const [, list = ''] = /unknown key nobody_has_this_key: known are (.*)$/m.exec(said) ?? [];
  return list.split(', ');
}

describe('keys', () => {
  test.each(Object.keys(TABLES))(
    'those of %s are all on the page, and there are no others',
    async (table) => {
      const documented = entries.filter((entry) => entry.table === table).map(({ key }) => key);
      expect(documented.toSorted()).toEqual([...(await knownKeys(table))].toSorted());
    },
  );

  /** What the loader says to a value that fits no type. */
  const EXPECTED: Readonly<Record<string, RegExp>> = {
    text: /expected text in quotes/,
    'list of texts': /expected a list of texts/,
    command: /expected a command in quotes/,
    duration: /expected a duration such as/,
    number: /expected a whole number from/,
    boolean: /expected true or false/,
    'octal text': /must be octal text/,
    table: /expected a table such as/,
    tables: /must be a list of tables/,
    'table or tables': /expected a table such as|must be a list of tables/,
  };

  test.each(entries.map((entry) => [entry.table, entry.key, entry] as const))(
    '%s: %s is of the type that the page says',
    async (table, key, { type }) => {
      const said = await problemsOf(table, { [key]: '1979-05-27' });
      const choices = type.match(/`"\w+"`/g)?.map((choice) => choice.slice(1, -1));
      if (choices === undefined) expect(said).toMatch(EXPECTED[type] ?? /^$/);
      else expect(said).toContain(`expected ${choices.join(' or ')}`);
    },
  );
});

/** What a resource has where nothing is said, by the names of the page. */
const FIELDS: Readonly<Record<string, (resource: Resource) => unknown>> = {
  keys: ({ prefix, subtrees }) => (subtrees.join() === prefix ? undefined : subtrees),
  prefix: ({ prefix }) => prefix,
  mode: ({ mode }) => mode,
  owner: ({ owner }) => owner,
  group: ({ group }) => group,
  uid: ({ uid }) => uid,
  gid: ({ gid }) => gid,
  create_dest_dirs: ({ createDestDirs }) => createDestDirs,
  missing_key: ({ missingKey }) => missingKey,
  min_entries: ({ minEntries }) => minEntries,
  refuse_empty: ({ refuseEmpty }) => refuseEmpty,
  output_format: ({ outputFormat }) => outputFormat,
  render_timeout: ({ renderTimeoutMs }) => ({ ms: renderTimeoutMs }),
  max_output_bytes: ({ maxOutputBytes }) => maxOutputBytes,
  check_cmd: ({ checkCmd }) => checkCmd,
  check_cmd_timeout: ({ checkTimeoutMs }) => ({ ms: checkTimeoutMs }),
  verify_cmd: ({ verifyCmd }) => verifyCmd,
  verify_cmd_timeout: ({ verifyTimeoutMs }) => ({ ms: verifyTimeoutMs }),
  reload_cmd: ({ reloadCmd }) => reloadCmd,
  reload_cmd_timeout: ({ reloadTimeoutMs }) => ({ ms: reloadTimeoutMs }),
  rollback_on_reload_failure: ({ rollbackOnReloadFailure }) => rollbackOnReloadFailure,
  backup: ({ backup }) => backup,
  wait: ({ wait }) => wait,
  debounce: ({ wait }) => wait,
  min_reload_interval: ({ minReloadIntervalMs }) => ({ ms: minReloadIntervalMs }),
  reload_splay: ({ reloadSplayMs }) => ({ ms: reloadSplayMs }),
  on_drift: ({ onDrift }) => onDrift,
  for_each: ({ forEach }) => forEach,
};

/** As the page writes a default. */
function written(value: unknown): string {
  if (value === undefined) return 'unset';
  if (typeof value === 'object' && value !== null && 'ms' in value)
    return `\`"${Number(value.ms) / 1000}s"\``;
  return `\`${JSON.stringify(value)}\``;
}

async function onlyResource(toml: string): Promise<Resource> {
  const [resource] = (await loaded(toml)).generation.resources;
  if (resource === undefined) throw new Error('it makes no resource');
  return resource;
}

describe('defaults', () => {
  const plain = entries.filter(
    ({ key, table, unsaid }) =>
      (table === 'template' || table === 'group') && key in FIELDS && unsaid !== 'required',
  );

  test.each(plain.map((entry) => [entry.table, entry.key, entry] as const))(
    '%s: what the page says of %s is so',
    async (table, key, { unsaid }) => {
      const resource = await onlyResource(fileWith(table));
      expect(unsaid).toBe(written(FIELDS[key]?.(resource)));
    },
  );

  test('what is required is missed', async () => {
    const required = entries.filter(({ unsaid }) => unsaid === 'required');
    expect(required.map(({ table, key }) => `${table}.${key}`)).toEqual([
      'template.src',
      'template.dest',
      'wait.min',
      'hook.command',
    ]);
    const { generation, folder } = await loaded('[template]\nwait = {}\n[[hook]]\n');
    const said = linesOf(generation.problems, folder);
    for (const { key } of required) expect(said).toMatch(new RegExp(`${key} is missing|misses ${key}`));
  });

  test('those that hang on something else', async () => {
    const rest = entries.filter((entry) => !plain.includes(entry) && entry.unsaid !== 'required');
    expect(rest.map(({ table, key, unsaid }) => [`${table}.${key}`, unsaid])).toEqual([
      ['root.template', 'none'],
      ['group.template', 'none'],
      ['hook.keys', 'unset'],
      ['hook.prefix', '`""`'],
      ['template.prefix_mode', '`"replace"`'],
      ['hook.prefix_mode', '`"replace"`'],
      ['wait.max', 'four times `min`'],
      ['template.prune', '`true`'],
      ['root.group', 'none'],
      ['group.name', 'unset'],
      ['root.hook', 'none'],
      ['hook.timeout', '`"60s"`'],
    ]);
    const prefixed = { env: {}, prefix: '/global' };
    const folder = scratch();
    writeFiles(folder, {
      'conf.d/a.toml': fileWith('template', { prefix: '"/own"', wait: '{ min = "2s" }' }),
      'conf.d/b.toml': fileWith('hook', { prefix: '"/own"' }),
    });
    const { resources, hooks } = await load(folder, prefixed);
    expect(resources[0]).toMatchObject({ prefix: '/global', wait: { minMs: 2000, maxMs: 8000 } });
    expect(hooks[0]).toMatchObject({ prefix: '/global', timeoutMs: 60_000 });
    const [hook] = (await loaded(fileWith('hook'))).generation.hooks;
    expect(hook).toMatchObject({ prefix: '', subtrees: [''] });
    const each = await onlyResource(
      '[template]\nsrc = "a"\ndest = "/srv/out/{{name}}"\nfor_each = "/sites/*"\n',
    );
    expect(each).toMatchObject({ forEach: { prune: true }, minEntries: 1 });
    const grouped = await onlyResource(fileWith('group'));
    expect(grouped.lane).toBe('app/1');
  });
});

describe('[exec]', () => {
  const section = markdown.slice(markdown.indexOf('## A supervised command'));
  const rows = [...section.matchAll(/^\| `(\w+)` \| (\w+) \| (.*?) \| (.+) \|$/gm)].map(
    ([, key, type, unsaid]) => [key, type, unsaid],
  );

  function fieldsOf(toml: string): { readonly fields: Fields; readonly problems: Problem[] } {
    const { table } = parseToml(toml);
    const problems: Problem[] = [];
    const root = new Fields(table ?? {}, [], 'confd.toml', new Positions(toml), problems);
    const fields = root.table('exec', '{ command = "…" }');
    if (fields === undefined) throw new Error('no [exec]');
    return { fields, problems };
  }

  test('its keys, their types and their defaults', () => {
    const { reloadSignal, killSignal, killTimeoutMs, splayMs } = EXEC_DEFAULTS;
    const exec = rows.slice(0, 5);
    expect(exec).toEqual([
      ['command', 'command', 'required, unless it stands after `--`'],
      ['reload_signal', 'text', written(reloadSignal)],
      ['kill_signal', 'text', written(killSignal)],
      ['kill_timeout', 'duration', written({ ms: killTimeoutMs })],
      ['splay', 'duration', written({ ms: splayMs })],
    ]);
    const { fields, problems } = fieldsOf('[exec]\nnobody_has_this_key = 1\n');
    readExec(fields, ['true']);
    expect(problems[0]?.message).toBe(
      `unknown key nobody_has_this_key: known are ${exec.map(([key]) => key).join(', ')}`,
    );
  });

  test('the example is a good one', () => {
    const [[, fence] = []] = found('toml', /^confd\.toml$/);
    const { fields, problems } = fieldsOf(fence?.text ?? '');
    expect(readExec(fields)).toMatchObject({ reloadSignal: 'SIGHUP', killTimeoutMs: 10_000 });
    expect(problems).toEqual([]);
  });
});

test('every link to a heading of the page has one', () => {
  const headings = [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
  const links = [...markdown.matchAll(/\]\(#([\w-]+)\)/g)].map(([, link = '']) => link);
  expect(links.length).toBeGreaterThan(5);
  for (const link of links) expect(headings).toContain(link);
});

/** The page says `[[group]]` where it means it, and so on. */
test('an entry names only tables that there are', () => {
  const tables = new Set(entries.map(({ table }: Entry) => table));
  expect([...tables].toSorted()).toEqual(Object.keys(TABLES).toSorted());
});
