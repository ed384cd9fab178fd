import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfetdError } from '../../../../src/base/errors.js';
import { NeedError } from '../../../../src/render/functions/needs.js';
import { functions } from '../../../../src/render/functions/registry.js';
import { compile, contextOf, refusal, render, type World } from '../support.js';

describe('the deadline', () => {
  const late = { clock: [0, 0, 2000] };
  test('is seen by loops', async () => {
    expect(
      await refusal('{{#each (seq 1 1000)}}{{#each (seq 1 1000)}}{{/each}}{{/each}}', {
        ...late,
        maxBytes: 5000,
      }),
    ).toContain('deadline');
  });
  test('is seen by print', async () => {
    expect(await refusal('{{@revision}}'.repeat(300), late)).toContain('deadline');
  });
  test('is seen by seq', async () => {
    expect(await refusal('{{len (seq 1 100000)}}', late)).toContain('deadline');
  });
  test('is seen by partials', async () => {
    const files = { 'p.hbs': '{{> q}}{{> q}}', 'q.hbs': '{{> r}}{{> r}}', 'r.hbs': '{{> p}}{{> p}}' };
    expect(await refusal('{{> p}}', { files, clock: [0, 0, 0, 0, 2000] })).toContain('deadline');
  });
});

describe('the limit on output', () => {
  const small = { maxBytes: 100 };
  test.each([
    ['print', '{{@src}}'.repeat(40)],
    ['text in a loop', '{{#each (seq 1 50)}}abcdef{{/each}}'],
    ['seq', '{{#each (seq 1 1000000000)}}{{/each}}'],
    ['repeat', '{{repeat 1000000000 "x"}}'],
    ['indent', '{{indent 1000000000 "x"}}'],
    ['nindent', '{{{nindent 1000000000 "x"}}}'],
    ['printf', '{{printf "%0500d" 1}}'],
    ['replace', '{{replace "aaaaaaaaaaaaaaaaaaaa" "a" "bbbbbbbbbbbbbbbbbbbbbbbb" -1}}'],
    ['join', '{{join (seq 1 90) "bbbbbbbbbbbb"}}'],
    ['partials', '{{> p}}{{> p}}'],
    ['text', 'x'.repeat(101)],
    ['bytes, not characters', 'é'.repeat(60)],
  ])('is seen by %s', async (_, source) => {
    expect(await refusal(source, { ...small, files: { 'p.hbs': 'x'.repeat(101) } })).toContain(
      'limit of 100 bytes',
    );
  });
  test('lets through what fits exactly', async () => {
    expect(await render('x'.repeat(100), small)).toHaveLength(100);
  });
});

/** Renders, and lets nothing but a `template` error with its place come out. */
async function survives(source: string, world: World): Promise<void> {
  try {
    const text = (await compile(source, world)).render(contextOf(world));
    expect(typeof text).toBe('string');
  } catch (error) {
    if (error instanceof NeedError) return;
    expect(error).toBeInstanceOf(ConfetdError);
    expect(error).toMatchObject({
      code: 'template',
      message: expect.stringMatching(/^(t\.hbs|templates\/p\.hbs):\d+:\d+: /),
    });
  }
}

describe('any template ends in text or in an error with its place', () => {
  const world: World = {
    keys: {
      '/a/b': 'false',
      '/a/c': '[1,{"x":null}]',
      '/d': '-1',
      '/e': '{"__proto__":1,"constructor":{"a":[]}}',
    },
    files: { 'p.hbs': '{{> p}}{{this}}' },
    maxBytes: 20_000,
  };
  const literal = fc.constantFrom(
    '"/a/*"',
    '"/a"',
    '"/d"',
    '"%d %s"',
    '""',
    '-1',
    '0',
    '3',
    'true',
    'null',
    '"["',
    '1.5',
  );
  const path = fc.constantFrom(
    'this',
    '.',
    '../x',
    'x',
    'x.key',
    'this.value',
    'x.constructor',
    '@index',
    '@key',
    '@src',
    'x.__proto__.y',
    'x.[0]',
    'toString',
  );
  const name = fc.constantFrom(...functions.keys(), 'nope', 'constructor', '__proto__', 'lookup');
  const { expression, statement } = fc.letrec<{ expression: string; statement: string }>((tie) => ({
    expression: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      literal,
      path,
      fc
        .tuple(name, fc.array(tie('expression'), { maxLength: 3 }))
        .map(([call, args]) => `(${[call, ...args].join(' ')})`),
    ),
    statement: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom(
        'text\n',
        '{{!-- c --}}',
        '{{> p}}',
        '{{> p x=1}}',
        '}}',
        '{{',
        '{{else}}',
        '{"a":{{x}}}',
        '\\{{x}}',
      ),
      tie('expression').map((inner) => `{{print ${inner}}}`),
      fc
        .tuple(name, fc.array(tie('expression'), { maxLength: 3 }))
        .map(([call, args]) => `{{{${[call, ...args].join(' ')}}}}`),
      fc
        .tuple(
          fc.constantFrom('each', 'if', 'with', 'unless'),
          tie('expression'),
          tie('statement'),
          tie('statement'),
        )
        .map(
          ([block, of, body, other]) =>
            `{{#${block} ${of}${block === 'each' || block === 'with' ? ' as |x|' : ''}}}${body}{{else}}${other}{{/${block}}}`,
        ),
      fc
        .tuple(name, tie('expression'), tie('statement'))
        .map(([block, of, body]) => `{{#${block} ${of}}}${body}{{/${block}}}`),
      fc.tuple(tie('statement'), tie('statement')).map(([a, b]) => a + b),
    ),
  }));

  test('made of its grammar', async () => {
    await fc.assert(
      fc.asyncProperty(statement, (source) => survives(source, world)),
      { numRuns: 1500 },
    );
  });
  test('calls alone', async () => {
    await fc.assert(
      fc.asyncProperty(expression, (inner) => survives(`{{{print ${inner}}}}`, world)),
      { numRuns: 500 },
    );
  });
  test('any text', async () => {
    const piece = fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.constantFrom(
        '{{',
        '}}',
        '{{{',
        '}}}',
        '#each',
        '/each',
        '|',
        'as',
        '"',
        '(',
        ')',
        '~',
        '!',
        '>',
        '@',
        '\\',
        '\n',
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 20 }), (pieces) => survives(pieces.join(''), world)),
      { numRuns: 1500 },
    );
  });
  test('nested beyond all reason', async () => {
    for (const source of [
      '{{#if true}}'.repeat(5000) + '{{/if}}'.repeat(5000),
      `{{print ${'(print '.repeat(5000)}1${')'.repeat(5000)}}}`,
      '{{#if true}}'.repeat(150) + '{{/if}}'.repeat(150),
      '{{'.repeat(20_000),
      `{{fromJson (getv "/deep")}}`,
    ]) {
      await survives(source, { ...world, keys: { '/deep': '['.repeat(100_000) + ']'.repeat(100_000) } });
    }
  });
});
