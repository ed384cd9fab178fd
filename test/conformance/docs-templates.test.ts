import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { NodeClock } from '../../src/io/node/clock.js';
import { GoTemplateEngine } from '../../src/render/engines/gotemplate/engine.js';
import { goFunctions, isFunction } from '../../src/render/engines/gotemplate/functions.js';
import { isKeyword } from '../../src/render/engines/gotemplate/parse/tokens.js';
import { HandlebarsEngine } from '../../src/render/engines/handlebars/engine.js';
import { helperNames } from '../../src/render/engines/handlebars/helpers.js';
import {
  type AnswerOf,
  type Need,
  type Resolver,
  renderWithNeeds,
} from '../../src/render/functions/needs.js';
import { functions } from '../../src/render/functions/registry.js';
import { DEFAULT_PASS } from '../../src/render/world.js';
import { flatten } from '../../src/source/flatten.js';
import { peer } from '../peers.js';
import { contextOf, diskOf, refusal, type World } from '../unit/render/support.js';
import {
  blockNames,
  type Entry,
  type Example,
  type Language,
  readPage,
  signatures,
} from './template-page.js';

const markdown = readFileSync('docs/templates.md', 'utf8');
const page = readPage(markdown);

/** The text of the fence that begins with these words. */
function fenced(info: string): string {
  const fence = page.fences.find((candidate) => candidate.info === info);
  if (fence === undefined) throw new Error(`the page has no block ${info}`);
  return `${fence.lines.join('\n')}\n`;
}

const keys = keysOf(fenced('yaml keys.yaml'));
const host = parse(fenced('yaml host.yaml')) as {
  readonly time: string;
  readonly hostname: string;
  readonly environment: Record<string, string>;
  /** A text is why the lookup fails. */
  readonly addresses: Record<string, readonly string[] | string>;
  readonly interfaces: Record<string, readonly string[]>;
  readonly services: Record<string, AnswerOf['service']>;
  readonly files: Record<string, string>;
};

function keysOf(yaml: string): Record<string, string> {
  const flat = new Map<string, string>();
  flatten(parse(yaml), flat);
  return Object.fromEntries(flat);
}

/** The page's host in place of this one. */
class PageHost implements Resolver {
  async resolve<T extends Need['type']>(need: Need & { type: T }): Promise<AnswerOf[T]> {
    return this.#answer(need) as AnswerOf[T];
  }

  #answer(need: Need): AnswerOf[Need['type']] {
    switch (need.type) {
      case 'address':
        return this.#found(host.addresses[need.host] ?? []);
      case 'service':
        return host.services[`_${need.service}._${need.proto}.${need.domain}`] ?? [];
      case 'interface':
        return host.interfaces[need.name] ?? [];
      case 'hostname':
        return host.hostname;
      case 'file-exists':
        return Object.hasOwn(host.files, need.path);
      case 'file': {
        const text = host.files[need.path];
        if (text === undefined) throw new Error('there is no such file');
        return text;
      }
    }
  }

  #found(answer: readonly string[] | string): readonly string[] {
    if (typeof answer === 'string') throw new Error(answer);
    return answer;
  }
}

/** The page's own templates, by their names under templates/. */
const files = Object.fromEntries(
  page.fences
    .map(({ info, lines }) => [info.split(' ')[1] ?? '', `${lines.join('\n')}\n`] as const)
    .filter(([name]) => name.endsWith('.hbs') || name.endsWith('.tmpl'))
    .map(([name, text]) => [`templates/${name}`, text] as const),
);

async function render(
  language: Language,
  source: string,
  world: World,
  others: Readonly<Record<string, string>> = files,
): Promise<string> {
  const path = language === 'hbs' ? 'templates/t.hbs' : 'templates/t.tmpl';
  const disk = diskOf({ ...others, [path]: source });
  const engine = language === 'hbs' ? new HandlebarsEngine(disk) : new GoTemplateEngine(disk);
  const template = await engine.compile(path, 'templates');
  const context = { ...contextOf(world), src: 't.hbs', nowMs: Date.parse(host.time) };
  const limits = { timeoutMs: 1000, clock: new NodeClock() };
  return (await renderWithNeeds(template, context, new PageHost(), limits)).text;
}

/** `text missing_key = "zero"` behind a fence: the resource's keys. */
function worldOf(info: string): World {
  const world = { keys, env: host.environment };
  const [, key, value] = /^text (\w+) = "(.*)"$/.exec(info) ?? [];
  if (info === '') return world;
  if (key === 'missing_key' && value === 'zero') return { ...world, missingKey: 'zero' };
  if (key === 'prefix' && value !== undefined) return { ...world, prefix: value };
  if (key === 'keys' && value !== undefined) return { ...world, subtrees: [value] };
  throw new Error(`${info} is nothing that an example can set`);
}

