import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileGlob } from '../../../src/render/functions/glob.js';
import { MirrorView } from '../../../src/render/key-view.js';
import { inSubtrees } from '../../../src/source/subtree.js';
import { mirrorOf } from './support.js';

const keys = {
  '/prod': 'root',
  '/prod/services/web/a': '1',
  '/prod/services/web/b': '2',
  '/prod/services/db': '3',
  '/prod/services/deep/er/x': '4',
  '/prod/config/log': '5',
  '/production/services/web/a': 'other',
  '/top': '6',
};
const all = (): MirrorView => new MirrorView(mirrorOf(keys), { prefix: '', subtrees: [''] });
const prod = (subtrees: readonly string[] = ['/prod']): MirrorView =>
  new MirrorView(mirrorOf(keys), { prefix: '/prod', subtrees });
const names = (view: MirrorView, pattern: string): string[] => view.glob(pattern).map((pair) => pair.key);

describe('order', () => {
  /** As Go sorts them, by bytes; UTF-16 has U+FF5E after 😀. */
  const sorted = ['a', 'é', '\uff5e', '😀'];
  const of = (prefix: string): MirrorView => {
    const leaves = sorted.map((name) => [`${prefix}/l/${name}`, name]);
    const folders = sorted.map((name) => [`${prefix}/f/${name}/x`, name]);
    const mirror = mirrorOf(
      Object.fromEntries([...leaves, ...folders, [`${prefix}/~`, ''], [prefix || '/', '']]),
    );
    return new MirrorView(mirror, { prefix, subtrees: [prefix] });
  };

  test.each(['', '/p'])('of keys and names is that of their bytes, prefix "%s"', (prefix) => {
    const view = of(prefix);
    expect(view.ls('/l')).toEqual(sorted);
    expect(view.lsdir('/f')).toEqual(sorted);
    expect(view.ls('/f')).toEqual(sorted);
    expect(names(view, '/l/*')).toEqual(sorted.map((name) => `/l/${name}`));
    expect(names(view, '/f/*/x')).toEqual(sorted.map((name) => `/f/${name}/x`));
    expect(names(view, '/*')).toEqual(['/', '/~']);
  });
});

describe('keys', () => {
  test('are seen without the prefix', () => {
    expect(prod().get('/services/db')).toMatchObject({ key: '/services/db', value: '3' });
    expect(names(prod(), '/services/*/*')).toEqual(['/services/web/a', '/services/web/b']);
    expect(prod().get('/top')).toBeUndefined();
  });

  test('the prefix itself is the key /', () => {
    expect(prod().get('/')).toMatchObject({ key: '/', value: 'root' });
    expect(names(prod(), '/*')).toEqual(['/']);
    expect(all().get('/prod')?.value).toBe('root');
  });

  test('a prefix ends at a slash: /prod is not the beginning of /production', () => {
    expect(names(prod(), '/*/*/*')).toEqual(['/services/web/a', '/services/web/b']);
    expect(names(prod(), '*')).toEqual([]);
  });

  test('a key without its leading slash names nothing', () => {
    expect(prod().get('uction/services/web/a')).toBeUndefined();
    expect(all().get('top')).toBeUndefined();
    expect(names(prod(), 'uction/services/web/*')).toEqual([]);
  });

  test('outside of the subtrees nothing is seen', () => {
    const view = prod(['/prod/services/web', '/prod/services/deep/er']);
    expect(view.get('/services/db')).toBeUndefined();
    expect(view.get('/services/web/a')?.value).toBe('1');
    expect(names(view, '/*/*')).toEqual([]);
    expect(names(view, '/services/*/*')).toEqual(['/services/web/a', '/services/web/b']);
    expect(view.ls('/services')).toEqual(['deep', 'web']);
    expect(view.lsdir('/')).toEqual(['services']);
    expect(view.get('/')).toBeUndefined();
    expect(prod(['/prod/none']).lsdir('/')).toEqual([]);
  });
});

describe('ls and lsdir', () => {
  test('ls names what lies directly under a path', () => {
    expect(prod().ls('/services')).toEqual(['db', 'deep', 'web']);
    expect(prod().ls('/services/')).toEqual(['db', 'deep', 'web']);
    expect(prod().ls('/')).toEqual(['config', 'services']);
    expect(all().ls('/')).toEqual(['prod', 'production', 'top']);
    expect(all().ls('/none')).toEqual([]);
  });
  test('ls of a leaf is its own base', () => {
    expect(prod().ls('/services/db')).toEqual(['db']);
  });
  test('lsdir names the folders only', () => {
    expect(prod().lsdir('/services')).toEqual(['deep', 'web']);
    expect(prod().lsdir('/services/db')).toEqual([]);
    expect(prod().lsdir('services')).toEqual([]);
  });
});

