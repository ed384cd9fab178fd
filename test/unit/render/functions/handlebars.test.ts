import { describe, expect, test } from 'vitest';
import { Float64, newMap, type Value } from '../../../../src/render/functions/values.js';
import { render as renderGo } from '../engines/gotemplate/support.js';
import { refusal, render } from '../support.js';
import { callWith, contextFor, go } from './support.js';

const hbs = (name: string, ...args: readonly Value[]): Value =>
  callWith(contextFor('handlebars'), name, ...args);
const float = (value: number): Float64 => new Float64(value);

describe('Handlebars makes no difference between whole numbers and those of JSON', () => {
  test.each(['print', 'html', 'js', 'urlquery'])(
    '%s shows them as {{x}} does, without an exponent',
    async (name) => {
      expect(hbs(name, float(1_000_000))).toBe('1000000');
      expect(hbs(name, float(12_345_678.5))).toBe('12345678.5');
      expect(hbs(name, 12_345_678.5)).toBe('12345678.5');
      expect(await renderGo(`{{${name} (fromJson "1000000")}}`)).toBe(
        name === 'urlquery' ? '1e%2B06' : '1e+06',
      );
    },
  );

  test('print still puts blanks between numbers, and none beside text', () => {
    expect(hbs('print', float(1_000_000), 2, 'a', float(3))).toBe('1000000 2a3');
    expect(hbs('println', float(1_000_000), 'a')).toBe('1000000 a\n');
  });

  test('printf %x and %X write a number in hexadecimal, and text by its bytes', () => {
    expect(hbs('printf', '%x %X %x', float(255), float(255), '1')).toBe('ff FF 31');
  });

  test('join takes them', () => {
    expect(hbs('join', [float(80), float(2.5), 3, 'x'], ',')).toBe('80,2.5,3,x');
  });

  test('index and loop take them, and the text of a whole number', () => {
    const list = ['a', 'b'];
    expect(hbs('index', list, float(1))).toBe('b');
    expect(hbs('index', list, '1')).toBe('b');
    expect(hbs('loop', float(2))).toEqual([0, 1]);
    expect(() => hbs('index', list, float(1.5))).toThrow('a list is indexed by a whole number, not by');
    expect(() => hbs('index', list, 'one')).toThrow('a list is indexed by a whole number, not by');
    expect(() => hbs('loop', float(1.5))).toThrow('a whole number was expected');
    expect(() => go('loop', float(2))).toThrow('a whole number was expected');
  });

  test('index says what it was to go into', () => {
    expect(() => hbs('index', newMap([]), 'x', 'y')).toThrow(
      'an absent value can\'t be indexed by the text "y"',
    );
  });
});

describe('order', () => {
  test('lt compares texts byte by byte, as Go does', () => {
    expect(hbs('lt', '\u{1f600}', '\uffff')).toBe(false);
    expect(hbs('gt', '\u{1f600}', '\uffff')).toBe(true);
    expect(hbs('le', 'a', 'a')).toBe(true);
  });
});

describe('sentences', () => {
  test('a function names itself once', async () => {
    for (const [call, sentence] of [
      ['(parseInt "x")', 't.hbs:1:3: parseInt: strconv.ParseInt: parsing "x": invalid syntax'],
      ['(parseFloat "x")', 't.hbs:1:3: parseFloat: strconv.ParseFloat: parsing "x": invalid syntax'],
      ['(toTOML "x")', 't.hbs:1:3: toTOML: a map was expected, not the text "x"'],
      ['(index (loop "x") 0)', 't.hbs:1:10: loop: a whole number was expected, not the text "x"'],
    ] as const) {
      expect(await refusal(`{{${call.slice(1, -1)}}}`)).toBe(sentence);
    }
    const keys = { '/x/a': '1', '/x/a/b': '2' };
    expect(await refusal('{{toJson (explode (tree "/x"))}}', { keys })).toBe(
      't.hbs:1:11: explode: "a/b" can\'t be an entry of "a", which has the value "1"',
    );
  });

  test.each([
    ['{"a":secret}', 'not valid JSON at line 1, column 6'],
    ['{\n  "a": 1,\n  }', 'not valid JSON at line 3, column 3'],
    ['db1,db2', 'not valid JSON at line 1, column 1'],
    ['{"é": x}', 'not valid JSON at line 1, column 7'],
    ['{"a"', 'not valid JSON: it ends too early'],
    ['', 'not valid JSON: it ends too early'],
  ])('where %j is no JSON', (text, sentence) => {
    expect(() => hbs('fromJson', text)).toThrow(new RegExp(`^${sentence}$`));
  });

  test('a fault of YAML ends with its place', () => {
    expect(() => hbs('parseYAML', 'a: [1')).toThrow(/at line 1, column 6$/);
  });

  test('a key without its slash is told so', async () => {
    const sentence = 'key does not exist: app/name: a key begins with a slash, as in "/app/name"';
    expect(await refusal('{{getv "app/name"}}', { keys: { '/app/name': 'x' } })).toContain(sentence);
    expect(await refusal('{{#with (get "app/name")}}{{key}}{{/with}}')).toContain(sentence);
    expect(() => go('getv', 'app/name')).toThrow(/^key does not exist: app\/name$/);
    expect(await render('{{getv "app/name" "d"}}')).toBe('d');
  });
});