async function outcome(language: Language, text: string, { info }: Example): Promise<Example['outcome']> {
  try {
    return { type: 'out', text: await render(language, text, worldOf(info)) };
  } catch (error) {
    return { type: 'err', text: error instanceof Error ? error.message : String(error) };
  }
}

describe('every example of docs/templates.md renders as the page says', () => {
  const cases = page.examples.flatMap((example) =>
    example.sources.map(({ language, text }) => [example.line, language, text, example] as const),
  );
  test.each(cases)('line %i, %s: %s', async (_, language, text, example) => {
    const got = await outcome(language, text, example);
    const { type, text: wanted } = example.outcome;
    // Of an error the page shows the end: in front of it stand the file and the place.
    if (type === 'err' && got.type === 'err' && got.text.endsWith(`: ${wanted}`)) return;
    expect(got).toEqual(example.outcome);
  });
});

/** What stands inside of tags, without the texts in quotes. */
function codeOf(source: string): string {
  return (source.match(/\{\{.*?\}\}/gs) ?? []).join(' ').replace(/"(?:\\.|[^"\\])*"|`[^`]*`|'[^']*'/g, '""');
}

const isBlockEntry = ({ heading }: Entry): boolean => heading.startsWith('{{');

describe('the page itself', () => {
  const names = page.fences.map(({ info }) => info.split(' ')[1] ?? '');

  test('every block between fences is one that is checked', () => {
    const outputs = names.flatMap((name) => (/\.(hbs|tmpl)$/.test(name) ? [name.replace(/\.\w+$/, '')] : []));
    const known = ({ info }: { info: string }): boolean => {
      const [language = '', name = ''] = info.split(' ');
      if (name === '' || language === 'text') return info === '' || language === 'text';
      if (language === 'yaml') return ['keys.yaml', 'host.yaml'].includes(name);
      if (language === 'hbs' || language === 'gotemplate') {
        return name.endsWith(language === 'hbs' ? '.hbs' : '.tmpl');
      }
      return outputs.includes(name);
    };
    expect(page.fences.filter((fence) => !known(fence)).map(({ line, info }) => ({ line, info }))).toEqual(
      [],
    );
    expect(new Set(names.filter((name) => name.includes('.'))).size).toBe(
      names.filter((name) => name.includes('.')).length,
    );
  });

  test('every link leads somewhere', () => {
    const anchors = page.headings.map((heading) => `#${heading.toLowerCase().replaceAll(' ', '-')}`);
    for (const [, target = ''] of markdown.matchAll(/\]\(([^)]+)\)/g)) {
      if (target.startsWith('#')) expect(anchors).toContain(target);
      else expect({ target, exists: existsSync(join('docs', target)) }).toEqual({ target, exists: true });
    }
  });

  test('the list at the top of the functions has every entry, in its order', () => {
    const listed = [...markdown.matchAll(/^- \[[^\]]+\]\(#[a-z-]+\): `([^`]+)`$/gm)].flatMap(
      ([, words = '']) => words.split(' '),
    );
    const named = page.entries.flatMap((entry) =>
      isBlockEntry(entry)
        ? blockNames(entry.heading).map(({ language, name }) => (language === 'hbs' ? `#${name}` : name))
        : signatures(entry.heading).map(({ name }) => name),
    );
    expect(listed).toEqual(named);
  });
});

const functionEntries = page.entries.filter((entry) => !isBlockEntry(entry));
const documented = functionEntries.flatMap(({ heading }) => signatures(heading));

describe('every function has its place on the page', () => {
  const known = new Set([...functions.keys(), ...goFunctions.keys(), 'and', 'or']);

  test('none is missing, none is made up, none stands there twice', () => {
    const names = documented.map(({ name }) => name);
    expect(names.toSorted()).toEqual([...known].toSorted());
    expect(new Set(names).size).toBe(names.length);
  });

  test.each(documented.map((signature) => [signature.name, signature] as const))(
    '%s takes as many arguments as its heading says',
    (name, { min, max }) => {
      const { arity } = functions.get(name) ?? {};
      const fixed = goFunctions.get(name)?.fixed.length ?? min;
      expect(arity ?? { min: fixed, max: Number.POSITIVE_INFINITY }).toEqual({ min, max });
    },
  );

  test.each(functionEntries.map((entry) => [entry.heading, entry] as const))(
    '%s: every name is called, in both languages or with the reason why not',
    (heading, { prose, examples }) => {
      expect(prose.trim()).not.toBe('');
      const sources = examples
        .flatMap((example) => example.sources)
        .map(({ language, text }) => ({ language, code: codeOf(text) }));
      for (const { name } of signatures(heading)) {
        const called = new RegExp(`(?<![\\w"./$@])${name}(?![\\w"/])`);
        for (const [language, exists, label] of [
          ['hbs', functions.has(name), 'Handlebars'],
          ['go', isFunction(name), 'Go'],
        ] as const) {
          const shown = sources.some((source) => source.language === language && called.test(source.code));
          const reason = new RegExp(`Not in ${label}: \\S`).test(prose);
          expect({ name, language, shown, reason }).toEqual({ name, language, shown: !reason, reason });
          if (!exists) expect({ name, language, reason }).toEqual({ name, language, reason: true });
        }
      }
    },
  );
});

