import { describe, expect, test } from 'vitest';
import { Float64, KeyValue, newMap, type Value } from '../../../../src/render/functions/values.js';
import type { MirrorView } from '../../../../src/render/key-view.js';
import { render as renderGo } from '../engines/gotemplate/support.js';
import { render as renderHbs } from '../support.js';
import { callWith, contextFor, go } from './support.js';

const map = (entries: Readonly<Record<string, Value>>): Value => newMap(Object.entries(entries));
const keys = {
  '/app/db/host': 'db1',
  '/app/db/port': '5432',
  '/app/name': 'shop',
  '/app/empty': '',
  '/app/a*b/c': 'star',
  '/app-2/x': 'other',
};
const store = contextFor('go', { keys });
const pairs = (value: Value): string[] =>
  (value as readonly KeyValue[]).map(({ key, value: text }) => `${key}=${text}`);

describe("consul-template's questions to the store", () => {
  test('keyOrDefault: the default also stands in for an empty value; a leading slash may lack', () => {
    expect(callWith(store, 'keyOrDefault', '/app/name', 'd')).toBe('shop');
    expect(callWith(store, 'keyOrDefault', 'app/name', 'd')).toBe('shop');
    expect(callWith(store, 'keyOrDefault', '/app/empty', 'd')).toBe('d');
    expect(callWith(store, 'keyOrDefault', '/none', 'd')).toBe('d');
  });
  test.each(['/app', 'app', '/app/'])(
    'tree %j is everything under it, by its path from there, sorted',
    (path) => {
      const expected = ['a*b/c=star', 'db/host=db1', 'db/port=5432', 'empty=', 'name=shop'];
      expect(pairs(callWith(store, 'tree', path))).toEqual(expected);
      expect(pairs(callWith(store, 'safeTree', path))).toEqual(expected);
    },
  );
  test('tree of the top, and of nothing', () => {
    expect(pairs(callWith(store, 'tree', '/'))).toHaveLength(6);
    expect(pairs(callWith(store, 'tree', ''))).toHaveLength(6);
    expect(callWith(store, 'tree', '/none')).toEqual([]);
    expect(callWith(store, 'tree', '/app/name')).toEqual([]);
  });
  test('safeLs is what lies directly under it', () => {
    expect(pairs(callWith(store, 'safeLs', 'app'))).toEqual(['empty=', 'name=shop']);
    expect(pairs(callWith(store, 'safeLs', '/app/a*b'))).toEqual(['c=star']);
  });
  test('safeLs and safeTree refuse an empty answer', () => {
    expect(() => callWith(store, 'safeLs', '/none')).toThrow('there is nothing under "/none"');
    expect(() => callWith(store, 'safeTree', '/none')).toThrow('there is nothing under "/none"');
  });
  test('explode makes maps of paths', () => {
    expect(callWith(store, 'explode', callWith(store, 'tree', '/app'))).toEqual(
      map({ 'a*b': map({ c: 'star' }), db: map({ host: 'db1', port: '5432' }), empty: '', name: 'shop' }),
    );
    const clash = [new KeyValue('a', '1'), new KeyValue('a/b', '2')];
    expect(() => go('explode', clash)).toThrow('explode: not a map: "a/b": "a" already has value "1"');
    expect(Object.getPrototypeOf(go('explode', [new KeyValue('__proto__/x', '1')]))).toBeNull();
    expect(() => go('explode', ['a'])).toThrow('a list of pairs was expected');
  });
  test('byKey groups by the first name', () => {
    const list = [
      new KeyValue('a/x', '1'),
      new KeyValue('a/y/z', '2'),
      new KeyValue('b', '3'),
      new KeyValue('c/', '4'),
    ];
    expect(go('byKey', list)).toEqual(
      map({ a: map({ x: new KeyValue('x', '1'), 'y/z': new KeyValue('y/z', '2') }) }),
    );
  });
  test('every question is remembered as a dependency, the ones without an answer too', () => {
    const context = contextFor('go', { keys });
    callWith(context, 'tree', '/later');
    const { dependencies } = context.keys as MirrorView;
    expect(dependencies.touchedBy('/later/deep/er')).toBe(true);
    expect(dependencies.touchedBy('/elsewhere')).toBe(false);
  });
});

