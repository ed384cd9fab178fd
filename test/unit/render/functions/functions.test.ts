import { describe, expect, test } from 'vitest';
import { functions } from '../../../../src/render/functions/registry.js';
import { Float64, KeyValue, newMap, Time, type Value } from '../../../../src/render/functions/values.js';
import { callWith, contextFor, go } from './support.js';

const map = (entries: Readonly<Record<string, Value>>): Value => newMap(Object.entries(entries));
const plain = (value: Value): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, item: unknown) => (item instanceof Float64 ? item.value : item)) ?? 'null',
  );

test('the registry has what confd, its active fork and consul-template have', () => {
  const names =
    'exists get gets getv getvs ls lsdir base dir split join replace toUpper toLower contains trimSuffix trimPrefix ' +
    'json jsonArray map base64Encode base64Decode parseBool atoi getenv datetime fileExists add sub mul div mod seq ' +
    'reverse sortByLength sortKVByLength lookupIP lookupIPV4 lookupIPV6 lookupSRV lookupIfaceIPV4 lookupIfaceIPV6 ' +
    'hostname include printf print println len index eq ne lt le gt ge and or not html js urlquery default ternary ' +
    'coalesce empty toJson fromJson toPrettyJson indent nindent quote squote shquote repeat nospace snakecase ' +
    'camelcase kebabcase dict list hasKey keys values append pluck sha256sum regexMatch regexFind regexReplaceAll ' +
    'keyOrDefault safeLs safeTree tree explode byKey executeTemplate file mustEnv envOrDefault parseJSON parseYAML ' +
    'parseInt parseFloat toJSON toYAML toTOML loop splitToMap sha256Hex md5sum hmacSHA256Hex timestamp slice';
  for (const name of names.split(' ')) expect(functions.has(name), name).toBe(true);
});

describe('store', () => {
  const keys = { '/a/x': '2', '/a/y': '10', '/a/d/z': '3', '/b': '', '/top': 't' };
  const store = contextFor('go', { keys });
  const strict = contextFor('handlebars', { keys });
  test('exists is true for leaves only', () => {
    expect(callWith(store, 'exists', '/a/x')).toBe(true);
    expect(callWith(store, 'exists', '/a')).toBe(false);
  });
  test('get', () => {
    expect(callWith(store, 'get', '/a/x')).toEqual(new KeyValue('/a/x', '2'));
    expect(() => callWith(store, 'get', '/foo')).toThrow(/^key does not exist: \/foo$/);
  });
  test('getv and its default, which may be empty and does not stand in for an empty value', () => {
    expect(callWith(store, 'getv', '/a/x', 'd')).toBe('2');
    expect(callWith(store, 'getv', '/no', 'd')).toBe('d');
    expect(callWith(store, 'getv', '/no', '')).toBe('');
    expect(callWith(store, 'getv', '/b', 'd')).toBe('');
    expect(() => callWith(store, 'getv', '/foo')).toThrow(/^key does not exist: \/foo$/);
  });
  test('gets by key, getvs by value', () => {
    expect(callWith(store, 'gets', '/a/*')).toEqual([new KeyValue('/a/x', '2'), new KeyValue('/a/y', '10')]);
    expect(callWith(store, 'getvs', '/a/*')).toEqual(['10', '2']);
    expect(callWith(store, 'gets', '/no/*')).toEqual([]);
    expect(() => callWith(store, 'gets', '/a/[')).toThrow('syntax error in pattern');
  });
  test('ls and lsdir', () => {
    expect(callWith(store, 'ls', '/a')).toEqual(['d', 'x', 'y']);
    expect(callWith(store, 'ls', '/a/x')).toEqual(['x']);
    expect(callWith(store, 'lsdir', '/a')).toEqual(['d']);
  });
  test("confd's answers at the top are for Go templates; Handlebars gets what one expects", () => {
    expect(callWith(store, 'ls', '/')).toEqual(['b', 'top']);
    expect(callWith(store, 'ls', '')).toEqual([]);
    expect(callWith(store, 'lsdir', '/')).toEqual([]);
    expect(callWith(strict, 'ls', '/')).toEqual(['a', 'b', 'top']);
    expect(callWith(strict, 'lsdir', '/')).toEqual(['a']);
  });
});

