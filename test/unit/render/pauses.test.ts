import { describe, expect, it } from 'vitest';
import { Rig, resource, sourceOf } from './rig.js';

async function rigOf(): Promise<Rig> {
  const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').template('y', '$/a');
  return rig.start(resource('x', { reloadCmd: 'reload x' }), resource('y'));
}

const both = (rig: Rig): (string | undefined)[] => [rig.out('x'), rig.out('y')];

describe('a paused destination', () => {
  it('is left alone, says so, and catches up when it is resumed', async () => {
    const rig = await rigOf();
    await rig.renderer.pause('/out/x', 0);
    await rig.put({ '/a': '2' });
    expect(both(rig)).toEqual(['1', '2']);
    expect(rig.status('x')).toMatchObject({ state: 'held' });
    expect(rig.status('x').lastError).toBe('paused: confetctl render resume /out/x ends it');
    rig.files.put('/out/x', 'by hand');
    await rig.renderer.reconcileNow();
    expect(rig.out('x')).toBe('by hand');
    await rig.renderer.resume('/out/x');
    await rig.renderer.idle();
    expect(both(rig)).toEqual(['2', '2']);
    expect(rig.commands).toEqual(['reload x', 'reload x']);
  });

  it('goes on by itself when its time is over', async () => {
    const rig = await rigOf();
    await rig.renderer.pause('', 3_600_000);
    await rig.put({ '/a': '2' });
    expect(both(rig)).toEqual(['1', '1']);
    expect(rig.status('y').lastError).toMatch(/^paused until \d{4}-.*Z: confetctl render resume ends it$/);
    await rig.advance(3_599_000);
    expect(both(rig)).toEqual(['1', '1']);
    await rig.advance(1_000);
    await rig.clock.yield();
    await rig.renderer.idle();
    expect(both(rig)).toEqual(['2', '2']);
  });

  it('stays paused across a restart, and in a one-shot of the same state folder', async () => {
    const rig = await rigOf();
    await rig.renderer.pause('/out/x', 0);
    const again = new Rig({ source: rig.source, files: rig.files.reboot('all') });
    again.source.put({ '/a': '3' });
    await again.start(resource('x', { reloadCmd: 'reload x' }), resource('y'));
    expect(both(again)).toEqual(['1', '3']);
    await again.renderer.resume('');
    await again.renderer.idle();
    expect(both(again)).toEqual(['3', '3']);
    const third = new Rig({ source: rig.source, files: again.files.reboot('all') });
    third.source.put({ '/a': '4' });
    await third.start(resource('x'));
    expect(third.out('x')).toBe('4');
  });

  it('is not reloaded either, and owes it', async () => {
    const rig = await rigOf();
    rig.onRun = () => 1;
    await rig.put({ '/a': '2' });
    const before = rig.commands.length;
    await rig.renderer.pause('/out/x', 0);
    rig.onRun = () => 0;
    await rig.advance(600_000);
    expect(rig.commands.length).toBe(before);
    await rig.renderer.resume('');
    await rig.renderer.idle();
    expect(rig.commands.length).toBe(before + 1);
    expect(rig.status('x')).toMatchObject({ state: 'in_sync', pending: '' });
  });

  it('must exist, and must be paused to be resumed', async () => {
    const rig = await rigOf();
    await expect(rig.renderer.pause('/out/z', 0)).rejects.toThrow(
      'no resource has dest /out/z; there are: /out/x',
    );
    await expect(rig.renderer.resume('/out/x')).rejects.toThrow('/out/x is not paused');
    await expect(rig.renderer.resume('')).rejects.toThrow('nothing is paused');
  });
});