describe('every block and action has its place on the page', () => {
  const blocks = page.entries.filter(isBlockEntry);
  const names = blocks.flatMap(({ heading }) => blockNames(heading));
  /** What the strict pass calls and nobody writes. */
  const internal = ['#print', '#raw', '#field', '#enter'];
  const actions = ['block', 'break', 'continue', 'define', 'else', 'end', 'if', 'range', 'template', 'with'];

  test('those of Handlebars', () => {
    const found = names.filter(({ language }) => language === 'hbs').map(({ name }) => `#${name}`);
    const known = helperNames.filter((name) => !name.startsWith('#call:') && !internal.includes(name));
    expect(found.toSorted()).toEqual(known.toSorted());
  });

  test('those of Go', () => {
    expect(actions.every(isKeyword)).toBe(true);
    const found = names.filter(({ language }) => language === 'go').map(({ name }) => name);
    expect(found.toSorted()).toEqual(actions);
  });

  test.each(blocks.map((entry) => [entry.heading, entry] as const))(
    '%s: every one is used',
    (heading, { examples }) => {
      const sources = examples.flatMap((example) => example.sources);
      for (const { language, name } of blockNames(heading)) {
        const used = new RegExp(`\\{\\{-? ?${language === 'hbs' ? '#' : ''}${name}[ }]`);
        const shown = sources.some((source) => source.language === language && used.test(source.text));
        expect({ language, name, shown }).toEqual({ language, name, shown: true });
      }
    },
  );
});

test('every variable that begins with @ is on the page', async () => {
  const sentence = await refusal('{{@nothing}}');
  const known = sentence.slice(sentence.indexOf('there are ')).match(/@\w+/g) ?? [];
  expect(known.length).toBeGreaterThan(8);
  for (const name of known) expect(markdown).toContain(`\`${name}\``);
});

test('the limits are those of the code', () => {
  const row = (what: string): string =>
    new RegExp(`^\\| ${what} \\| ([^|]+) \\|`, 'm').exec(markdown)?.[1] ?? '';
  expect(row('Output of one template')).toBe(`${DEFAULT_PASS.maxOutputBytes / (1024 * 1024)} MiB`);
  expect(row('Time of one render')).toBe(`${DEFAULT_PASS.renderTimeoutMs / 1000} s`);
  expect(row('One lookup of a name or a file')).toBe(`${DEFAULT_PASS.lookupTimeoutMs / 1000} s`);
});

describe('the limits of the files themselves are those of the page', () => {
  const numbers = (what: string): number[] =>
    (new RegExp(`^\\| ${what} \\| ([^|]+) \\|`, 'm').exec(markdown)?.[1]?.match(/[0-9]+/g) ?? []).map(Number);
  const [partials = 0, depth = 0] = numbers(
    'Handlebars: partials in one another; blocks and calls in one another',
  );
  const [, includes = 0] = numbers('Go: templates that call one another; files that include one another');
  const [files = 0] = numbers('Files of one template, with all that it includes');
  const [mebibytes = 0] = numbers("A template's own file, or one that it includes");
  const times = (count: number, text: string): string => text.repeat(count);
  /** f0 includes f1, and so on; the last includes nothing. */
  const chain = (count: number, line: (next: number) => string): Record<string, string> =>
    Object.fromEntries(
      Array.from({ length: count }, (_, at) => [`templates/f${at}`, at === count - 1 ? 'x' : line(at + 1)]),
    );

  test.each<[string, Language, (over: number) => { source: string; others?: Record<string, string> }]>([
    [
      'blocks',
      'hbs',
      (over) => ({ source: `${times(depth + over, '{{#if true}}')}x${times(depth + over, '{{/if}}')}` }),
    ],
    [
      'calls',
      'hbs',
      (over) => ({ source: `{{#if ${times(depth + over, '(not ')}1${times(depth + over, ')')}}}{{/if}}x` }),
    ],
    [
      'partials',
      'hbs',
      (over) => {
        const named = Object.entries(chain(partials + over, (next) => `{{> f${next}}}`));
        return {
          source: '{{> f0}}',
          others: Object.fromEntries(named.map(([name, text]) => [`${name}.hbs`, text])),
        };
      },
    ],
    [
      'includes',
      'go',
      (over) => ({
        source: '{{include "f0"}}',
        others: chain(includes + over, (next) => `{{include "f${next}"}}`),
      }),
    ],
    [
      'files',
      'go',
      (over) => {
        const names = Array.from({ length: files + over }, (_, at) => `f${at}`);
        return {
          source: names.map((name) => `{{include "${name}"}}`).join(''),
          others: Object.fromEntries(names.map((name) => [`templates/${name}`, 'x'])),
        };
      },
    ],
    ['bytes', 'go', (over) => ({ source: times(mebibytes * 1024 * 1024 + over, 'x') })],
    ['bytes', 'hbs', (over) => ({ source: times(mebibytes * 1024 * 1024 + over, 'x') })],
  ])('%s, in %s', async (_, language, made) => {
    const rendered = (over: number): Promise<string> => {
      const { source, others = {} } = made(over);
      return render(language, source, { keys: {}, maxBytes: 1 << 26 }, others);
    };
    expect(await rendered(0)).toContain('x');
    await expect(rendered(1)).rejects.toMatchObject({ code: 'template' });
  });
});

