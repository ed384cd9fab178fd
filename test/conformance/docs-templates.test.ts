import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { goFunctions, isFunction } from '../../src/render/engines/gotemplate/functions.js';
import { isKeyword } from '../../src/render/engines/gotemplate/parse/tokens.js';
import { helperNames } from '../../src/render/engines/handlebars/helpers.js';
import { functions } from '../../src/render/functions/registry.js';
import { refusal } from '../unit/render/support.js';
import { blockNames, type Entry, type Example, type Language, signatures } from './template-page.js';
import { markdown, page, render, worldOf } from './template-page-render.js';

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
