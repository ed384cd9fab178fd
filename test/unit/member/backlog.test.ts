import { beforeEach, describe, expect, it } from 'vitest';
import { Backlog } from '../../../src/member/backlog.js';
import { type Entry, EntryType } from '../../../src/proto/generated/raft.js';
import { VirtualClock } from '../../sim/clock.js';

function entries(from: number, to: number): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, at) => ({
    type: EntryType.NORMAL,
    term: 1,
    index: from + at,
    data: Buffer.alloc(0),
  }));
}

describe('Backlog', () => {
  let clock: VirtualClock;
  let nowMs: number;
  let costMs: number;
  let leads: boolean;
  let wakes: number;
  let applied: number[];
  let room: Promise<void> | undefined;
  let long: Map<number, Promise<boolean>>;
  let failures: Error[];
  let backlog: Backlog;

  beforeEach(() => {
    clock = new VirtualClock();
    nowMs = 0;
    costMs = 0;
    leads = false;
    wakes = 0;
    applied = [];
    room = undefined;
    long = new Map();
    failures = [];
    backlog = new Backlog(
      {
        clock: {
          monotonicMs: () => nowMs,
          schedule: (ms: number, run: () => void) => clock.schedule(ms, run),
        } as VirtualClock,
        apply: ({ index }) => {
          nowMs += costMs;
          return long.get(index);
        },
        applyRoom: () => room,
        applied: ({ index }) => applied.push(index),
        leads: () => leads,
        wake: () => wakes++,
        goOn: () => backlog.applySome(nowMs),
        guard: (work) => work(),
        failed: (reason) => failures.push(reason),
      },
      10,
    );
  });

  const upTo = (index: number) => entries(11, index).map((entry) => entry.index);

  it('applies in order, what is added meanwhile too', () => {
    expect(backlog.applySome(0)).toBe(false);
    backlog.add(entries(11, 13));
    backlog.add(entries(14, 15));
    expect(backlog.length).toBe(5);
    expect(backlog.applySome(0)).toBe(true);
    expect(applied).toEqual(upTo(15));
    expect([backlog.appliedIndex, backlog.length, wakes]).toEqual([15, 0, 0]);
  });

  it('stops when its time is over, and goes on in the next turn', () => {
    costMs = 1;
    backlog.add(entries(11, 60));
    expect(backlog.applySome(0)).toBe(true);
    expect([backlog.appliedIndex, backlog.length, wakes]).toEqual([26, 34, 1]);
    backlog.applySome(nowMs);
    expect(backlog.appliedIndex).toBe(42);
  });

  it('a member that catches up rests between turns; one that leads never does', async () => {
    costMs = 0.5;
    backlog.add(entries(11, 1000));
    backlog.applySome(0);
    expect(backlog.appliedIndex).toBe(26);
    // Other reasons for a turn don't cut the rest short.
    expect(backlog.applySome(nowMs)).toBe(false);
    expect(wakes).toBe(0);
    // Half as long again as the turn took.
    await clock.advance(11);
    expect(wakes).toBe(0);
    await clock.advance(1);
    expect(wakes).toBe(1);
    leads = true;
    backlog.applySome(nowMs);
    expect([backlog.appliedIndex, wakes]).toEqual([42, 2]);
  });

  it('a backlog that stays long is not rested upon for ever', async () => {
    costMs = 0.5;
    const restedMs = async (): Promise<number> => {
      let ms = 0;
      for (;;) {
        const before = wakes;
        backlog.applySome(nowMs);
        if (wakes > before) return ms;
        for (; wakes === before; ms++) await clock.advance(1);
      }
    };
    backlog.add(entries(11, 10_000));
    expect(await restedMs()).toBe(2_000);
    expect(backlog.length).toBeGreaterThan(5_000);
    // Once it has been short, the next long one is another.
    costMs = 0;
    backlog.applySome(nowMs);
    expect(backlog.length).toBe(0);
    costMs = 0.5;
    backlog.add(entries(10_001, 20_000));
    expect(await restedMs()).toBe(2_000);
  });

  it('does not rest for long after the process stood still', async () => {
    costMs = 10_000;
    backlog.add(entries(11, 1000));
    backlog.applySome(0);
    await clock.advance(20);
    expect(wakes).toBe(1);
  });

  it('waits for room', async () => {
    let free = (): void => {};
    room = new Promise((resolve) => (free = resolve));
    backlog.add(entries(11, 12));
    expect(backlog.applySome(0)).toBe(false);
    room = undefined;
    expect(backlog.applySome(0)).toBe(false);
    free();
    await clock.advance(0);
    expect(wakes).toBe(1);
    expect(backlog.applySome(0)).toBe(true);
    expect(applied).toEqual([11, 12]);
  });

  it('waits for a long entry, and goes on after it', async () => {
    let end = (_applied: boolean): void => {};
    long.set(12, new Promise((resolve) => (end = resolve)));
    backlog.add(entries(11, 14));
    expect(backlog.applySome(0)).toBe(true);
    expect(backlog.applySome(0)).toBe(false);
    expect(applied).toEqual([11]);
    end(true);
    await clock.advance(0);
    expect(applied).toEqual(upTo(14));
  });

  it.each([
    ['given up', (backlog: Backlog) => expect(backlog.length).toBe(2), false],
    ['of a state that was replaced', (backlog: Backlog) => backlog.drop(), true],
  ])('a long entry that is %s counts for nothing', async (_what, meanwhile, outcome) => {
    let end = (_applied: boolean): void => {};
    long.set(12, new Promise((resolve) => (end = resolve)));
    backlog.add(entries(11, 14));
    backlog.applySome(0);
    meanwhile(backlog);
    end(outcome);
    await clock.advance(0);
    expect(applied).toEqual([11]);
    expect(backlog.appliedIndex).toBe(11);
  });

  it('goes on from a snapshot', () => {
    backlog.add(entries(11, 14));
    backlog.drop();
    backlog.skipTo(20);
    expect([backlog.appliedIndex, backlog.length]).toEqual([20, 0]);
    backlog.add(entries(21, 22));
    backlog.applySome(0);
    expect(applied).toEqual([21, 22]);
  });

  it('tells of a long entry that failed', async () => {
    long.set(11, Promise.reject(new Error('broken')));
    backlog.add(entries(11, 12));
    backlog.applySome(0);
    await clock.advance(0);
    expect(failures.map(({ message }) => message)).toEqual(['broken']);
    expect(applied).toEqual([]);
  });
});
