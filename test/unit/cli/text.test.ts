import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareOf } from '../../../src/cli/confetctl/compare.js';
import { linesOf } from '../../../src/cli/confetctl/lines.js';
import { goUnquote, wordsOf } from '../../../src/cli/confetctl/words.js';
import { humanBytes } from '../../../src/cli/output/cells.js';
import { goJson } from '../../../src/cli/output/go-json.js';
import { goQuote, hexBytes } from '../../../src/cli/output/go-text.js';
import { table } from '../../../src/cli/output/table.js';

describe('Go texts', () => {
  test('any bytes survive quoting and unquoting', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (array) => {
        const bytes = Buffer.from(array);
        expect(goUnquote(goQuote(bytes))).toEqual(bytes);
        const text = goQuote(bytes);
        // Printable: it can stand in a terminal and in one line.
        expect(text).toMatch(/^"[^\p{Cc}]*"$/u);
      }),
    );
  });

  test.each([
    [Buffer.from('a"b\\\n\t\x01\x7f'), '"a\\"b\\\\\\n\\t\\x01\\x7f"'],
    [Buffer.from([0xff, 0x41, 0xe2, 0x82]), '"\\xffA\\xe2\\x82"'],
    [Buffer.from('ü☃\u200b\u{1f600}'), '"ü☃\\u200b\u{1f600}"'],
  ])('%s', (bytes, quoted) => expect(goQuote(bytes)).toBe(quoted));

  test('JSON: bare 64-bit numbers, base64, escapes', () => {
    expect(
      goJson({
        id: 10276657743932975437n,
        bytes: Buffer.from('<&>'),
        text: '<&>\b',
        none: undefined,
        list: [],
      }),
    ).toBe('{"id":10276657743932975437,"bytes":"PCY+","text":"\\u003c\\u0026\\u003e\\u0008","list":[]}');
  });

  test('hex', () => expect(hexBytes(Buffer.from('k1'))).toBe('\\x6b\\x31'));

  test.each([
    [9, '9 B'],
    [999, '999 B'],
    [24_576, '25 kB'],
    [1_234_567, '1.2 MB'],
    [99_999_999, '100 MB'],
  ])('%d bytes: %s', (bytes, text) => expect(humanBytes(bytes)).toBe(text));

  test('a table counts characters, not bytes', () => {
    expect(table(['a', 'bcd'], [['ü☃', '1']])).toBe(
      ['+----+-----+', '| A  | BCD |', '+----+-----+', '| ü☃ |   1 |', '+----+-----+', ''].join('\n'),
    );
  });
});

describe("txn's lines", () => {
  test('words: quotes, escapes, and plain ones', () => {
    expect(wordsOf(`put "a \\"b\\"\\n" 'c d' e=f --prev-kv`).map(String)).toEqual([
      'put',
      'a "b"\n',
      'c d',
      'e=f',
      '--prev-kv',
    ]);
  });

  test.each([
    ['mod("k") > "0"', { target: 2, result: 1, targetUnion: { $case: 'modRevision', value: 0 } }],
    [
      'value("k") != "x y"',
      { target: 3, result: 3, targetUnion: { $case: 'value', value: Buffer.from('x y') } },
    ],
    ['c(`k`) < "4"', { target: 1, result: 2 }],
    ['ver("k") = "1"', { target: 0, result: 0 }],
    ['lease("k") = "ff"', { target: 4, targetUnion: { $case: 'lease', value: 255n } }],
  ])('%s', (line, compare) => expect(compareOf(line)).toMatchObject({ ...compare, key: Buffer.from('k') }));

  test.each([
    'bogus',
    'mod(k) > "0"',
    'mod("k") ? "0"',
    'mod("k") > 0',
    'x("k") = "0"',
    'mod("\\q") > "0"',
    'lease("k") = "zz"',
  ])('%s is malformed, and shown', (line) => {
    expect(() => compareOf(line)).toThrow(
      expect.objectContaining({ exitCode: 3, message: expect.stringContaining(line) }),
    );
  });

  test('lines come out whole however the chunks fall; what has no newline is none', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string()),
        fc.string(),
        fc.array(fc.nat(20)),
        async (texts, tail, cuts) => {
          const lines = texts.map((text) => text.replaceAll('\n', ''));
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join('') + tail.replaceAll('\n', ''));
          const chunks: Buffer[] = [];
          let at = 0;
          for (const cut of cuts) {
            chunks.push(bytes.subarray(at, at + cut));
            at += cut;
          }
          chunks.push(bytes.subarray(at));
          const found: string[] = [];
          for await (const line of linesOf(from(chunks))) found.push(line);
          expect(found).toEqual(lines);
        },
      ),
    );
  });
});

async function* from(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks;
}
