import { describe, expect, it } from 'vitest';
import { systemError } from './memory-files.js';
import { ManualSource, Rig, resource } from './rig.js';

function sourceOf(keys: Readonly<Record<string, string>>, revision = 1): ManualSource {
  const source = new ManualSource();
  source.revision = revision;
  for (const [key, value] of Object.entries(keys)) source.keys.set(key, value);
  return source;
}

describe('what is rendered when', () => {
  it('renders at the snapshot, and again when a key that was read changes', async () => {
    const rig = await new Rig({ source: sourceOf({ '/a': '1' }) })
      .template('x', 'a $/a')
      .start(resource('x'));
    expect(rig.out('x')).toBe('a 1');
    await rig.put({ '/a': '2' });
    expect(rig.out('x')).toBe('a 2');
    expect(rig.log).toContain('Target config /out/x has been updated');
  });

  it('of 200 templates renders the one that read the changed key, exactly once', async () => {
    const rig = new Rig();
    const all = Array.from({ length: 200 }, (_, at) => {
      rig.source.keys.set(`/k/${at}`, 'v');
      rig.template(`t${at}`, `$/k/${at}`);
      return resource(`t${at}`);
    });
    await rig.start(...all);
    const before = rig.renderer.status().resources.map(({ renders }) => renders);
    await rig.put({ '/k/117': 'w' });
    const after = rig.renderer.status().resources.map(({ renders }) => renders);
    expect(after.map((renders, at) => renders - (before[at] ?? 0))).toEqual(
      all.map((_, at) => (at === 117 ? 1 : 0)),
    );
    expect(rig.out('t117')).toBe('w');
  });

  it('uses no timer between a change and a swap', async () => {
    const rig = await new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').start(resource('x'));
    rig.source.put({ '/a': '2' });
    expect(rig.clock.timers).toBe(0);
    await rig.renderer.idle();
    expect(rig.out('x')).toBe('2');
  });

  it('lets neither @revision nor the time change a file whose keys did not', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a @rev @now');
    await rig.start(resource('x'));
    const text = rig.out('x');
    rig.clock.advance(60_000);
    await rig.put({ '/other': '1' });
    await rig.renderer.reconcileNow();
    expect(rig.out('x')).toBe(text);

    const again = new Rig({ source: rig.source, files: rig.files.reboot('all') });
    again.clock.advance(500_000);
    await again.start(resource('x'));
    expect(again.out('x')).toBe(text);
    expect(again.status('x').swaps).toBe(0);

    await again.put({ '/a': '2' });
    expect(again.out('x')).toBe(`2 3 ${again.clock.wallMs()}`);
  });

  it('leaves the file where a key is missing, says where, and renders when the key comes', async () => {
    const rig = new Rig({ source: sourceOf({}) }).template('x', 'a $/a');
    rig.files.put('/out/x', 'by hand');
    await rig.start(resource('x'));
    expect(rig.out('x')).toBe('by hand');
    expect(rig.status('x')).toMatchObject({
      state: 'failed',
      lastError: '/c/templates/x.hbs:1:1: key does not exist: /a',
    });
    await rig.put({ '/a': '1' });
    expect(rig.out('x')).toBe('a 1');
    expect(rig.status('x')).toMatchObject({ state: 'in_sync', lastError: '' });
  });

  it('looks names up, holds the keys still meanwhile, and renders what changed meanwhile afterwards', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1', '/b': '1' }) }).template('x', '$/a !host $/b');
    let answer = (): void => {};
    rig.resolve = () =>
      new Promise((resolve) => {
        answer = () => resolve(['10.0.0.1']);
      });
    await rig.renderer.start();
    await rig.adopt(resource('x'));
    rig.source.tell();
    await rig.clock.yield();
    rig.source.put({ '/a': '2', '/b': '2' });
    answer();
    await rig.clock.yield();
    expect(rig.files.seen.get('/out/x')).toEqual(new Set(['1 ["10.0.0.1"] 1']));
    answer();
    await rig.renderer.idle();
    expect(rig.out('x')).toBe('2 ["10.0.0.1"] 2');
  });

  it('waits for quiet, no longer than the deadline, and drops nothing', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '0' }) }).template('x', '$/a');
    await rig.start(resource('x', { wait: { minMs: 100, maxMs: 250 } }));
    expect(rig.out('x')).toBe('0');
    for (const at of [1, 2, 3, 4]) {
      await rig.put({ '/a': String(at) });
      await rig.advance(60);
    }
    // 240 ms after the first change it was never quiet for 100 ms.
    expect(rig.out('x')).toBe('0');
    await rig.advance(10);
    expect(rig.out('x')).toBe('4');
    await rig.put({ '/a': '5' });
    await rig.advance(99);
    expect(rig.out('x')).toBe('4');
    await rig.advance(1);
    expect(rig.out('x')).toBe('5');
    expect(rig.status('x').swaps).toBe(3);
  });
});

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

