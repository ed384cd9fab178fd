import { describe, expect, it } from 'vitest';
import { Rig, resource, sourceOf } from './rig.js';

describe('holding back', () => {
  it('never goes back to an older revision, and goes on when the source has caught up', async () => {
    const rig = await new Rig({ source: sourceOf({ '/a': 'new' }, 12) })
      .template('x', '$/a')
      .start(resource('x'));
    const again = new Rig({ source: sourceOf({ '/a': 'old' }, 5), files: rig.files.reboot('all') });
    await again.start(resource('x'));
    expect(again.out('x')).toBe('new');
    expect(again.status('x').state).toBe('held');
    expect(again.status('x').lastError).toContain('source is behind: the file is of revision 12, this is 5');
    for (let revision = 6; revision < 12; revision++) await again.put({ '/other': 'x' });
    expect(again.out('x')).toBe('new');
    await again.put({ '/other': 'x' });
    expect(again.out('x')).toBe('old');
  });

  it('never goes to another cluster, until that is accepted', async () => {
    const rig = await new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').start(resource('x'));
    const other = sourceOf({ '/a': '2' }, 50);
    other.origin = 'c2';
    const again = new Rig({ source: other, files: rig.files.reboot('all') });
    await again.start(resource('x'));
    expect(again.out('x')).toBe('1');
    expect(again.status('x').lastError).toContain('the file is of cluster c1, this is c2');
    await expect(again.renderer.accept('/out/y')).rejects.toThrow('no resource has dest /out/y');
    await again.renderer.accept('/out/x');
    await again.renderer.idle();
    expect(again.out('x')).toBe('2');
    expect(again.status('x').state).toBe('in_sync');
  });

  it('lets the revisions of files and the environment begin anew with each process', async () => {
    const source = sourceOf({ '/a': '1' }, 7);
    source.origin = 'file:/k.yaml';
    const rig = await new Rig({ source }).template('x', '$/a').start(resource('x'));
    const restarted = sourceOf({ '/a': '2' }, 1);
    restarted.origin = 'file:/k.yaml';
    const again = new Rig({ source: restarted, files: rig.files.reboot('all') });
    await again.start(resource('x'));
    expect(again.out('x')).toBe('2');
  });

  it('does not empty a file below min_entries', async () => {
    const rig = new Rig({ source: sourceOf({ '/s/a': '1', '/s/b': '2' }) }).template('x', '*/s/*');
    await rig.start(resource('x', { minEntries: 2, subtrees: ['/s'] }));
    await rig.put({ '/s/a': null });
    expect(rig.out('x')).toBe('1,2');
    expect(rig.status('x')).toMatchObject({ state: 'held' });
    expect(rig.status('x').lastError).toContain('1 of at least 2 entries (min_entries) under /s');
    await rig.put({ '/s/c': '3' });
    expect(rig.out('x')).toBe('2,3');
  });

  it('puts a hand-edited file back, reloads, and counts it', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }), intervalMs: 10_000 }).template('x', '$/a');
    await rig.start(resource('x', { reloadCmd: 'reload' }));
    rig.files.put('/out/x', 'by hand');
    await rig.advance(11_000);
    expect(rig.out('x')).toBe('1');
    expect(rig.status('x')).toMatchObject({ drifts: 1, swaps: 2 });
    expect(rig.commands).toEqual(['reload', 'reload']);
    expect(rig.events.filter(({ type }) => type === 'written').at(-1)).toMatchObject({ drift: true });
    await rig.advance(11_000);
    expect(rig.status('x')).toMatchObject({ drifts: 1, swaps: 2 });
  });

  it('only reports a hand-edited file where the resource says so, once, and still follows changes', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }), intervalMs: 10_000 }).template('x', '$/a');
    await rig.start(resource('x', { onDrift: 'report' }));
    rig.files.put('/out/x', 'by hand');
    await rig.advance(11_000);
    await rig.advance(11_000);
    expect(rig.out('x')).toBe('by hand');
    expect(rig.status('x')).toMatchObject({ state: 'held', drifts: 1 });
    await rig.put({ '/a': '2' });
    expect(rig.out('x')).toBe('2');
  });
});
