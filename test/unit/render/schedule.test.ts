import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/base/prng.js';
import { Schedule } from '../../../src/render/schedule.js';
import { Slots } from '../../../src/render/slots.js';
import { ManualClock } from './rig.js';

function scheduleOf(intervalMs: number, reconcile = (): void => {}) {
  const clock = new ManualClock();
  const prng = new Prng(3);
  const random = { uint32: () => prng.uint32(), float: () => prng.float() };
  return { clock, schedule: new Schedule({ clock, random, intervalMs, reconcile }) };
}

describe('Schedule', () => {
  it('reconciles at every interval, give or take a tenth, never twice at the same distance', () => {
    const at: number[] = [];
    const { clock, schedule } = scheduleOf(1000, () => at.push(clock.monotonicMs()));
    schedule.start();
    const began = clock.monotonicMs();
    clock.advance(100_000);
    const gaps = at.map((time, index) => time - (at[index - 1] ?? began));
    expect(gaps.length).toBeGreaterThan(90);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(900);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1100);
    expect(new Set(gaps.map(Math.round)).size).toBeGreaterThan(20);
    schedule.close();
    expect(clock.timers).toBe(0);
  });

  it('backs off from 1 s to 60 s with jitter, and tells how long it is to the retry', () => {
    const { clock, schedule } = scheduleOf(0);
    const what = {};
    const delays = Array.from({ length: 12 }, (_, at) => schedule.retry(what, at + 1, () => {}));
    for (const [at, delay] of delays.entries()) {
      const full = Math.min(60_000, 1000 * 2 ** at);
      expect(delay).toBeGreaterThanOrEqual(full / 2);
      expect(delay).toBeLessThanOrEqual(full);
    }
    // One retry at a time.
    expect(clock.timers).toBe(1);
    const left = schedule.retryIn(what) ?? 0;
    clock.advance(10_000);
    expect(schedule.retryIn(what)).toBeCloseTo(left - 10_000);
    schedule.forget(what);
    expect([schedule.retryIn(what), clock.timers]).toEqual([undefined, 0]);
  });
});

describe('Slots', () => {
  it('runs so many at a time, in order, and goes on after failures', async () => {
    const slots = new Slots(2);
    let running = 0;
    let most = 0;
    const began: number[] = [];
    const tasks = Array.from({ length: 7 }, (_, at) =>
      slots.run(async () => {
        began.push(at);
        most = Math.max(most, ++running);
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
        running--;
        if (at === 2) throw new Error('no');
      }),
    );
    const ends = await Promise.allSettled(tasks);
    expect([most, began]).toEqual([2, [0, 1, 2, 3, 4, 5, 6]]);
    expect(ends.filter(({ status }) => status === 'rejected')).toHaveLength(1);
  });
});
