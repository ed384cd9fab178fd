import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/base/prng.js';
import { defaultWait } from '../../../src/confdir/reloading.js';
import { Rig, resource, sourceOf } from './rig.js';

const reload = { reloadCmd: 'reload' };

describe('a storm of puts', () => {
  const wait = { minMs: 100, maxMs: 1000 };

  it.each([1, 2, 3])(
    '1,000 in a second with wait = {100ms, 1s}: at most 12 reloads, in order, the last file right (seed %i)',
    async (seed) => {
      const random = new Prng(seed);
      const rig = new Rig({ source: sourceOf({ '/a': '0' }) }).template('x', '$/a');
      const atReload: number[] = [];
      rig.onRun = () => {
        atReload.push(Number(rig.out('x')));
        return 0;
      };
      await rig.start(resource('x', { ...reload, wait }));
      atReload.length = 0;
      const at = Array.from({ length: 1000 }, () => random.float() * 1000).sort((a, b) => a - b);
      let now = 0;
      for (const [count, ms] of at.entries()) {
        await rig.advance(ms - now);
        now = ms;
        rig.source.put({ '/a': String(count + 1) });
      }
      await rig.advance(2000);
      expect(atReload.length).toBeLessThanOrEqual(12);
      expect(atReload).toEqual([...atReload].sort((a, b) => a - b));
      expect([atReload.at(-1), rig.out('x')]).toEqual([1000, '1000']);
      expect(rig.status('x')).toMatchObject({ state: 'in_sync', appliedRevision: rig.source.revision });
    },
  );

  it('in bursts with a reload that takes longer than the quiet between them: never an older revision after a newer one', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '0' }) }).template('x', '$/a');
    const swapped: number[] = [];
    const finish: (() => void)[] = [];
    await rig.start(resource('x', { ...reload, wait }));
    rig.onRun = () => {
      swapped.push(Number(rig.out('x')));
      return new Promise((resolve) => finish.push(() => resolve(0)));
    };
    for (let burst = 0; burst < 10; burst++) {
      for (let put = 0; put < 100; put++) rig.source.put({ '/a': String(burst * 100 + put) });
      rig.clock.advance(150);
      for (let turn = 0; turn < 20; turn++) await rig.clock.yield();
      if (burst % 3 === 2) for (const end of finish.splice(0)) end();
      for (let turn = 0; turn < 20; turn++) await rig.clock.yield();
    }
    rig.onRun = () => {
      swapped.push(Number(rig.out('x')));
      return 0;
    };
    for (const end of finish.splice(0)) end();
    await rig.advance(2000);
    expect(swapped).toEqual([...swapped].sort((a, b) => a - b));
    expect(swapped.length).toBeLessThanOrEqual(12);
    expect(rig.out('x')).toBe('999');
  });
});