describe('destinations', () => {
  it.each([
    ['ENOSPC', 'write'],
    ['EACCES', 'create'],
    ['EIO', 'sync'],
  ])('leaves the destination alone on %s, shows it, and tries again', async (code, step) => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    rig.files.put('/out/x', 'old');
    let broken = true;
    rig.files.fail = (at, path) =>
      broken && at === step && path.startsWith('/out') ? systemError(code, path) : undefined;
    await rig.start(resource('x', { reloadCmd: 'reload' }));
    expect(rig.out('x')).toBe('old');
    expect(rig.status('x').lastError).toContain(code);
    expect(rig.status('x').pending).toContain('retry in 1s');
    expect(rig.commands).toEqual([]);
    broken = false;
    await rig.advance(1000);
    expect(rig.out('x')).toBe('1');
    expect(rig.commands).toEqual(['reload']);
  });

  it('does not swap what it could not record', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    rig.files.put('/out/x', 'old');
    rig.files.fail = (_step, path) => (path.startsWith('/state') ? systemError('ENOSPC', path) : undefined);
    await rig.start(resource('x', { reloadCmd: 'reload' }));
    expect(rig.out('x')).toBe('old');
    expect(rig.commands).toEqual([]);
  });

  it('names a missing folder and what makes it, and takes it up when it is there', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').template('y', '$/a');
    await rig.start(
      resource('x', { dest: '/gone/x' }),
      resource('y', { dest: '/made/y', createDestDirs: true }),
    );
    expect(rig.files.text('/made/y')).toBe('1');
    expect(rig.status('x').lastError).toBe(
      "the folder /gone of dest /gone/x doesn't exist: make it, or write create_dest_dirs = true",
    );
    rig.files.makeFolderNow('/gone');
    await rig.advance(1000);
    expect(rig.files.text('/gone/x')).toBe('1');
  });

  it.each(['EBUSY', 'EXDEV'])('writes through a bind mount (%s)', async (code) => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    rig.files.put('/out/x', 'old', 0o600);
    rig.files.fail = (step, path) =>
      step === 'rename' && path === '/out/x' ? systemError(code, path) : undefined;
    await rig.start(resource('x'));
    expect(rig.out('x')).toBe('1');
    expect(rig.files.mode('/out/x')).toBe(0o600);
    expect(rig.files.paths('/out')).toEqual(['/out/x']);
  });

  it('stages beside the file that a link leads to, and leaves the link', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    rig.files.makeFolderNow('/real');
    rig.files.links.set('/out/x', '/real/x');
    await rig.start(resource('x'));
    expect(rig.files.text('/real/x')).toBe('1');
    expect(rig.files.paths('/out')).toEqual([]);
  });

  it('keeps the mode of a file unless told another one, and takes a new mode for a change', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    rig.files.put('/out/x', 'old', 0o640);
    await rig.start(resource('x', { onDrift: 'report' }));
    expect(rig.files.mode('/out/x')).toBe(0o640);
    await rig.adopt(resource('x', { onDrift: 'report', mode: 0o600 }));
    await rig.renderer.idle();
    expect(rig.files.mode('/out/x')).toBe(0o600);
    expect(rig.log).toContain('/out/x has mode 0640 should be 0600');
  });

  it('removes stale stages at start, and nothing that looks only alike', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    rig.files.put('/out/.x.0123456789abcdef', 'half');
    rig.files.put('/out/.x.bak', 'mine');
    rig.files.put('/out/.xy.0123456789abcdef', 'mine');
    await rig.start(resource('x'));
    expect(rig.files.paths('/out')).toEqual(['/out/.x.bak', '/out/.xy.0123456789abcdef', '/out/x']);
  });
});

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

