import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NO_DEFAULTS } from '../../src/confdir/reloading.js';
import { DEFAULT_PASS } from '../../src/render/world.js';
import { peer } from '../peers.js';
import type { Language } from './template-page.js';
import { files, keys, markdown, page, render, worldOf } from './template-page-render.js';

/** What the table of limits says of it. */
function limit(what: string): string {
  return new RegExp(`^\\| ${what} \\| ([^|]+) \\|`, 'm').exec(markdown)?.[1] ?? '';
}

test('the limits of a render are those of the code', () => {
  expect(limit('Output of one template')).toBe(`${NO_DEFAULTS.maxOutputBytes / (1024 * 1024)} MiB`);
  expect(limit('Time of one render')).toBe(`${NO_DEFAULTS.renderTimeoutMs / 1000} s`);
  expect(limit('One lookup of a name or a file')).toBe(`${DEFAULT_PASS.lookupTimeoutMs / 1000} s`);
});

describe('what is within a limit of the page renders, and one more is refused', () => {
  const numbers = (what: string): number[] => (limit(what).match(/[0-9]+/g) ?? []).map(Number);
  const [partials = 0, depth = 0] = numbers(
    'Handlebars: partials in one another; blocks and calls in one another',
  );
  const [, includes = 0] = numbers('Go: templates that call one another; files that include one another');
  const [fileCount = 0] = numbers('Files of one template, with all that it includes');
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
        const names = Array.from({ length: fileCount + over }, (_, at) => `f${at}`);
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
