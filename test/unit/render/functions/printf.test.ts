import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatFloat } from '../../../../src/render/functions/fmt/float.js';
import { sprintf } from '../../../../src/render/functions/fmt/printf.js';
import { Float64, KeyValue, newMap, type Value } from '../../../../src/render/functions/values.js';
import { render } from '../support.js';
import { callWith, contextFor, go } from './support.js';

const f = (value: number): Float64 => new Float64(value);

/** Each expectation is what Go's fmt prints. */
test.each<[string, Value[], string]>([
  ['%s-%s', ['a', 'b'], 'a-b'],
  ['%d', [42], '42'],
  ['%5d|%-5d|%05d', [42, 42, 42], '   42|42   |00042'],
  ['%+d % d %+d', [42, 42, -42], '+42  42 -42'],
  ['%05d', [-42], '-0042'],
  ['%.3d|%6.3d|%-6.3d|%06.3d', [7, 7, 7, 7], '007|   007|007   |   007'],
  ['%.0d', [0], ''],
  ['%x %X %#x %#X', [255, 255, 255, 255], 'ff FF 0xff 0XFF'],
  ['%o %#o %O %b %#b', [8, 8, 8, 5, 5], '10 010 0o10 101 0b101'],
  ['%c %c %U %#U', [65, 0x1f600, 0x1f600, 0x2318], "A 😀 U+1F600 U+2318 '⌘'"],
  ['%q %q', [65, 10], "'A' '\\n'"],
  ['%q', ['a"b\n'], '"a\\"b\\n"'],
  ['%#q %+q', ['a`b', 'é'], '"a`b" "\\u00e9"'],
  ['%#q', ['ab'], '`ab`'],
  ['%x %X % x %#x', ['hi', 'hi', 'hi', 'hi'], '6869 6869 68 69 0x6869'],
  ['%5s|%-5s|%.2s|%5.1s', ['ab', 'ab', 'abc', 'abc'], '   ab|ab   |ab|    a'],
  ['%5s', ['é'], '    é'],
  ['%05s', ['ab'], '000ab'],
  ['%t %v', [true, false], 'true false'],
  ['%6.2f|%-8.1f|%08.3f', [f(3.1449), f(2.5), f(-3.1417)], '  3.14|2.5     |-003.142'],
  ['%f %e %g %E', [f(1.5), f(1234.5678), f(1e6), f(0.00012)], '1.500000 1.234568e+03 1e+06 1.200000E-04'],
  ['%g %g %g %g', [f(100000), f(123456789), f(1e21), f(0.0001)], '100000 1.23456789e+08 1e+21 0.0001'],
  ['%.3g %.10g %+g', [f(1234.5), f(1234.5), f(2)], '1.23e+03 1234.5 +2'],
  ['%v %v %v', [f(1000000), f(3), f(0.1)], '1e+06 3 0.1'],
  ['%v', [['a', 'b']], '[a b]'],
  ['%q', [['a', 'b']], '["a" "b"]'],
  ['%d', [[1, 2]], '[1 2]'],
  [
    '%v',
    [
      newMap([
        ['b', 1],
        ['a', 'x'],
      ]),
    ],
    'map[a:x b:1]',
  ],
  ['%v %+v', [new KeyValue('/a', 'x'), new KeyValue('/a', 'x')], '{/a x} {Key:/a Value:x}'],
  ['%v', [undefined], '<nil>'],
  ['%T %T %T', ['a', 1, f(1)], 'string int float64'],
  ['100%%', [], '100%'],
  ['%*d|%-*d', [5, 1, 3, 2], '    1|2  '],
  ['%.*f', [2, f(3.1449)], '3.14'],
  ['%[2]d %[1]d', [1, 2], '2 1'],
  ['%[2]*[1]d', [1, 4], '   1'],
  ['%d', ['x'], '%!d(string=x)'],
  ['%s', [5], '%!s(int=5)'],
  ['%d', [f(1.5)], '%!d(float64=1.5)'],
  ['%t', ['x'], '%!t(string=x)'],
  ['%z', [1], '%!z(int=1)'],
  ['%d %d', [1], '1 %!d(MISSING)'],
  ['%d', [1, 'x', 2], '1%!(EXTRA string=x, int=2)'],
  ['a%', [], 'a%!(NOVERB)'],
  ['%[5]d', [1], '%!d(BADINDEX)'],
  ['%*d', ['x', 1], '%!(BADWIDTH)1'],
  ['%s', [undefined], '%!s(<nil>)'],
  ['%d', [['a']], '[%!d(string=a)]'],
])('%s of %j is %s', (format, args, expected) => {
  expect(sprintf(format, args).text).toBe(expected);
});

test('floats read back as they were', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
      for (const verb of ['e', 'f', 'g'] as const) expect(Number(formatFloat(number, verb, -1))).toBe(number);
    }),
  );
});

test('any format and arguments end in text', () => {
  const value = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.double().map(f),
    fc.constant(undefined),
    fc.array(fc.string(), { maxLength: 2 }),
  );
  const piece = fc.constantFrom(
    '%',
    'd',
    's',
    'v',
    'q',
    'x',
    'f',
    'g',
    '*',
    '.',
    '[',
    '1',
    '2',
    ']',
    '-',
    '+',
    '#',
    ' ',
    '0',
    'z',
    'é',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.array(value, { maxLength: 3 }), (pieces, args) => {
      expect(typeof sprintf(pieces.join(''), args).text).toBe('string');
    }),
    { numRuns: 3000 },
  );
});

describe('in Handlebars', () => {
  test('a fault is an error', () => {
    expect(() => callWith(contextFor('handlebars'), 'printf', '%d', 'x')).toThrow('%!d(string=x)');
    expect(() => callWith(contextFor('handlebars'), 'printf', '%s')).toThrow('%!s(MISSING)');
  });
  test("a store's decimal text is a number where one is asked for, and a number is text", async () => {
    const keys = { '/port': '8080', '/ratio': '0.5' };
    expect(
      await render('{{printf "%05d %.2f %s %q %x" (getv "/port") (getv "/ratio") 5 5 255}}', { keys }),
    ).toBe('08080 0.50 5 "5" ff');
  });
});

test('print and println', () => {
  expect(go('print', 'a', 'b', 1, 2, 'c', true)).toBe('ab1 2ctrue');
  expect(go('println', 'a', 1)).toBe('a 1\n');
  expect(go('println')).toBe('\n');
});

test('html, js, urlquery', () => {
  expect(go('html', `<a href="x">&'\0`)).toBe('&lt;a href=&#34;x&#34;&gt;&amp;&#39;\ufffd');
  expect(go('js', `'"\\<>&=\n`)).toBe(`\\'\\"\\\\\\u003C\\u003E\\u0026\\u003D\\u000A`);
  expect(go('urlquery', `a b&c=d/é~*'()!`)).toBe('a+b%26c%3Dd%2F%C3%A9~%2A%27%28%29%21');
});
