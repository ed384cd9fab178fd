import { describe, expect, it } from 'vitest';
import { Rig, resource, sourceOf } from './rig.js';

describe('check, verify and reload', () => {
  it('checks the staged file, and leaves the destination alone where that fails, until it passes', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    rig.files.put('/out/x', 'old');
    const seen: (string | undefined)[] = [];
    rig.onRun = (command) => {
      if (!command.startsWith('check')) return 0;
      seen.push(rig.files.text(command.split(' ')[1] ?? ''));
      return rig.source.keys.get('/a') === 'good' ? 0 : 1;
    };
    await rig.start(resource('x', { checkCmd: 'check {{.src}}', reloadCmd: 'reload' }));
    expect(rig.out('x')).toBe('old');
    expect(rig.status('x')).toMatchObject({ state: 'failed', lastError: 'Config check failed: exit 1' });
    expect(rig.commands).not.toContain('reload');
    expect(rig.files.paths('/out')).toEqual(['/out/x']);
    await rig.put({ '/a': 'good' });
    expect(rig.out('x')).toBe('good');
    expect(seen).toEqual(['1', 'good']);
    expect(rig.commands.at(-1)).toBe('reload');
  });

  it('tries again by itself after 1 to 60 s', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    let checks = 0;
    rig.onRun = () => (++checks < 9 ? 1 : 0);
    await rig.start(resource('x', { checkCmd: 'check' }));
    const gaps: number[] = [];
    for (let last = rig.clock.monotonicMs(), count = checks; checks < 9; ) {
      await rig.advance(100);
      if (checks === count) continue;
      gaps.push(rig.clock.monotonicMs() - last);
      last = rig.clock.monotonicMs();
      count = checks;
    }
    expect(rig.out('x')).toBe('1');
    expect(gaps[0]).toBeLessThanOrEqual(1000);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(60_100);
    expect(gaps.at(-1)).toBeGreaterThanOrEqual(30_000);
  });

  it('swaps every file of a lane before its one reload, and runs other lanes beside it', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) });
    for (const name of ['x', 'y', 'slow']) rig.template(name, `${name} $/a`);
    const atReload: unknown[] = [];
    let finishSlow = (): void => {};
    rig.onRun = (command) => {
      if (command === 'slow check')
        return new Promise((resolve) => {
          finishSlow = () => resolve(0);
        });
      if (command === 'reload') atReload.push([rig.out('x'), rig.out('y')]);
      return 0;
    };
    await rig.renderer.start();
    await rig.adopt(
      resource('slow', { checkCmd: 'slow check', reloadCmd: 'reload slow' }),
      resource('x', { reloadCmd: 'reload' }),
      resource('y', { reloadCmd: 'reload' }),
    );
    rig.source.tell();
    for (let turn = 0; turn < 20; turn++) await rig.clock.yield();
    expect(atReload).toEqual([['x 1', 'y 1']]);
    expect(rig.out('slow')).toBeUndefined();
    finishSlow();
    await rig.renderer.idle();
    expect(rig.out('slow')).toBe('slow 1');
    expect(rig.commands).toEqual(['slow check', 'reload', 'reload slow']);
  });

  it('never cuts a reload short, and swaps only the newest of what came meanwhile', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    let running = 0;
    const finish: (() => void)[] = [];
    rig.onRun = () => {
      expect(++running).toBe(1);
      return new Promise((resolve) =>
        finish.push(() => {
          running--;
          resolve(0);
        }),
      );
    };
    await rig.renderer.start();
    await rig.adopt(resource('x', { reloadCmd: 'reload' }));
    rig.source.tell();
    while (finish.length < 1) await rig.clock.yield();
    for (const at of [2, 3, 4]) rig.source.put({ '/a': String(at) });
    for (let turn = 0; turn < 10; turn++) await rig.clock.yield();
    expect(rig.out('x')).toBe('1');
    finish[0]?.();
    while (finish.length < 2) await rig.clock.yield();
    finish[1]?.();
    await rig.renderer.idle();
    expect(rig.out('x')).toBe('4');
    expect(rig.files.seen.get('/out/x')).toEqual(new Set(['1', '4']));
  });

  it('owes a failed reload until it succeeds, also across a restart', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    rig.onRun = () => 1;
    await rig.start(resource('x', { reloadCmd: 'reload' }));
    expect(rig.status('x')).toMatchObject({
      state: 'pending',
      pending: 'reload, retry in 1s',
      reload: { ok: false },
    });
    await rig.advance(1000);
    expect(rig.commands).toEqual(['reload', 'reload']);
    expect(rig.status('x').swaps).toBe(1);

    const again = new Rig({ source: rig.source, files: rig.files.reboot('all') });
    await again.start(resource('x', { reloadCmd: 'reload' }));
    expect(again.commands).toEqual(['reload']);
    expect(again.status('x')).toMatchObject({
      state: 'in_sync',
      pending: '',
      swaps: 0,
      reload: { ok: true },
    });

    const third = new Rig({ source: rig.source, files: again.files.reboot('all') });
    await third.start(resource('x', { reloadCmd: 'reload' }));
    expect(third.commands).toEqual([]);
  });

  it('brings all former files of the lane back where verify fails, and does not reload', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': 'good' }) }).template('x', 'x $/a').template('y', 'y $/a');
    const verified: unknown[] = [];
    rig.onRun = (command) => {
      if (command !== 'verify') return 0;
      verified.push([rig.out('x'), rig.out('y')]);
      return rig.out('x') === 'x bad' ? 1 : 0;
    };
    const lane = { verifyCmd: 'verify', reloadCmd: 'reload' };
    await rig.start(resource('x', lane), resource('y', lane));
    expect(rig.commands).toEqual(['verify', 'reload']);
    await rig.put({ '/a': 'bad' });
    expect(verified.at(-1)).toEqual(['x bad', 'y bad']);
    expect([rig.out('x'), rig.out('y')]).toEqual(['x good', 'y good']);
    expect(rig.commands).toEqual(['verify', 'reload', 'verify']);
    expect(rig.status('x').lastError).toBe('verify failed, the former file is back: exit 1');
    await rig.put({ '/a': 'better' });
    expect(rig.out('y')).toBe('y better');
    expect(rig.commands).toEqual(['verify', 'reload', 'verify', 'verify', 'reload']);
  });

  it('removes a file again that verify refused and that was not there before', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    rig.onRun = () => 1;
    await rig.start(resource('x', { verifyCmd: 'verify' }));
    expect(rig.files.paths('/out')).toEqual([]);
  });

  it('tells commands the file, the destination and the revision', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }, 9) }).template('x', '$/a');
    await rig.start(resource('x', { checkCmd: ['c', '{{.src}}', '{{.dest}}'], reloadCmd: 'r {{dest}}' }));
    const [check, reload] = rig.ran;
    expect(check?.spec).toEqual(['c', check?.options.env?.CONFETD_SRC, '/out/x']);
    expect(check?.options.env).toMatchObject({ CONFETD_DEST: '/out/x', CONFETD_REVISION: '9' });
    expect(check?.options.env?.CONFETD_SRC).toMatch(/^\/out\/\.x\.[0-9a-f]{16}$/);
    expect(reload).toMatchObject({ spec: 'r /out/x', options: { env: { CONFETD_SRC: '/out/x' } } });
  });
});

