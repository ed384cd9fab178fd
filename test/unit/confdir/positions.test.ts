import { parse as smolParse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { type KeyPath, Positions } from '../../../src/confdir/positions.js';
import { parseToml } from '../../../src/confdir/toml.js';

const lines = (...text: string[]) => text.join('\n');

describe('Positions', () => {
  const text = lines(
    '# a comment with key = 1',
    'top = "x # not a comment = 2"',
    '',
    '[template] # src = 3',
    '  src = """',
    'dest = 4',
    '[hook]',
    '"""',
    'keys = [ # mode = 5',
    '  "/a]", # ]',
    "  '/b = 6',",
    ']',
    '"quoted key" = 7',
    'wait = { min = "1s", "max" = "2s" }',
    'deep.er.est = 8',
    '[[hook]]',
    'command = 9',
    '[[hook]]',
    'command = [ [ 1 ], { x = 10 } ]',
    '[hook.sub]',
    'y = 11',
  );
  const positions = new Positions(text);
  const key = (...path: KeyPath) => {
    const place = positions.key(path);
    return place === undefined ? undefined : [place.line, place.column];
  };
  const value = (...path: KeyPath) => {
    const place = positions.value(path);
    return place === undefined ? undefined : [place.line, place.column];
  };

  it('finds keys past comments, strings and multi-line values', () => {
    expect(key('top')).toEqual([2, 1]);
    expect(key('template')).toEqual([4, 1]);
    expect(key('template', 'src')).toEqual([5, 3]);
    expect(value('template', 'src')).toEqual([5, 9]);
    expect(key('template', 'dest')).toBeUndefined();
    expect(key('template', 'mode')).toBeUndefined();
    expect(key('template', 'keys')).toEqual([9, 1]);
    expect(value('template', 'keys', 0)).toEqual([10, 3]);
    expect(value('template', 'keys', 1)).toEqual([11, 3]);
    expect(key('template', 'quoted key')).toEqual([13, 1]);
  });

  it('finds keys of inline tables, dotted keys and lists of tables', () => {
    expect(key('template', 'wait', 'min')).toEqual([14, 10]);
    expect(value('template', 'wait', 'max')).toEqual([14, 30]);
    expect(key('template', 'deep')).toEqual([15, 1]);
    expect(key('template', 'deep', 'er', 'est')).toEqual([15, 1]);
    expect(key('hook', 0)).toEqual([16, 1]);
    expect(value('hook', 0, 'command')).toEqual([17, 11]);
    expect(key('hook', 1, 'command')).toEqual([19, 1]);
    expect(value('hook', 1, 'command', 1, 'x')).toEqual([19, 26]);
    expect(key('hook', 1, 'sub', 'y')).toEqual([21, 1]);
  });

  it('counts lines across CRLF and columns from 1', () => {
    const crlf = new Positions('a = 1\r\nb = """x\r\ny"""\r\nc = 2\r\n');
    expect(crlf.key(['c'])).toEqual({ line: 4, column: 1 });
  });

  it('reads escaped and literal quoted keys as the parser names them', () => {
    const source = '"a\\u0062\\n\\"" = 1\n\'c\\d\' = 2\n"" = 3\n';
    const found = new Positions(source);
    for (const name of Object.keys(parseToml(source).table ?? {}))
      expect(found.key([name]), name).toBeDefined();
  });

  it('has a place for every key of everything the parser takes', () => {
    const documents = [
      text,
      'a = """"quoted""""\nb = 1',
      "a = '''''x''''\nb = 1",
      'a = """\\\n   x\\""" y"""\nb = 1',
      'a = [\n]\nb = [1,\n# ]\n2,]\nc = {}\nd = { e = { f = [1] } }',
      '[[a]]\n[[a.b]]\nc = 1\n[[a.b]]\nc = 2\n[[a]]\n[[a.b]]\nc = 3\n[a.d]\ne = 4',
      '[ a . "b" ]\nc = 1979-05-27T07:32:00Z # x\nd = 07:32:00\n',
      'a.b = 1\na.c = 2\n[d.e]\nf = 1\n[d]\ng = 1',
    ];
    const walk = (value: unknown, path: KeyPath, places: Positions) => {
      if (path.length > 0) expect(places.key(path), JSON.stringify(path)).toBeDefined();
      if (Array.isArray(value)) for (const [at, item] of value.entries()) walk(item, [...path, at], places);
      else if (typeof value === 'object' && value !== null && !(value instanceof Date)) {
        for (const [name, item] of Object.entries(value)) walk(item, [...path, name], places);
      }
    };
    for (const document of documents) {
      expect(parseToml(document).fault, document).toBeUndefined();
      walk(smolParse(document), [], new Positions(document));
    }
  });

  it('survives what isn’t TOML, and a megabyte of anything', () => {
    const size = 1 << 20;
    const long = [
      ' ',
      '#',
      '\n',
      '"',
      "'",
      '[',
      '{',
      '=',
      'a',
      '.',
      '\\',
      '"""',
      "'''",
      '# \n',
      'a=[',
      'a={',
      'a="b\\"',
      ',',
    ];
    for (const piece of long) {
      for (const start of ['', 'a = ', 'a = """', "a = '''", 'a = "']) {
        new Positions(start + piece.repeat(Math.ceil(size / piece.length)));
      }
    }
    expect(new Positions('a = "x').key(['a'])).toEqual({ line: 1, column: 1 });
  });
});