describe('parsers', () => {
  test.each<[string, Value[], Value]>([
    ['parseInt', [''], 0],
    ['parseInt', ['-12'], -12],
    ['parseInt', ['9223372036854775807'], 9223372036854775807n],
    ['parseFloat', [''], new Float64(0)],
    ['parseFloat', ['1e3'], new Float64(1000)],
    ['parseFloat', ['-.5'], new Float64(-0.5)],
    ['parseFloat', ['+Inf'], new Float64(Number.POSITIVE_INFINITY)],
    ['parseJSON', [''], map({})],
    ['parseJSON', ['[1]'], [new Float64(1)]],
    ['parseYAML', [''], map({})],
    ['parseYAML', ['a: [1, 1.0, x, true, null, 0x10]'], map({ a: [1, new Float64(1), 'x', true, null, 16] })],
    ['parseYAML', ['1: a\ntrue: b'], map({ '1': 'a', true: 'b' })],
    [
      'parseYAML',
      ['a: &x {k: v}\nb: *x\nc:\n  <<: *x\n  l: w'],
      map({ a: map({ k: 'v' }), b: map({ k: 'v' }), c: map({ k: 'v', l: 'w' }) }),
    ],
    ['parseYAML', ['- 2024-01-01\n- "5"\n- |\n  two\n  lines'], ['2024-01-01', '5', 'two\nlines\n']],
    ['parseYAML', ['text'], 'text'],
    ['splitToMap', [',', ':', 'a:1,b:2:3,c, d:4'], map({ a: '1', b: '2:3', ' d': '4' })],
    ['splitToMap', [',', ':', ' '], map({})],
  ])('%s %j', (name, args, expected) => {
    expect(go(name, ...args)).toEqual(expected);
  });
  test('what they refuse', () => {
    expect(() => go('parseInt', '1.5')).toThrow('parseInt: strconv.ParseInt: parsing "1.5": invalid syntax');
    expect(() => go('parseInt', '9'.repeat(30))).toThrow('value out of range');
    expect(() => callWith(contextFor('handlebars'), 'parseInt', '9223372036854775807')).toThrow(
      'out of range',
    );
    expect(() => go('parseFloat', '1e999')).toThrow('value out of range');
    expect(() => go('parseFloat', 'x')).toThrow(
      'parseFloat: strconv.ParseFloat: parsing "x": invalid syntax',
    );
    expect(() => go('parseYAML', 'a: [')).toThrow(/^yaml: /);
    expect(() => go('parseYAML', 'a: *none')).toThrow(/^yaml: /);
    expect(() => go('parseYAML', '? [a]\n: b')).toThrow('a key that is a list or a map');
  });
  test('a few lines of YAML that stand for millions of values are refused', () => {
    const bomb = Array.from(
      { length: 8 },
      (_, at) => `l${at}: &l${at} [${`*l${at - 1},`.repeat(at === 0 ? 0 : 9)}x]`,
    ).join('\n');
    expect(() => go('parseYAML', bomb)).toThrow(/^yaml: /);
  });
});

describe('writers', () => {
  const value = map({
    b: [1, new Float64(1.5), 'x: y'],
    a: map({ on: true, none: null, text: 'l1\nl2' }),
    c: map({}),
  });
  test('toJSON', () => {
    expect(go('toJSON', value)).toBe(
      '{"a":{"none":null,"on":true,"text":"l1\\nl2"},"b":[1,1.5,"x: y"],"c":{}}',
    );
  });
  test('toYAML, in the order of the keys', () => {
    expect(go('toYAML', value)).toBe(
      'a:\n  none: null\n  "on": true\n  text: |-\n    l1\n    l2\nb:\n- 1\n- 1.5\n- "x: y"\nc: {}',
    );
    expect(go('parseYAML', go('toYAML', value))).toEqual(value);
  });
  test('toYAML quotes what a reader of YAML 1.1 would take for another kind of value', () => {
    const texts = ['yes', 'off', 'n', '12:30', '2001-01-01', '1_000', '0b1', '<<'];
    expect(go('toYAML', texts)).toBe(texts.map((text) => `- "${text}"`).join('\n'));
    expect(go('toYAML', map({ on: 'x', y: true }))).toBe('"on": x\n"y": true');
    expect(go('toYAML', ['plain text', 'http://a/b', '10.0.0.1'])).toBe(
      '- plain text\n- http://a/b\n- 10.0.0.1',
    );
  });
  test("toTOML: a whole number of JSON stays whole in Handlebars; Go's floats are floats", () => {
    const json = '{"port":8080,"ratio":0.5,"big":1e300,"list":[1,2]}';
    expect(callWith(contextFor('handlebars'), 'toTOML', go('json', json))).toBe(
      `big = 1${'0'.repeat(300)}.0\nlist = [1, 2]\nport = 8080\nratio = 0.5`,
    );
    expect(go('toTOML', go('json', '{"port":8080}'))).toBe('port = 8080.0');
  });
  test('toTOML, plain values before tables', () => {
    const nested = map({
      z: 1,
      servers: [map({ ip: 'a' }), map({ ip: 'b' })],
      db: map({ port: 5432, pool: map({ 'max size': 4 }) }),
      l: [1, 2],
      f: new Float64(2),
    });
    expect(go('toTOML', nested)).toBe(
      'f = 2.0\nl = [1, 2]\nz = 1\n\n[db]\nport = 5432\n\n[db.pool]\n"max size" = 4\n\n[[servers]]\nip = "a"\n\n[[servers]]\nip = "b"',
    );
    expect(go('toTOML', map({ a: 'é"\\\n\u007f' }))).toBe('a = "é\\"\\\\\\n\\u007f"');
    expect(() => go('toTOML', 'x')).toThrow('toTOML: a map was expected');
  });
});