describe('strings and paths', () => {
  test.each<[string, Value[], Value]>([
    ['split', ['a:b:c', ':'], ['a', 'b', 'c']],
    ['split', ['', ':'], ['']],
    ['split', ['aé😀', ''], ['a', 'é', '😀']],
    ['join', [['a', 'b'], ','], 'a,b'],
    ['join', [[], ','], ''],
    ['replace', ['a-b-c', '-', '_', -1], 'a_b_c'],
    ['replace', ['a-b-c', '-', '_', 1], 'a_b-c'],
    ['replace', ['a-b-c', '-', '_', 0], 'a-b-c'],
    ['replace', ['abc', '', '-', -1], '-a-b-c-'],
    ['replace', ['abc', '', '-', 2], '-a-bc'],
    ['replace', ['', '', '-', -1], '-'],
    ['replace', ['a$b', '$', '$&', -1], 'a$&b'],
    ['toUpper', ['straße'], 'STRAßE'],
    ['toLower', ['ÀB'], 'àb'],
    ['contains', ['seafood', 'foo'], true],
    ['contains', ['seafood', ''], true],
    ['trimSuffix', ['a.conf', '.conf'], 'a'],
    ['trimSuffix', ['a.conf', ''], 'a.conf'],
    ['trimPrefix', ['/a', '/'], 'a'],
    ['repeat', [3, 'ab'], 'ababab'],
    ['nospace', [' a\tb\u00a0c\n'], 'abc'],
    ['snakecase', ['HTTPServerName-two three_four'], 'http_server_name_two_three_four'],
    ['kebabcase', ['settingName2Go'], 'setting-name2-go'],
    ['camelcase', ['setting_name-for URLs'], 'settingNameForUrLs'],
    ['snakecase', [''], ''],
    ['indent', [2, 'a\nb\n'], '  a\n  b\n  '],
    ['indent', [2, ''], ''],
    ['nindent', [1, 'a'], '\n a'],
    ['quote', ['a"b\\c\n\u0001é'], '"a\\"b\\\\c\\n\\x01é"'],
    ['squote', ["it's"], "'it's'"],
    ['shquote', ["it's"], "'it'\\''s'"],
    ['sha256sum', ['abc'], 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    ['base64Encode', ['Value'], 'VmFsdWU='],
    ['base64Decode', ['VmFsdWU='], 'Value'],
    ['base', ['/a/b'], 'b'],
    ['base', ['/a/b//'], 'b'],
    ['base', ['/'], '/'],
    ['base', [''], '.'],
    ['base', ['a'], 'a'],
    ['dir', ['/a/b'], '/a'],
    ['dir', ['/a/b/'], '/a/b'],
    ['dir', ['/a'], '/'],
    ['dir', ['a'], '.'],
    ['dir', [''], '.'],
    ['dir', ['/a//b/../c'], '/a'],
  ])('%s %j', (name, args, expected) => {
    expect(go(name, ...args)).toEqual(expected);
  });
  test('what they refuse', () => {
    expect(() => go('repeat', -1, 'a')).toThrow('negative');
    expect(() => callWith(contextFor('handlebars'), 'indent', -1, 'a')).toThrow(
      'an indentation of -1 is negative',
    );
    expect(() => go('base64Decode', 'a')).toThrow('illegal base64');
    expect(() => go('base64Decode', 'VmF*dWU=')).toThrow('illegal base64');
    expect(() => go('shquote', 'a\0')).toThrow('NUL');
    expect(() => go('join', [['a']], ',')).toThrow('element 0 is a list');
  });
});

describe('numbers', () => {
  test.each<[string, Value[], Value]>([
    ['add', [1, 2], 3],
    ['sub', [1, 2], -1],
    ['mul', [-3, 4], -12],
    ['div', [7, 2], 3],
    ['div', [-7, 2], -3],
    ['div', [-1, 2], 0],
    ['mod', [7, 3], 1],
    ['mod', [-7, 3], -1],
    ['mod', [-6, 3], 0],
    ['seq', [3, 5], [3, 4, 5]],
    ['seq', [5, 3], []],
    ['atoi', ['-12'], -12],
    ['atoi', ['+12'], 12],
    ['atoi', ['007'], 7],
  ])('%s %j', (name, args, expected) => {
    expect(go(name, ...args)).toStrictEqual(expected);
  });
  test('what they refuse', () => {
    expect(() => go('div', 1, 0)).toThrow('integer divide by zero');
    expect(() => go('mod', 1, 0)).toThrow('integer divide by zero');
    expect(() => go('add', Number.MAX_SAFE_INTEGER, 1)).toThrow('2^53');
    for (const text of ['', 'x', '1.5', ' 1', '1e3', '0x1'])
      expect(() => go('atoi', text)).toThrow('invalid syntax');
    expect(() => go('atoi', '9'.repeat(20))).toThrow('out of range');
  });
});

describe('data', () => {
  test('json is an object, jsonArray an array, fromJson either; numbers are floats', () => {
    expect(plain(go('json', '{"a":{"b":[1,null]}}'))).toEqual({ a: { b: [1, null] } });
    expect(go('jsonArray', '[1,"x"]')).toEqual([new Float64(1), 'x']);
    expect(go('fromJson', '3')).toEqual(new Float64(3));
    const strict = contextFor('handlebars');
    expect(() => callWith(strict, 'json', '[1]')).toThrow('a JSON object was expected, not a list');
    expect(() => callWith(strict, 'jsonArray', '{}')).toThrow('a JSON array was expected, not a map');
    expect(() => callWith(strict, 'json', '{"a":secret}')).toThrow(/^not valid JSON at line 1, column 6$/);
  });
  test('maps have no prototype', () => {
    expect(Object.getPrototypeOf(go('json', '{"a":1}'))).toBeNull();
    expect(Object.getPrototypeOf(go('dict', 'a', 1))).toBeNull();
    expect(go('hasKey', go('json', '{}'), 'toString')).toBe(false);
    expect(go('index', go('json', '{}'), 'constructor')).toBeUndefined();
  });
  test('map and dict', () => {
    expect(go('map', 'a', 1, 'b', 'x')).toEqual(map({ a: 1, b: 'x' }));
    expect(() => go('map', 'a')).toThrow('invalid map call');
    expect(() => go('dict', 1, 2)).toThrow('map keys must be strings');
  });
  test('toJson as Go writes it', () => {
    expect(go('toJson', map({ b: '<a&b>', a: [1, true, null], c: map({}) }))).toBe(
      '{"a":[1,true,null],"b":"\\u003ca\\u0026b\\u003e","c":{}}',
    );
    expect(go('toJson', new KeyValue('/a', 'x'))).toBe('{"Key":"/a","Value":"x"}');
    expect(go('toJson', new Float64(1.5))).toBe('1.5');
    expect(go('toPrettyJson', map({ a: [1], b: [] }))).toBe('{\n  "a": [\n    1\n  ],\n  "b": []\n}');
  });
  test.each<[string, Value[], Value]>([
    ['list', [1, 'a'], [1, 'a']],
    ['hasKey', [map({ a: 1 }), 'a'], true],
    ['hasKey', [map({ a: 1 }), 'b'], false],
    ['keys', [map({ b: 1, a: 2 })], ['a', 'b']],
    ['values', [map({ b: 1, a: 2 })], [2, 1]],
    ['append', [[1], 2], [1, 2]],
    ['pluck', ['a', map({ a: 1 }), map({ b: 2 }), map({ a: 3 })], [1, 3]],
    ['len', ['é'], 2],
    ['len', [[1, 2]], 2],
    ['len', [map({ a: 1 })], 1],
    ['index', [['a', 'b'], 1], 'b'],
    ['index', [map({ a: ['x'] }), 'a', 0], 'x'],
    ['index', [map({}), 'a'], undefined],
    ['index', ['abc', 1], 98],
    ['parseBool', ['T'], true],
    ['parseBool', ['0'], false],
    ['reverse', [[1, 2, 3]], [3, 2, 1]],
    [
      'reverse',
      [[new KeyValue('/a', ''), new KeyValue('/b', '')]],
      [new KeyValue('/b', ''), new KeyValue('/a', '')],
    ],
    ['sortByLength', [['ccc', 'a', 'é', 'b']], ['a', 'b', 'é', 'ccc']],
    [
      'sortKVByLength',
      [[new KeyValue('/aa', '1'), new KeyValue('/b', '2')]],
      [new KeyValue('/b', '2'), new KeyValue('/aa', '1')],
    ],
  ])('%s %j', (name, args, expected) => {
    expect(go(name, ...args)).toEqual(expected);
  });
  test('what they refuse', () => {
    expect(() => go('index', ['a'], 1)).toThrow('index out of range: 1');
    expect(() => go('index', ['a'], 'x')).toThrow('indexed by a whole number');
    expect(() => go('index', 5, 0)).toThrow("can't be indexed");
    expect(() => go('len', 5)).toThrow('has no length');
    expect(() => go('parseBool', 'yes')).toThrow('invalid syntax');
    expect(() => go('sortByLength', [1])).toThrow('a list of texts');
  });
  test('reverse leaves its argument as it was', () => {
    const list = [1, 2];
    go('reverse', list);
    expect(list).toEqual([1, 2]);
  });
});

describe('logic', () => {
  test.each<[string, Value[], Value]>([
    ['default', ['d', ''], 'd'],
    ['default', ['d', 'v'], 'v'],
    ['default', ['d', undefined], 'd'],
    ['default', ['d', 0], 'd'],
    ['default', ['d', new Float64(0)], 'd'],
    ['coalesce', [undefined, '', 'x', 'y'], 'x'],
    ['coalesce', ['', 0], undefined],
    ['empty', [[]], true],
    ['empty', [map({})], true],
    ['empty', ['x'], false],
    ['ternary', ['a', 'b', true], 'a'],
    ['ternary', ['a', 'b', false], 'b'],
    ['and', ['a', '', 'b'], ''],
    ['and', ['a', 'b'], 'b'],
    ['and', ['a', undefined, 'b'], undefined],
    ['or', ['', 'b', 'c'], 'b'],
    ['or', ['', 0], 0],
    ['not', [''], true],
    ['eq', ['a', 'a'], true],
    ['eq', [1, 2, 3, 1], true],
    ['eq', [1, 2], false],
    ['ne', ['a', 'b'], true],
    ['lt', [1, 2], true],
    ['le', [2, 2], true],
    ['gt', ['b', 'a'], true],
    ['ge', ['a', 'b'], false],
  ])('%s %j', (name, args, expected) => {
    expect(go(name, ...args)).toEqual(expected);
  });
  test('what they refuse', () => {
    const strict = contextFor('handlebars');
    expect(callWith(strict, 'eq', 1, new Float64(1))).toBe(true);
    expect(() => callWith(strict, 'eq', 'a', 1)).toThrow("can't be compared with the number 1");
    expect(() => callWith(strict, 'lt', true, false)).toThrow('invalid type for comparison');
    expect(() => callWith(strict, 'eq', [1], [1])).toThrow("a list can't be compared");
  });
  test('the texts false and 0 are true in Go, as they are there, and refused in Handlebars', () => {
    expect(go('not', 'false')).toBe(false);
    expect(() => callWith(contextFor('handlebars'), 'not', 'false')).toThrow('parseBool');
  });
});

describe('environment and time', () => {
  const context = contextFor('go', { env: { A: 'x', EMPTY: '' } });
  test('getenv: the default also stands in for an empty variable', () => {
    expect(callWith(context, 'getenv', 'A', 'd')).toBe('x');
    expect(callWith(context, 'getenv', 'EMPTY', 'd')).toBe('d');
    expect(callWith(context, 'getenv', 'NONE')).toBe('');
    expect(callWith(context, 'getenv', 'toString', 'd')).toBe('d');
  });
  test('datetime stands still', () => {
    expect(callWith(context, 'datetime')).toEqual(new Time(Date.UTC(2015, 0, 23, 13, 34, 56, 93)));
    expect(go('print', go('datetime'))).toBe('2015-01-23 13:34:56.093 +0000 UTC');
    expect(go('datetime', 'Jan 2, 2006 at 3:04pm (MST)')).toBe('Jan 23, 2015 at 1:34pm (UTC)');
    expect(go('datetime', '2006-01-02T15:04:05.000Z07:00')).toBe('2015-01-23T13:34:56.093Z');
  });
});