describe('debounce and batch-interval', () => {
  it('are waits: a quiet period of four times at most, and one deadline for all', () => {
    expect(defaultWait(0, 0)).toBeUndefined();
    expect(defaultWait(2000, 0)).toEqual({ minMs: 2000, maxMs: 8000 });
    expect(defaultWait(0, 5000)).toEqual({ minMs: 5000, maxMs: 5000, together: true });
    expect(defaultWait(1000, 5000)).toEqual({ minMs: 1000, maxMs: 5000, together: true });
    expect(defaultWait(9000, 5000)).toEqual({ minMs: 5000, maxMs: 5000, together: true });
  });

  it('a batch takes what changed in its interval to one pass with one reload, however the changes lie', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1', '/b': '1', '/c': '1' }) });
    const wait = defaultWait(0, 5000);
    for (const name of ['a', 'b', 'c']) rig.template(name, `$/${name}`);
    await rig.start(...['a', 'b', 'c'].map((name) => resource(name, { ...reload, wait })));
    expect(rig.commands).toEqual(['reload']);
    await rig.put({ '/a': '2' });
    await rig.advance(4900);
    await rig.put({ '/b': '2', '/a': '3' });
    expect([rig.out('a'), rig.out('b')]).toEqual(['1', '1']);
    await rig.advance(100);
    expect([rig.out('a'), rig.out('b'), rig.commands.length]).toEqual(['3', '2', 2]);
    await rig.put({ '/c': '2' });
    await rig.advance(4999);
    expect(rig.out('c')).toBe('1');
    await rig.advance(1);
    expect([rig.out('c'), rig.commands.length, rig.clock.timers]).toEqual(['2', 3, 0]);
  });

  it('with a quiet period in the batch, what is quiet sooner goes sooner', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1', '/b': '1' }) })
      .template('a', '$/a')
      .template('b', '$/b');
    const wait = defaultWait(1000, 5000);
    await rig.start(resource('a', { wait }), resource('b', { wait }));
    await rig.put({ '/a': '2' });
    for (let put = 0; put < 9; put++) {
      await rig.put({ '/b': String(put) });
      await rig.advance(500);
      expect(rig.out('a')).toBe(put < 1 ? '1' : '2');
      expect(rig.out('b')).toBe('1');
    }
    await rig.put({ '/b': 'last' });
    await rig.advance(500);
    expect(rig.out('b')).toBe('last');
    await rig.renderer.shutdown();
    expect(rig.clock.timers).toBe(0);
  });
});

describe('min_reload_interval', () => {
  const minReloadIntervalMs = 30_000;

  it('puts a reload off, swaps meanwhile, and then reloads once for all that changed', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1', '/b': '1' }) })
      .template('a', '$/a')
      .template('b', '$/b');
    const more = { ...reload, minReloadIntervalMs };
    const atReload: unknown[] = [];
    rig.onRun = () => {
      atReload.push([rig.out('a'), rig.out('b')]);
      return 0;
    };
    await rig.start(resource('a', more), resource('b', { ...reload }));
    expect(atReload).toEqual([['1', '1']]);
    await rig.advance(10_000);
    await rig.put({ '/a': '2' });
    expect([rig.out('a'), atReload.length]).toEqual(['2', 1]);
    expect(rig.status('a')).toMatchObject({ state: 'pending', pending: 'reload, retry in 20s' });
    await rig.put({ '/b': '2' });
    await rig.advance(19_999);
    expect(atReload).toHaveLength(1);
    await rig.advance(1);
    expect(atReload).toEqual([
      ['1', '1'],
      ['2', '2'],
    ]);
    expect(rig.status('a').state).toBe('in_sync');
    await rig.advance(60_000);
    expect(atReload).toHaveLength(2);
    await rig.put({ '/a': '3' });
    expect(atReload).toHaveLength(3);
  });

  it('drops none over a restart, nor hurries it', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('a', '$/a');
    await rig.start(resource('a', { ...reload, minReloadIntervalMs }));
    await rig.put({ '/a': '2' });
    expect(rig.commands).toEqual(['reload']);
    await rig.renderer.shutdown();
    const next = new Rig({ source: rig.source, files: rig.files }).template('a', '$/a');
    await next.start(resource('a', { ...reload, minReloadIntervalMs }));
    expect(next.commands).toEqual([]);
    await next.advance(30_000);
    expect(next.commands).toEqual(['reload']);
    await next.advance(120_000);
    expect(next.commands).toEqual(['reload']);
  });

  it('counts reloads that fail, and is no shorter than their backoff', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('a', '$/a');
    const at: number[] = [];
    rig.onRun = () => {
      at.push(rig.clock.monotonicMs());
      return 1;
    };
    await rig.start(resource('a', { ...reload, minReloadIntervalMs: 2000 }));
    for (let step = 0; step < 600; step++) await rig.advance(100);
    const gaps = at.slice(1).map((time, index) => time - (at[index] ?? 0));
    expect(gaps.length).toBeGreaterThan(3);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(2000);
    expect(gaps.at(-1)).toBeGreaterThan(4000);
  });
});