describe('the rest', () => {
  test.each<[string, Value[], Value]>([
    ['loop', [3], [0, 1, 2]],
    ['loop', [2, 5], [2, 3, 4]],
    ['loop', ['1', '3'], [1, 2]],
    ['loop', [5, 2], []],
    ['sha256Hex', [''], 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['md5sum', ['abc'], '900150983cd24fb0d6963f7d28e17f72'],
    ['hmacSHA256Hex', ['msg', 'key'], '2d93cbc1be167bcb1637a4a23cbff01a7878f0c50ee833954ea5221bb1b8c628'],
    ['timestamp', [], '2015-01-23T13:34:56Z'],
    ['timestamp', ['unix'], '1422020096'],
    ['timestamp', ['2006'], '2015'],
    ['slice', ['héllo', 1, 3], 'é'],
    ['slice', [[1, 2, 3], 1], [2, 3]],
  ])('%s %j', (name, args, expected) => {
    expect(go(name, ...args)).toEqual(expected);
  });
  test('what they refuse', () => {
    expect(() => go('loop', 'x')).toThrow('loop: a whole number was expected');
    expect(() => go('slice', 'abc', 2, 9)).toThrow('out of range');
    expect(() => go('slice', 5)).toThrow('has no parts');
  });
  test('mustEnv and envOrDefault', () => {
    const context = contextFor('go', { env: { A: 'x', EMPTY: '' } });
    expect(callWith(context, 'mustEnv', 'A')).toBe('x');
    expect(() => callWith(context, 'mustEnv', 'EMPTY')).toThrow(
      'required environment variable EMPTY is empty',
    );
    expect(() => callWith(context, 'mustEnv', 'toString')).toThrow('toString is empty');
    expect(callWith(context, 'envOrDefault', 'EMPTY', 'd')).toBe('');
    expect(callWith(context, 'envOrDefault', 'NONE', 'd')).toBe('d');
  });
});

describe('both languages have them', () => {
  const world = { keys, env: { A: 'x' } };
  test.each([
    [
      '{{range tree "app/db"}}{{.Key}}={{.Value}} {{end}}',
      '{{#each (tree "app/db") as |p|}}{{p.key}}={{p.value}} {{/each}}',
      'host=db1 port=5432 ',
    ],
    [
      '{{with tree "app" | explode}}{{.db.host}}{{end}}',
      '{{#with (explode (tree "app")) as |t|}}{{t.db.host}}{{/with}}',
      'db1',
    ],
    [
      '{{range $k, $m := tree "/" | byKey}}{{$k}} {{end}}',
      '{{#each (byKey (tree "/")) as |m k|}}{{k}} {{/each}}',
      'app app-2 ',
    ],
    ['{{range loop 1 4}}{{.}}{{end}}', '{{#each (loop 1 4) as |n|}}{{n}}{{/each}}', '123'],
    [
      '{{regexReplaceAll "([a-z]+)([0-9])" (getv "/app/db/host") "$2-$1"}}',
      '{{regexReplaceAll "([a-z]+)([0-9])" (getv "/app/db/host") "$2-$1"}}',
      '1-db',
    ],
    ['{{if regexMatch "^d" "db"}}y{{end}}', '{{#if (regexMatch "^d" "db")}}y{{/if}}', 'y'],
    ['{{(parseYAML "a: {b: 1}").a.b}}', '{{#with (parseYAML "a: {b: 1}") as |y|}}{{y.a.b}}{{/with}}', '1'],
    ['{{toTOML (map "a" 1)}}', '{{toTOML (map "a" 1)}}', 'a = 1'],
    ['{{"a:1" | splitToMap "," ":" | toJSON}}', '{{toJSON (splitToMap "," ":" "a:1")}}', '{"a":"1"}'],
    [
      '{{mustEnv "A"}}{{envOrDefault "B" "d"}}{{keyOrDefault "no" "e"}}',
      '{{mustEnv "A"}}{{envOrDefault "B" "d"}}{{keyOrDefault "no" "e"}}',
      'xde',
    ],
    [
      '{{timestamp "2006"}} {{md5sum ""}}',
      '{{timestamp "2006"}} {{md5sum ""}}',
      '2015 d41d8cd98f00b204e9800998ecf8427e',
    ],
  ])('%s', async (tmpl, hbs, expected) => {
    expect(await renderGo(tmpl, world)).toBe(expected);
    expect(await renderHbs(hbs, world)).toBe(expected);
  });
});
