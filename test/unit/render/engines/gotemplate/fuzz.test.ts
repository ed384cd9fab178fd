import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ConfetdError } from '../../../../../src/base/errors.js';
import { GoTemplateEngine } from '../../../../../src/render/engines/gotemplate/engine.js';
import { goFunctions } from '../../../../../src/render/engines/gotemplate/functions.js';
import type { GoType } from '../../../../../src/render/engines/gotemplate/go-types.js';
import { NeedError } from '../../../../../src/render/functions/needs.js';
import { contextOf, diskOf } from '../../support.js';

const keys = { '/key': 'v', '/up/a': '1', '/up/b': '{"a":[1,null,{"b":"x"}]}' };

/** Text or an error of the template, within the limits. Answers which. */
async function outcome(template: string): Promise<'text' | 'error'> {
  const started = performance.now();
  const context = {
    ...contextOf({ keys, maxBytes: 100_000 }),
    deadlineMs: started + 500,
    monotonicMs: () => performance.now(),
  };
  try {
    const engine = new GoTemplateEngine(diskOf({ 't.tmpl': template }));
    const text = (await engine.compile('t.tmpl', '.')).render(context);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(100_000);
    return 'text';
  } catch (error) {
    if (error instanceof NeedError) return 'text';
    if (!(error instanceof ConfetdError)) throw error;
    expect(error.code).toBe('template');
    expect(error.message).toMatch(/^(Unable to process template t\.tmpl, )?template: t\.tmpl:\d+:/);
    return 'error';
  } finally {
    expect(performance.now() - started).toBeLessThan(3000);
  }
}

const token = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('{{', '}}', '{{- ', ' -}}', ' ', '(', ')', '|', '\n', '.', ',') },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      'if ',
      'else',
      'else if ',
      'else with ',
      'end',
      'range ',
      'with ',
      'define "t"',
      'template "t" .',
      'block "b" .',
      'break',
      'continue',
      'nil',
      'true',
      '$',
      '$x',
      '$x := ',
      '$x = ',
      '$i, $x := ',
      '.Key',
      '.a.b',
      '/* c */',
      ':=',
      '=',
      '"',
      '`',
      "'",
      '\\',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '1',
      '-3',
      '1.5',
      '0x1F',
      "'a'",
      '1i',
      '9223372036854775807',
      '"s"',
      '`r`',
      '"/up/*"',
      '""',
      '"%[2]*[1]d"',
      '"{\\"a\\":[1]}"',
    ),
  },
  { weight: 3, arbitrary: fc.constantFrom(...goFunctions.keys(), 'and', 'or').map((name) => `${name} `) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 4 }) },
);

test('any tokens in any order end in text or in an error with its place', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(token, { maxLength: 25 }), async (tokens) => {
      await outcome(tokens.join(''));
    }),
    { numRuns: 2000 },
  );
});

/** Literals and calls of a type, mostly; sometimes of any. */
const OF_TYPE: Readonly<Partial<Record<GoType, readonly string[]>>> = {
  string: [
    '"a"',
    '""',
    '"/key"',
    '"/up/*"',
    '"["',
    '"(a*)*"',
    '"%d %v %"',
    '"3"',
    '"{\\"a\\":[1,null]}"',
    '(getv "/key")',
  ],
  int: ['0', '1', '-3', "'a'", '1e3', '9223372036854775807', '(len "abc")', '(add 1 2)'],
  bool: ['true', 'false', '(not 1)'],
  '[]string': ['(split "a,b" ",")', '(getvs "/up/*")'],
  '[]memkv.KVPair': ['(gets "/up/*")', '(tree "/")'],
  '[]interface {}': ['(list 1 "a" nil)', '(jsonArray "[1,null]")'],
  'map[string]interface {}': ['(map "a" 1)', '(json "{}")'],
};
const ANYTHING = [
  ...Object.values(OF_TYPE).flat(),
  'nil',
  '.',
  '.a',
  '$',
  '2.5',
  '1i',
  '(get "/key")',
  'datetime',
];

const call = fc
  .constantFrom(...goFunctions.values())
  .chain((known) =>
    fc.record({
      known: fc.constant(known),
      more: fc.nat({ max: known.variadic === undefined ? 0 : 3 }),
      wrong: fc.constantFrom(-1, 0, 0, 0, 0, 0, 0, 1),
      odd: fc.array(fc.nat({ max: 9 }), { minLength: 8, maxLength: 8 }),
      picks: fc.array(fc.nat(), { minLength: 8, maxLength: 8 }),
    }),
  )
  .map(({ known, more, wrong, odd, picks }) => {
    const count = Math.max(0, known.fixed.length + more + wrong);
    const operands = Array.from({ length: count }, (_, at) => {
      const type = known.fixed[at] ?? known.variadic ?? 'value';
      const choices = (odd[at] === 0 ? undefined : OF_TYPE[type]) ?? ANYTHING;
      return choices[(picks[at] ?? 0) % choices.length];
    });
    return [known.name, ...operands].join(' ');
  });

test('any function takes any arguments', async () => {
  const seen = { text: 0, error: 0 };
  await fc.assert(
    fc.asyncProperty(call, fc.option(call), async (one, other) => {
      seen[await outcome(`{{${one}${other === null ? '' : ` | ${other}`}}}`)]++;
    }),
    { numRuns: 3000 },
  );
  expect(seen.text).toBeGreaterThan(500);
  expect(seen.error).toBeGreaterThan(500);
});

test('templates of users with a piece cut out, doubled or put in', async () => {
  const templates = readFileSync('test/fixtures/gotemplate/generator/cases/users.txt', 'utf8').split(
    '\n----\n',
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...templates),
      fc.nat(),
      fc.nat({ max: 12 }),
      fc.option(token),
      async (template, place, size, put) => {
        const at = place % (template.length + 1);
        await outcome(
          template.slice(0, at) + (put ?? template.slice(at, at + size)) + template.slice(at + size),
        );
      },
    ),
    { numRuns: 1500 },
  );
});
