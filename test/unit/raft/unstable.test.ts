import { describe, expect, it } from 'vitest';
import { Unstable } from '../../../src/raft/unstable.js';
import { entries, entry } from './support.js';

function holding(first: number, ...terms: number[]): Unstable {
  const unstable = new Unstable(first);
  for (const one of entries(first, ...terms)) unstable.push(one);
  return unstable;
}

const snapshot = (index: number) => ({
  data: Buffer.alloc(0),
  metadata: { index, term: 9, confState: undefined },
});
const termsOf = (unstable: Unstable) =>
  Array.from(
    { length: unstable.lastIndex - unstable.offset + 1 },
    (_, at) => unstable.at(unstable.offset + at)?.term,
  );

describe('Unstable', () => {
  it('hands out what waits, and gathers what comes meanwhile for the next write', () => {
    const unstable = holding(5, 1, 1);
    expect(unstable.take().entries).toEqual(entries(5, 1, 1));
    expect(unstable.hasWaiting).toBe(false);
    unstable.push(entry(7, 1));
    expect([unstable.hasWaiting, unstable.offset, unstable.lastIndex]).toEqual([true, 5, 7]);
    unstable.written();
    expect([unstable.offset, unstable.lastIndex]).toEqual([7, 7]);
    expect(unstable.take().entries).toEqual(entries(7, 1));
  });

  it('has one write out at a time', () => {
    const unstable = holding(1, 1);
    unstable.take();
    unstable.push(entry(2, 1));
    expect(() => unstable.take()).toThrow('two writes');
  });

  it('a write without entries never gains any', () => {
    const unstable = new Unstable(1);
    const { entries: handedOut } = unstable.take();
    unstable.push(entry(1, 1));
    expect(handedOut).toEqual([]);
  });

  it('an entry overwritten while it is written does not become durable with that write', () => {
    const unstable = holding(5, 1, 1, 1);
    const { entries: out } = unstable.take();
    unstable.truncate(6);
    unstable.push(entry(6, 2));
    expect(out).toHaveLength(3);
    expect(termsOf(unstable)).toEqual([1, 2]);
    unstable.written();
    expect([unstable.offset, unstable.lastIndex]).toEqual([6, 6]);
    expect(unstable.take().entries).toEqual([entry(6, 2)]);
  });

  it('overwriting durable entries while others are written makes nothing of that write durable', () => {
    const unstable = holding(5, 1, 1);
    unstable.take();
    unstable.truncate(3);
    unstable.push(entry(3, 2));
    unstable.written();
    expect([unstable.offset, unstable.lastIndex]).toEqual([3, 3]);
    expect(unstable.take().entries).toEqual([entry(3, 2)]);
  });

  it('truncates what waits without touching what is written', () => {
    const unstable = holding(5, 1, 1);
    unstable.take();
    unstable.push(entry(7, 1));
    unstable.push(entry(8, 1));
    unstable.truncate(8);
    expect(termsOf(unstable)).toEqual([1, 1, 1]);
    unstable.written();
    expect(unstable.offset).toBe(7);
  });

  it('a snapshot replaces everything, and is written before what follows it', () => {
    const unstable = holding(5, 1, 1);
    unstable.take();
    const received = snapshot(20);
    unstable.restore(received, 20);
    unstable.push(entry(21, 9));
    unstable.written();
    expect(unstable.snapshot).toBe(received);
    expect(unstable.take()).toEqual({ snapshot: received, entries: [entry(21, 9)] });
    unstable.written();
    expect([unstable.snapshot, unstable.offset]).toEqual([undefined, 22]);
  });

  it('a newer snapshot is not taken for written when the older one is', () => {
    const unstable = new Unstable(1);
    unstable.restore(snapshot(10), 10);
    unstable.take();
    const newer = snapshot(20);
    unstable.restore(newer, 20);
    unstable.written();
    expect(unstable.snapshot).toBe(newer);
    expect(unstable.take().snapshot).toBe(newer);
  });
});