describe('shutting down', () => {
  it('starts no pass, ends checks, and leaves no stage', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    rig.onRun = (_command, { signal }) =>
      new Promise((resolve) => {
        signal?.addEventListener('abort', () => resolve(1));
      });
    await rig.renderer.start();
    await rig.adopt(resource('x', { checkCmd: 'check', reloadCmd: 'reload' }));
    rig.source.tell();
    while (rig.ran.length < 1) await rig.clock.yield();
    await rig.renderer.shutdown();
    rig.source.put({ '/a': '2' });
    await rig.renderer.idle();
    expect(rig.files.paths('/out')).toEqual([]);
    expect(rig.commands).toEqual(['check']);
    expect(rig.clock.timers).toBe(0);
  });

  it('gives a running reload its time, then ends it and owes it', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    rig.onRun = (_command, { signal }) =>
      new Promise((resolve) => {
        signal?.addEventListener('abort', () => resolve(1));
      });
    await rig.renderer.start();
    await rig.adopt(resource('x', { reloadCmd: 'reload' }));
    rig.source.tell();
    while (rig.ran.length < 1) await rig.clock.yield();
    let ended = false;
    const down = rig.renderer.shutdown(10_000).then(() => {
      ended = true;
    });
    rig.clock.advance(9_999);
    await rig.clock.yield();
    expect(ended).toBe(false);
    rig.clock.advance(1);
    await down;
    const again = new Rig({ source: rig.source, files: rig.files.reboot('all') });
    await again.start(resource('x', { reloadCmd: 'reload' }));
    expect(again.commands).toEqual(['reload']);
  });
});
