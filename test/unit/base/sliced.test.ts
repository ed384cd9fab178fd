import { describe, expect, it } from 'vitest';
import { atOnce, inSlices, Pace, type Sliced } from '../../../src/base/sliced.js';

function* count(to: number, pace: Pace): Sliced<number> {
  let sum = 0;
  for (let at = 1; at <= to; at++) {
    sum += at;
    if (pace.spent(1)) yield;
  }
  return sum;
}

describe('work in slices', () => {
  it('comes to the same at once and in slices, and says at once what is short', async () => {
    let turns = 0;
    const breathe = async (): Promise<void> => {
      turns++;
    };
    expect(atOnce(count(100, new Pace(7)))).toBe(5_050);
    expect(inSlices(count(6, new Pace(7)), breathe)).toBe(21);
    expect(turns).toBe(0);
    expect(await inSlices(count(100, new Pace(7)), breathe)).toBe(5_050);
    expect(turns).toBe(14);
  });

  it('rejects with what a later slice throws', async () => {
    const work = function* (): Sliced<void> {
      yield;
      throw new Error('later');
    };
    await expect(inSlices(work(), () => Promise.resolve())).rejects.toThrow('later');
  });

  it('cuts by rows and by bytes', () => {
    const pace = new Pace(10);
    expect([pace.spent(9), pace.spent(1), pace.spent(9)]).toEqual([false, true, false]);
    expect(pace.spent(0, 4_096)).toBe(true);
    expect(pace.spent(0, 40 * 4_096)).toBe(true);
    expect(pace.spent(9.5)).toBe(false);
  });
});