describe('the complete files', () => {
  /** A template whose output is on the page too, under the template's name without its extension. */
  const complete = page.fences
    .map(({ info }) => info.split(' ')[1] ?? '')
    .filter((name) => /\.(hbs|tmpl)$/.test(name))
    .map((name) => ({
      name,
      output: page.fences.find(({ info }) => info.split(' ')[1] === name.replace(/\.\w+$/, '')),
    }))
    .flatMap(({ name, output }) =>
      output === undefined ? [] : [[name, `${output.lines.join('\n')}\n`] as const],
    );
  const source = (name: string): string => files[`templates/${name}`] ?? '';
  const languageOf = (name: string): Language => (name.endsWith('.hbs') ? 'hbs' : 'go');
  const run = promisify(execFile);
  const nginx = peer('nginx') ?? '';
  const haproxy = peer('haproxy') ?? '';
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'confetd-docs-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('there are some, each in both languages', () => {
    const bare = complete.map(([name]) => name.replace(/\.\w+$/, ''));
    expect(new Set(bare).size).toBeGreaterThanOrEqual(3);
    for (const name of bare) {
      expect(complete.map(([other]) => other)).toEqual(
        expect.arrayContaining([`${name}.hbs`, `${name}.tmpl`]),
      );
    }
  });

  test.each(complete)('%s renders as the page says', async (name, wanted) => {
    expect(await render(languageOf(name), source(name), worldOf(''))).toBe(wanted);
  });

  test.each(complete.map(([name]) => name).filter((name) => name.endsWith('.hbs')))(
    '%s and its Go template agree on an empty store',
    async (name) => {
      const empty = { keys: {} };
      const go = source(name.replace(/hbs$/, 'tmpl'));
      expect(await render('hbs', source(name), empty)).toBe(await render('go', go, empty));
    },
  );

  test.skipIf(!existsSync('/bin/sh'))('a shell reads app.env as the values that the store has', async () => {
    const path = join(folder, 'app.env');
    await writeFile(path, await render('hbs', source('app.env.hbs'), worldOf('')));
    const names = Object.keys(keys).filter((key) => key.startsWith('/app/'));
    const script = names.map((key) => `printf '%s\\0' "$${key.slice(5).toUpperCase()}"`).join(';');
    const { stdout } = await run('/bin/sh', ['-c', `. ${path}; ${script}`], { env: {} });
    expect(stdout.split('\0').slice(0, -1)).toEqual(names.map((key) => keys[key]));
  });

  const stores = [
    ["the page's", keys],
    ['an empty', {}],
  ] as const;
  test.skipIf(nginx === '').each(stores)('nginx accepts services.conf from %s store', async (_, store) => {
    const part = join(folder, 'services.conf');
    await writeFile(part, await render('hbs', source('services.conf.hbs'), { keys: store }));
    const main = join(folder, 'nginx.conf');
    const temp = ['client_body', 'proxy'].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(' ');
    await writeFile(
      main,
      `pid ${folder}/pid; error_log stderr;\nevents {}\nhttp { access_log off; ${temp} include ${part}; }\n`,
    );
    const { stderr } = await run(nginx, ['-t', '-c', main]);
    expect(stderr).toContain('test is successful');
  });

  test.skipIf(haproxy === '').each(stores)('haproxy accepts haproxy.cfg from %s store', async (_, store) => {
    const path = join(folder, 'haproxy.cfg');
    await writeFile(path, await render('hbs', source('haproxy.cfg.hbs'), { keys: store }));
    await run(haproxy, ['-c', '-f', path]);
  });
});
