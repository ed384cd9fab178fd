import { describe, expect, it } from 'vitest';
import { systemError } from './memory-files.js';
import { Rig, resource, sourceOf } from './rig.js';

const ROLLBACK = { reloadCmd: 'reload', rollbackOnReloadFailure: true };

describe('rollback_on_reload_failure', () => {
  it('puts the former file back and reloads that, and goes on when the cause is gone', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    const reloaded: (string | undefined)[] = [];
    let works = false;
    rig.onRun = () => {
      reloaded.push(rig.out('x'));
      return works || rig.out('x') !== '2' ? 0 : 1;
    };
    await rig.start(resource('x', ROLLBACK));
    await rig.put({ '/a': '2' });
    expect(rig.out('x')).toBe('1');
    expect(reloaded).toEqual(['1', '2', '1']);
    expect(rig.status('x')).toMatchObject({ state: 'failed' });
    expect(rig.status('x').lastError).toBe('reload failed: exit 1; the former file is back');
    expect(rig.status('x').pending).toMatch(/^retry in/);
    expect(rig.events.filter(({ type }) => type === 'restored')).toHaveLength(1);
    works = true;
    await rig.advance(1000);
    expect(rig.out('x')).toBe('2');
    expect(rig.status('x')).toMatchObject({ state: 'in_sync', pending: '' });
    expect(rig.files.paths('/state')).toHaveLength(1);
  });

  it('owes the reload of the former file until it succeeds', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    await rig.start(resource('x', ROLLBACK));
    rig.onRun = () => 1;
    await rig.put({ '/a': '2' });
    expect(rig.out('x')).toBe('1');
    expect(rig.status('x').pending).toContain('reload');
    const again = new Rig({ source: rig.source, files: rig.files.reboot('all') });
    const seen: (string | undefined)[] = [];
    again.onRun = () => {
      seen.push(again.out('x'));
      return 0;
    };
    await again.start(resource('x', ROLLBACK));
    expect(seen).toEqual(['2']);
  });

  it('removes a first file again', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    rig.onRun = () => (rig.out('x') === undefined ? 0 : 1);
    await rig.start(resource('x', ROLLBACK));
    expect(rig.files.paths('/out')).toEqual([]);
  });

  it('leaves a file alone whose reload failed, unless it says so', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').template('y', '$/a');
    await rig.start(resource('x', ROLLBACK), resource('y', { reloadCmd: 'reload' }));
    rig.onRun = () => 1;
    await rig.put({ '/a': '2' });
    expect([rig.out('x'), rig.out('y')]).toEqual(['1', '2']);
  });
});

describe('reload_splay', () => {
  it('reloads at random within it after a swap, and another host at another time', async () => {
    const delays: number[] = [];
    for (const turns of [0, 1, 2]) {
      const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
      for (let turn = 0; turn < turns; turn++) rig.ports.random.float();
      await rig.renderer.start();
      await rig.adopt(resource('x', { reloadCmd: 'reload', reloadSplayMs: 10_000 }));
      rig.source.tell();
      while (rig.out('x') === undefined || rig.clock.timers === 0) await rig.clock.yield();
      const from = rig.clock.monotonicMs();
      while (rig.commands.length === 0) {
        rig.clock.advance(10);
        for (let turn = 0; turn < 4; turn++) await rig.clock.yield();
      }
      await rig.renderer.idle();
      delays.push(rig.clock.monotonicMs() - from);
    }
    expect(new Set(delays).size).toBe(3);
    expect(Math.max(...delays)).toBeLessThanOrEqual(10_010);
  });

  it('holds no shutdown up: what is due is reloaded at once', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    await rig.renderer.start();
    await rig.adopt(resource('x', { reloadCmd: 'reload', reloadSplayMs: 3_600_000 }));
    rig.source.tell();
    while (rig.clock.timers === 0) await rig.clock.yield();
    await rig.renderer.shutdown();
    expect(rig.commands).toEqual(['reload']);
  });
});

describe('backup', () => {
  it('keeps so many former versions, hidden, with their mode, and none twice', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    rig.files.put('/out/x', 'original', 0o600);
    await rig.start(resource('x', { backup: 2 }));
    expect(rig.files.text('/out/.x.bak.1')).toBe('original');
    expect(rig.files.mode('/out/.x.bak.1')).toBe(0o600);
    await rig.put({ '/a': '2' });
    await rig.put({ '/a': '3' });
    expect(rig.files.paths('/out')).toEqual(['/out/.x.bak.1', '/out/.x.bak.2', '/out/x']);
    expect([rig.files.text('/out/.x.bak.1'), rig.files.text('/out/.x.bak.2')]).toEqual(['2', '1']);
  });

  it('is not worn out by swaps that verify takes back again and again', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': 'good' }) }).template('x', '$/a');
    rig.files.put('/out/x', 'original');
    rig.onRun = () => (rig.out('x') === 'bad' ? 1 : 0);
    await rig.start(resource('x', { backup: 3, verifyCmd: 'verify' }));
    await rig.put({ '/a': 'bad' });
    for (let turn = 0; turn < 5; turn++) await rig.advance(60_000);
    expect(rig.commands.length).toBeGreaterThan(4);
    expect([1, 2, 3].map((number) => rig.files.text(`/out/.x.bak.${number}`))).toEqual([
      'good',
      'original',
      undefined,
    ]);
  });

  it('that can’t be made keeps the file', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    rig.files.put('/out/x', 'original');
    rig.files.fail = (step, path) =>
      step === 'rename' && path.includes('.bak.') ? systemError('ENOSPC', path) : undefined;
    await rig.start(resource('x', { backup: 1 }));
    expect(rig.out('x')).toBe('original');
    expect(rig.files.paths('/out')).toEqual(['/out/x']);
    expect(rig.status('x').lastError).toContain('ENOSPC');
  });
});
