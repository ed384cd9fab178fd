import { parse as smolParse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/base/prng.js';
import { readFile } from '../../../src/confdir/file.js';
import { NO_DEFAULTS } from '../../../src/confdir/reloading.js';
import { parseToml } from '../../../src/confdir/toml.js';

const around = {
  defaults: NO_DEFAULTS,
  file: 'f.toml',
  name: 'f',
  templates: '/t',
  cwd: '/',
  prefix: undefined,
  prefixMode: 'replace',
  env: {},
} as const;
const seeds = [
  '[template]\nsrc = "a.hbs"\ndest = "/tmp/a"\nkeys = ["/a", \'/b\',\n # c\n]\nmode = "0644"\nwait = { min = "1s", max = 5 }\n',
  'x = """a\n\\"b"""\ny = \'\'\'c\'\'\'\n[[hook]]\ncommand = ["a", "b"]\ntimeout = 1.5\n[[hook]]\ncommand = "c" # d\n',
  '[[group]]\nname = "g"\nreload_cmd = "r"\n[[group.template]]\nsrc = "a"\ndest = "/x/{{name}}\x24{A}"\nfor_each = "/s/*"\n[[template]]\nsrc = "b"\ndest = "/b"\n',
  'a.b."c d" = 0x1F\n[t.u]\nd = 1979-05-27T07:32:00Z\nf = [[1, 2], ["x"]]\ng = {h.i = true, j = -inf}\n',
];
const pieces = [
  '[',
  ']',
  '[[',
  '"',
  "'",
  '"""',
  "'''",
  '{',
  '}',
  '=',
  '#',
  '\n',
  '\r',
  '\\',
  ',',
  '.',
  '0',
  '0644',
  '\0',
  'é',
  '\u{1f600}',
  '\ud800',
  '__proto__',
  '[template]',
  '\n[[hook]]\n',
];

function mutate(text: string, random: Prng): string {
  let result = text;
  for (let left = 1 + random.below(4); left > 0; left--) {
    const at = random.below(result.length + 1);
    const cut = random.chance(0.5) ? random.below(8) : 0;
    const piece = random.chance(0.7) ? (pieces[random.below(pieces.length)] ?? '') : '';
    result = result.slice(0, at) + piece + result.slice(at + cut);
  }
  return result;
}

describe('broken TOML', () => {
  it('never throws, and is told with a place: 10,000 inputs', () => {
    const random = new Prng(20_201);
    let broken = 0;
    for (let round = 0; round < 10_000; round++) {
      const bytes = Buffer.from(mutate(seeds[round % seeds.length] ?? '', random));
      if (round % 10 === 0 && bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256);
      const generation = readFile(bytes, around);
      const errors = generation.problems.filter(({ severity }) => severity === 'error');
      if (errors.length === 0) continue;
      broken++;
      expect(generation.resources.length + generation.hooks.length).toBe(0);
      for (const { line, column, message } of errors) {
        expect(line, message).toBeGreaterThan(0);
        expect(column).toBeGreaterThan(0);
        expect(message).not.toMatch(/undefined|\[object|\n/);
      }
    }
    expect(broken).toBeGreaterThan(5_000);
  });

  it('reads as a second parser does where both take it', () => {
    const random = new Prng(7);
    let compared = 0;
    for (let round = 0; round < 3_000; round++) {
      const text = mutate(seeds[round % seeds.length] ?? '', random);
      const { table } = parseToml(text);
      if (table === undefined) continue;
      let other: unknown;
      try {
        other = smolParse(text);
      } catch {
        continue;
      }
      compared++;
      expect(normal(table), text).toEqual(normal(other));
    }
    expect(compared).toBeGreaterThan(300);
  });
});

/** Both parsers' values in one shape: plain objects, dates as milliseconds, whole numbers alike. */
function normal(value: unknown): unknown {
  if (value instanceof Date) return value.getTime();
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .map(([key, item]): [string, unknown] => [key, normal(item)])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
