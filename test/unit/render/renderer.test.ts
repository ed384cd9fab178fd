import { describe, expect, it } from 'vitest';
import { Rig, resource, sourceOf } from './rig.js';

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

it('with noop writes nothing, not even a state, runs nothing, and says so', async () => {
  const rig = new Rig({ source: sourceOf({ '/a': '1' }), pass: { noop: true } }).template('x', '$/a');
  await rig.start(resource('x', { checkCmd: 'check', reloadCmd: 'reload' }));
  await rig.put({ '/a': '2' });
  expect([rig.files.paths('/out'), rig.files.paths('/state'), rig.commands]).toEqual([[], [], []]);
  expect(rig.status('x').state).toBe('pending');
  expect(rig.log).toContain('Noop mode enabled. /out/x will not be modified');
});

describe('what a supervised command waits for', () => {
  it('is told once every file is there, and of each change in force after its reload', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').template('y', '$/b');
    const told = (): unknown[] =>
      rig.events.filter(({ type }) => type === 'complete' || type === 'applied' || type === 'reload');
    await rig.start(resource('x', { reloadCmd: 'reload' }), resource('y'));
    expect(told()).toMatchObject([{ type: 'reload' }, { type: 'applied', dests: ['/out/x'] }]);
    await rig.put({ '/b': '1' });
    expect(told().slice(2)).toEqual([
      { type: 'applied', dests: ['/out/y'] },
      { type: 'complete', revision: 2 },
    ]);
    await rig.put({ '/b': null });
    await rig.put({ '/b': '2' });
    expect(told().slice(4)).toEqual([{ type: 'applied', dests: ['/out/y'] }]);
  });

  it('is told at once where nothing is to be rendered', async () => {
    const rig = new Rig();
    await rig.renderer.start();
    await rig.adopt();
    expect(rig.events.at(-1)).toMatchObject({ type: 'complete' });
  });
});
