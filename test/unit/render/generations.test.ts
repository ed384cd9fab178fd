import { describe, expect, it } from 'vitest';
import { Rig, resource, sourceOf } from './rig.js';

describe('generations', () => {
  it('keeps the last good version of a template in force, and says what is wrong with the new one', async () => {
    const rig = await new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').start(resource('x'));
    rig.template('x', 'BROKEN');
    await rig.adopt(resource('x'));
    expect(rig.renderer.status().configErrors).toEqual(['/c/templates/x.hbs:1:1: broken']);
    await rig.put({ '/a': '2' });
    expect(rig.out('x')).toBe('2');
    rig.template('x', 'new $/a');
    await rig.adopt(resource('x'));
    await rig.renderer.idle();
    expect(rig.out('x')).toBe('new 2');
    expect(rig.renderer.status().configErrors).toEqual([]);
  });

  it('compiles and renders only what changed', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').template('y', '$/a');
    await rig.start(resource('x'), resource('y'));
    const before = rig.engine.compiled;
    rig.template('y', 'y $/a');
    await rig.adopt(resource('x'), resource('y'));
    await rig.renderer.idle();
    expect(rig.engine.compiled).toBe(before + 1);
    expect(rig.status('x').renders).toBe(1);
    expect(rig.out('y')).toBe('y 1');
  });

  it('leaves the file of a removed resource and says so; a renamed one keeps its state', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').template('y', '$/a');
    await rig.start(resource('x'), resource('y', { reloadCmd: 'reload' }));
    await rig.adopt(resource('z', { dest: '/out/y', srcPath: '/c/templates/y.hbs', reloadCmd: 'reload' }));
    await rig.renderer.idle();
    expect(rig.out('x')).toBe('1');
    expect(rig.events).toContainEqual({ type: 'removed', resource: 'x', dest: '/out/x' });
    expect(rig.commands).toEqual(['reload']);
    expect(rig.status('z')).toMatchObject({ state: 'in_sync', swaps: 1 });
    await rig.put({ '/a': '2' });
    expect(rig.out('x')).toBe('1');
    expect(rig.out('y')).toBe('2');
  });

  it('follows new subtrees, and goes on with the old ones until they are there', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1', '/b': '1' }) })
      .template('x', '$/a')
      .template('y', '$/b');
    await rig.start(resource('x', { subtrees: ['/a'] }));
    await rig.adopt(resource('x', { subtrees: ['/a'] }), resource('y', { subtrees: ['/b'] }));
    await rig.renderer.idle();
    expect(rig.source.followed).toEqual([['/a'], ['/a', '/b']]);
    expect(rig.out('y')).toBeUndefined();
    rig.source.tell();
    await rig.renderer.idle();
    expect(rig.out('y')).toBe('1');
    await rig.put({ '/b': '2' });
    expect(rig.out('y')).toBe('2');
  });

  it('refuses a destination whose state is of a newer version, and reloads where a state is damaged', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').template('y', '$/a');
    await rig.start(resource('x'), resource('y', { reloadCmd: 'reload' }));
    const files = rig.files.reboot('all');
    for (const path of files.paths('/state')) {
      const text = files.text(path) ?? '';
      files.put(
        path,
        text.includes('/out/x"') ? text.replace('"version":1', '"version":2') : text.slice(0, 20),
      );
    }
    const again = new Rig({ source: rig.source, files });
    await again.start(resource('x'), resource('y', { reloadCmd: 'reload' }));
    expect(again.status('x').lastError).toContain('is of version 2, this confetd knows version 1');
    expect(again.commands).toEqual(['reload']);
  });
});
