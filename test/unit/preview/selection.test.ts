import { describe, expect, it } from 'vitest';
import { selection } from '../../../src/preview/selection.js';
import { resource } from '../render/rig.js';

const item = resource('sites[/a]', {
  dest: '/out/a',
  position: { file: '/c/conf.d/sites.toml', line: 1, column: 1 },
});
const second = resource('many#2', {
  dest: '/out/m2',
  position: { file: '/c/conf.d/many.toml', line: 9, column: 1 },
});
const nested = resource('sub/app', {
  position: { file: '/c/conf.d/sub/app.toml', line: 1, column: 1 },
  dest: '/out/n',
});
const all = [resource('x'), item, second, nested];
const picked = (...words: string[]): string[] =>
  all.filter(selection(words, all, { confdir: '/c', cwd: '/out' })).map(({ dest }) => dest);

describe('a selection', () => {
  it('of no words is everything', () => {
    expect(picked()).toEqual(['/out/x', '/out/a', '/out/m2', '/out/n']);
  });

  it.each([
    ['a destination', '/out/x', ['/out/x']],
    ['a destination relative to the working folder', 'a', ['/out/a']],
    ['a resource’s name', 'sites', ['/out/a']],
    ['one of several in a file', 'many#2', ['/out/m2']],
    ['a file of conf.d', 'sub/app.toml', ['/out/n']],
    ['its path', '/c/conf.d/many.toml', ['/out/m2']],
  ])('by %s', (_what, word, expected) => {
    expect(picked(word)).toEqual(expected);
  });

  it('refuses a word that picks nothing, and names the candidates', () => {
    expect(() => picked('x', 'nope')).toThrow(
      /^nope is no destination and no file of conf\.d: expected one of \/out\/x \(x\.toml\), \/out\/a \(sites\.toml\)/,
    );
    expect(() => selection(['x'], [], { confdir: '/c', cwd: '/' })).toThrow('there are no resources');
  });
});