describe('answers', () => {
  it('waits until a revision is applied, and says what changed and how long it took', async () => {
    const rig = await new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').start(resource('x'));
    const waiting = rig.renderer.wait(2, 1000);
    rig.source.put({ '/a': '2' }, rig.clock.monotonicMs() - 5);
    expect(await waiting).toEqual({
      files: [{ dest: '/out/x', revision: 2, latencyMs: 5 }],
      latencyMs: 5,
      timedOut: false,
      errors: [],
    });
    // Late, and about the past.
    await rig.put({ '/a': '3' });
    expect((await rig.renderer.wait(2, 1000)).files).toEqual([{ dest: '/out/x', revision: 2, latencyMs: 5 }]);
  });

  it('answers at once where nothing depends on the revision, and times out where it never comes', async () => {
    const rig = await new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').start(resource('x'));
    await rig.put({ '/other': '1' });
    expect(await rig.renderer.wait(2, 1000)).toEqual({
      files: [],
      latencyMs: 0,
      timedOut: false,
      errors: [],
    });
    const waiting = rig.renderer.wait(99, 1000);
    rig.clock.advance(1000);
    expect(await waiting).toMatchObject({ timedOut: true });
  });

  it('waits for the reload too, and tells what failed', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').template('y', '$/a $/b');
    rig.onRun = () => 3;
    await rig.start(resource('x', { reloadCmd: 'reload' }), resource('y'));
    const waiting = rig.renderer.wait(2, 1000);
    rig.source.put({ '/a': '2' });
    expect(await waiting).toMatchObject({
      files: [{ dest: '/out/x', revision: 2 }],
      errors: expect.arrayContaining([
        '/out/x: reload failed: exit 3',
        '/out/y: /c/templates/y.hbs:1:1: key does not exist: /b',
      ]),
    });
  });

  it('tells once that everything has been tried, and sums up a restart', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }, 12) }).template('x', '$/a').template('y', '$/a');
    await rig.start(resource('x'), resource('y'));
    expect(rig.events.filter(({ type }) => type === 'ready')).toEqual([
      { type: 'ready', revision: 12, inSync: 0, written: 2, failed: 0, held: 0 },
    ]);
    const again = new Rig({ source: rig.source, files: rig.files.reboot('all') });
    await again.start(resource('x'), resource('y'));
    await again.put({ '/a': '2' });
    expect(again.events.filter(({ type }) => type === 'ready')).toEqual([
      { type: 'ready', revision: 12, inSync: 2, written: 0, failed: 0, held: 0 },
    ]);
  });

  it('shows a source that is lost, and that it is back', async () => {
    const rig = await new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').start(resource('x'));
    rig.source.lose('connection refused');
    expect(rig.renderer.status()).toMatchObject({ sourceError: 'connection refused', sourceRevision: 1 });
    await rig.put({ '/a': '2' });
    expect(rig.renderer.status()).toMatchObject({ sourceError: '', sourceRevision: 2 });
  });

  it('names the keys that caused a file, and shows the difference to who asks for it', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }), pass: { diffs: true } }).template('x', 'a $/a');
    await rig.start(resource('x'));
    await rig.put({ '/a': '2' });
    while (rig.events.filter(({ type }) => type === 'written').length < 2) await rig.clock.yield();
    expect(rig.events.filter(({ type }) => type === 'written').at(-1)).toMatchObject({
      causes: ['/a'],
      causeCount: 1,
      revision: 2,
      diff: expect.stringMatching(/^--- a\/out\/x\n\+\+\+ b\/out\/x\n@@ -1,1 \+1,1 @@\n-a 1\n.*\n\+a 2\n/),
    });
  });
});

it('with noop writes nothing, not even a state, runs nothing, and says so', async () => {
  const rig = new Rig({ source: sourceOf({ '/a': '1' }), pass: { noop: true } }).template('x', '$/a');
  await rig.start(resource('x', { checkCmd: 'check', reloadCmd: 'reload' }));
  await rig.put({ '/a': '2' });
  expect([rig.files.paths('/out'), rig.files.paths('/state'), rig.commands]).toEqual([[], [], []]);
  expect(rig.status('x').state).toBe('pending');
  expect(rig.log).toContain('Noop mode enabled. /out/x will not be modified');
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
