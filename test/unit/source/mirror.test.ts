import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Mirror } from '../../../src/source/mirror.js';
import { cleanKey, inSubtree, outermost } from '../../../src/source/subtree.js';
import type { Change, Pair } from '../../../src/source/types.js';

const pair = (key: string, value = key, modRevision = 1): Pair => ({ key, value, modRevision });
const put = (key: string, value = key, modRevision = 2): Change => ({
  type: 'put',
  pair: pair(key, value, modRevision),
});
const remove = (key: string): Change => ({ type: 'delete', key, modRevision: 2 });
const mirrorOf = (...keys: string[]) =>
  new Mirror({ origin: 'o', revision: 1, pairs: keys.map((key) => pair(key)) });
const all = (mirror: Mirror) => mirror.withPrefix('').map(({ key, value }) => [key, value]);
const batch = (revision: number, ...changes: Change[]) => ({ revision, changes, committedAtMs: undefined });

describe('Mirror', () => {
  it('knows whose revision it holds, and starts over from another snapshot', () => {
    const mirror = new Mirror();
    expect([mirror.origin, mirror.revision, mirror.size]).toEqual(['', 0, 0]);
    mirror.load({ origin: 'a', revision: 7, pairs: [pair('/x')] });
    expect([mirror.origin, mirror.revision, mirror.size]).toEqual(['a', 7, 1]);
    mirror.load({ origin: 'b', revision: 3, pairs: [pair('/y')] });
    expect([mirror.origin, mirror.revision, all(mirror)]).toEqual(['b', 3, [['/y', '/y']]]);
  });

  it('orders an unsorted snapshot, the last of equal keys winning', () => {
    const mirror = new Mirror({
      origin: 'o',
      revision: 1,
      pairs: [pair('/b'), pair('/a', '1'), pair('/a', '2')],
    });
    expect(all(mirror)).toEqual([
      ['/a', '2'],
      ['/b', '/b'],
    ]);
  });

  it('applies a batch whole and answers the names it touched', () => {
    const mirror = mirrorOf('/a', '/b');
    const changed = mirror.apply(batch(4, put('/a', 'new'), remove('/b'), put('/c'), remove('/never')));
    expect([...changed].sort()).toEqual(['/a', '/b', '/c']);
    expect(mirror.revision).toBe(4);
    expect(all(mirror)).toEqual([
      ['/a', 'new'],
      ['/c', '/c'],
    ]);
  });

  it('refuses to go back', () => {
    const mirror = mirrorOf('/a');
    mirror.apply(batch(5));
    expect(() => mirror.apply(batch(4))).toThrow('came after revision 5');
  });

  it('shows an unclean key under its clean name', () => {
    const mirror = mirrorOf('/a//b', '/c/', 'd');
    expect(all(mirror)).toEqual([
      ['/a/b', '/a//b'],
      ['/c', '/c/'],
      ['/d', 'd'],
    ]);
    expect(mirror.get('/a/b')?.key).toBe('/a/b');
  });

  it('prefers the key of that very name, and falls back when it goes', () => {
    const mirror = mirrorOf('/a', '/a/');
    expect(mirror.get('/a')?.value).toBe('/a');
    expect([...mirror.apply(batch(2, put('/a/', 'hidden')))]).toEqual([]);
    expect(mirror.get('/a')?.value).toBe('/a');
    expect([...mirror.apply(batch(3, remove('/a')))]).toEqual(['/a']);
    expect(mirror.get('/a')?.value).toBe('hidden');
    expect([...mirror.apply(batch(4, remove('/a')))]).toEqual([]);
    expect([...mirror.apply(batch(5, remove('/a/')))]).toEqual(['/a']);
    expect(mirror.size).toBe(0);
  });

  it('lists children by skipping over what lies below them', () => {
    const mirror = mirrorOf('/s/a', '/s/a-b/x', '/s/a/x', '/s/a/y/z', '/s/c', '/t', '/s0');
    expect(mirror.children('/s')).toEqual({ leaves: ['a', 'c'], folders: ['a', 'a-b'] });
    expect(mirror.children('/s/')).toEqual(mirror.children('/s'));
    expect(mirror.children('')).toEqual({ leaves: ['s0', 't'], folders: ['s'] });
    expect(mirror.children('/')).toEqual(mirror.children(''));
    expect(mirror.children('/none')).toEqual({ leaves: [], folders: [] });
  });

  it('scans from a prefix on, and stops when told', () => {
    const mirror = mirrorOf('/a', '/b/1', '/b/2', '/b/3', '/c');
    const seen: string[] = [];
    mirror.scan('/b/', ({ key }) => {
      seen.push(key);
      return key !== '/b/2';
    });
    expect(seen).toEqual(['/b/1', '/b/2']);
  });

  it('keeps a clone at its revision', () => {
    const mirror = mirrorOf('/a', '/b/');
    const copy = mirror.clone();
    mirror.apply(batch(9, put('/a', 'new'), remove('/b/'), put('/b//', 'other')));
    expect([copy.revision, all(copy)]).toEqual([
      1,
      [
        ['/a', '/a'],
        ['/b', '/b/'],
      ],
    ]);
    copy.apply(batch(2, remove('/a')));
    expect(mirror.get('/a')?.value).toBe('new');
  });

  it('agrees with a plain map after any changes', () => {
    const key = fc
      .array(fc.constantFrom('a', 'b', '', '.', '..', 'a-b', '\u{1f600}'), { maxLength: 4 })
      .map((parts) => `/${parts.join('/')}`);
    const change = fc.record({ key, value: fc.option(fc.string({ maxLength: 2 })) });
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 20 }),
        fc.array(change, { maxLength: 20 }),
        (first, second) => {
          const model = new Map<string, string>();
          for (const { key, value } of first) if (value !== null) model.set(key, value);
          const pairs = [...model].map(([key, value]) => pair(key, value));
          const mirror = new Mirror({ origin: 'o', revision: 1, pairs });
          const before = new Map(mirror.withPrefix('').map((entry) => [entry.key, entry.value]));
          for (const { key, value } of second) {
            if (value === null) model.delete(key);
            else model.set(key, value);
          }
          const changed = mirror.apply(
            batch(2, ...second.map(({ key, value }) => (value === null ? remove(key) : put(key, value)))),
          );
          const expected = new Map<string, string>();
          for (const [key, value] of [...model].sort(([a], [b]) => (a < b ? 1 : -1)))
            expected.set(cleanKey(key), value);
          for (const [key, value] of model) if (cleanKey(key) === key) expected.set(key, value);
          const sorted = [...expected].sort(([a], [b]) => (a < b ? -1 : 1));
          expect(all(mirror)).toEqual(sorted);
          for (const [key, value] of sorted) expect(mirror.get(key)?.value).toBe(value);
          expect(mirror.withPrefix('/a').map((p) => p.key)).toEqual(
            sorted.map(([key]) => key).filter((key) => key.startsWith('/a')),
          );
          // Every difference a template could see is announced.
          for (const name of new Set([...before.keys(), ...expected.keys()])) {
            if (before.get(name) !== expected.get(name)) expect(changed).toContain(name);
          }
          for (const folder of ['', '/a', '/b', '/a-b']) {
            const names = sorted
              .map(([key]) => key)
              .filter((key) => key.startsWith(`${folder}/`) && key !== '/');
            const below = names.map((key) => key.slice(folder.length + 1).split('/'));
            expect(mirror.children(folder)).toEqual({
              leaves: below.filter((parts) => parts.length === 1).map(([name]) => name),
              folders: [
                ...new Set(below.filter((parts) => parts.length > 1).map(([name]) => name ?? '')),
              ].sort((a, b) => (a < b ? -1 : 1)),
            });
          }
        },
      ),
    );
  });

  it('loads 50,000 sorted pairs within a turn of the loop', () => {
    const pairs = Array.from({ length: 50_000 }, (_, at) =>
      pair(`/services/u${1000 + (at % 100)}/s${100_000 + at}`),
    );
    pairs.sort((a, b) => (a.key < b.key ? -1 : 1));
    const times = Array.from({ length: 5 }, () => {
      const start = performance.now();
      expect(new Mirror({ origin: 'o', revision: 1, pairs }).size).toBe(50_000);
      return performance.now() - start;
    });
    // 3 to 10 ms here; generous for a busy machine.
    expect(Math.min(...times)).toBeLessThan(40);
  });
});

describe('subtrees', () => {
  it('names the key itself and what lies under it, nothing beside it', () => {
    expect(inSubtree('/a', '/a')).toBe(true);
    expect(inSubtree('/a', '/a/b')).toBe(true);
    expect(inSubtree('/a', '/a//b')).toBe(true);
    expect(inSubtree('/a', '/ab')).toBe(false);
    expect(inSubtree('', 'anything')).toBe(true);
  });

  it('drops what another subtree covers', () => {
    expect(outermost(['/a/c', '/a-b', '/a', '/a'])).toEqual(['/a', '/a-b']);
    expect(outermost(['/x', ''])).toEqual(['']);
  });
});