describe('dependencies', () => {
  test('a key that was asked for, there or not', () => {
    const view = prod();
    view.get('/services/db');
    view.get('/not/there');
    const { dependencies } = view;
    expect(dependencies.touchedBy('/prod/services/db')).toBe(true);
    expect(dependencies.touchedBy('/prod/not/there')).toBe(true);
    expect(dependencies.touchedBy('/prod/services/db2')).toBe(false);
    expect(dependencies.touchedBy('/not/there')).toBe(false);
  });
  test('every key that a glob could match', () => {
    const view = prod();
    view.glob('/services/web/*');
    expect(view.dependencies.touchedBy('/prod/services/web/new')).toBe(true);
    expect(view.dependencies.touchedBy('/prod/services/web/new/deeper')).toBe(false);
    expect(view.dependencies.touchedBy('/prod/services/db')).toBe(false);
    expect(view.dependencies.touchedBy('/services/web/new')).toBe(false);
  });
  test('everything under a folder that was listed, and a leaf of its name', () => {
    for (const list of ['ls', 'lsdir'] as const) {
      const view = prod();
      view[list]('/services/web');
      expect(view.dependencies.touchedBy('/prod/services/web/new')).toBe(true);
      expect(view.dependencies.touchedBy('/prod/services/web/new/x')).toBe(true);
      expect(view.dependencies.touchedBy('/prod/services/web')).toBe(true);
      expect(view.dependencies.touchedBy('/prod/services/web2')).toBe(false);
      expect(view.dependencies.touchedBy('/prod/services')).toBe(false);
    }
    const top = all();
    top.lsdir('/');
    expect(top.dependencies.touchedBy('/anything/at/all')).toBe(true);
  });
  test('nothing outside of the subtrees', () => {
    const view = prod(['/prod/services']);
    view.glob('/*/*');
    view.ls('/');
    expect(view.dependencies.touchedBy('/prod/config/log')).toBe(false);
    expect(view.dependencies.touchedBy('/prod/services/db')).toBe(true);
  });
  test('a render that asked for nothing depends on nothing', () => {
    expect(prod().dependencies.touchedBy('/prod/services/db')).toBe(false);
  });

  const segment = fc.constantFrom('a', 'b', 'ab', 'c');
  const key = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
  const question = fc.oneof(
    fc.tuple(fc.constant('get' as const), key),
    fc.tuple(fc.constant('ls' as const), fc.oneof(key, fc.constantFrom('/', ''))),
    fc.tuple(fc.constant('lsdir' as const), fc.oneof(key, fc.constantFrom('/', ''))),
    fc.tuple(
      fc.constant('glob' as const),
      fc
        .array(fc.constantFrom('*', 'a', 'a*', '?', '[a-b]'), { maxLength: 3 })
        .map((parts) => `/${parts.join('/')}`),
    ),
  );
  test('a change that alters an answer touches them, whatever was asked', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(key, { maxLength: 12 }),
        key,
        question,
        fc.constantFrom('', '/a'),
        fc.array(key, { maxLength: 2 }),
        (present, changed, [kind, of], prefix, inside) => {
          const subtrees = inside.length === 0 ? [prefix] : inside.map((path) => prefix + path);
          const ask = (store: readonly string[]): [string, MirrorView] => {
            const mirror = mirrorOf(Object.fromEntries(store.map((name) => [name, 'v'])));
            const view = new MirrorView(mirror, { prefix, subtrees });
            return [JSON.stringify(view[kind](of) ?? null), view];
          };
          const [before, view] = ask(present);
          const after = present.includes(changed)
            ? present.filter((name) => name !== changed)
            : [...present, changed];
          if (ask(after)[0] !== before) expect(view.dependencies.touchedBy(changed)).toBe(true);
          if (!inSubtrees(subtrees, changed)) expect(view.dependencies.touchedBy(changed)).toBe(false);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('globs', () => {
  test.each([
    ['/a/*', '/a/b', true],
    ['/a/*', '/a/', true],
    ['/a/*', '/a/b/c', false],
    ['/a/*', '/b/c', false],
    ['/a', '/a', true],
    ['/a', '/ab', false],
    ['/*/b', '/a/b', true],
    ['/*/b', '/a/c/b', false],
    ['/a*b*c', '/axbyc', true],
    ['/a*b*c', '/axbyd', false],
    ['/a*b*c', '/abcbc', true],
    ['/*x', '/axbx', true],
    ['/?', '/é', true],
    ['/?', '/😀', true],
    ['/?', '//', false],
    ['/[a-c]x', '/bx', true],
    ['/[^a-c]x', '/bx', false],
    ['/[^a-c]x', '/dx', true],
    // As in Go: a class may match a slash, and the earliest place is taken for good.
    ['a[^b]c', 'a/c', true],
    ['*[^a]*', 'c/', false],
    ['/[a\\]]', '/]', true],
    ['/a\\*', '/a*', true],
    ['/a\\*', '/ab', false],
    ['/**', '/ab', true],
    ['', '', true],
    ['*', '/a', false],
  ])('%s on %s: %s', (pattern, name, matches) => {
    expect(compileGlob(pattern).matches(name)).toBe(matches);
  });
  test.each(['[', '[]', '[a', '[a-', '[-a]', 'a\\', '[^]'])('%s is a bad pattern', (pattern) => {
    expect(() => compileGlob(pattern)).toThrow('syntax error in pattern');
  });
  test('match as a regular expression of the same meaning does', () => {
    const piece = fc.constantFrom('*', '?', 'a', 'b', '/', '[ab]', '[^a/]');
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 7 }),
        fc.array(fc.constantFrom('a', 'b', '/', 'c'), { maxLength: 8 }),
        (pieces, letters) => {
          const name = letters.join('');
          const meaning = pieces
            .map((part) => (part === '*' ? '[^/]*' : part === '?' ? '[^/]' : part))
            .join('');
          expect(compileGlob(pieces.join('')).matches(name)).toBe(new RegExp(`^${meaning}$`).test(name));
        },
      ),
      { numRuns: 3000 },
    );
  });
  test('many stars cost no more than pattern times name', () => {
    const glob = compileGlob(`/${'a*'.repeat(50)}b`);
    const begin = performance.now();
    expect(glob.matches(`/${'a'.repeat(5000)}`)).toBe(false);
    expect(performance.now() - begin).toBeLessThan(500);
  });
});
