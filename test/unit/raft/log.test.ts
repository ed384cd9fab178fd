import { describe, expect, it } from 'vitest';
import { RaftLog } from '../../../src/raft/log.js';
import { MemoryStorage } from '../../../src/raft/memory-storage.js';
import { confState, entries, entry } from './support.js';

function logOf(durable: number[], waiting: number[] = [], committed = 0, applied = 0) {
  const storage = new MemoryStorage();
  storage.append(entries(1, ...durable));
  const log = new RaftLog(storage, committed, applied);
  for (const one of entries(durable.length + 1, ...waiting)) log.push(one);
  return { storage, log };
}

function write({ storage, log }: ReturnType<typeof logOf>): void {
  const { snapshot, entries: out } = log.takeUnwritten();
  if (snapshot !== undefined) storage.applySnapshot(snapshot);
  storage.append(out);
  log.written(snapshot);
}

const terms = (log: RaftLog) =>
  Array.from({ length: log.lastIndex - log.firstIndex + 1 }, (_, at) => log.term(log.firstIndex + at));

describe('RaftLog', () => {
  it('reads across what is durable and what is not', () => {
    const { log } = logOf([1, 1], [2, 3]);
    expect([log.lastIndex, log.lastTerm, log.durableIndex]).toEqual([4, 3, 2]);
    expect([0, 1, 2, 3, 4, 5].map((index) => log.term(index))).toEqual([0, 1, 1, 2, 3, undefined]);
    expect(log.entriesFrom(2, 1000)).toEqual(entries(2, 1, 2, 3));
  });

  it('reads no more than the bytes asked for, but one entry at least', () => {
    const { log } = logOf([1, 1], [1, 1]);
    // Each entry has three bytes.
    expect(log.entriesFrom(1, 0)).toEqual(entries(1, 1));
    expect(log.entriesFrom(1, 9)).toEqual(entries(1, 1, 1, 1));
    expect(log.entriesFrom(3, 5)).toEqual(entries(3, 1));
    expect(log.entriesFrom(5, 5)).toEqual([]);
  });

  it('knows of what was cut off that it is gone', () => {
    const { storage, log } = logOf([1, 1, 2]);
    storage.compact(2);
    expect(log.entriesFrom(2, 100)).toBe('cut off');
    expect([log.firstIndex, log.term(1), log.term(2), log.term(3)]).toEqual([3, undefined, 1, 2]);
  });

  it('section 5.3: keeps what agrees and replaces all from the first entry that differs', () => {
    const same = logOf([1, 1, 1], [1]);
    same.log.append(entries(2, 1, 1));
    expect(terms(same.log)).toEqual([1, 1, 1, 1]);
    expect(same.log.durableIndex).toBe(3);
    const differs = logOf([1, 1, 1], [1]);
    differs.log.append(entries(2, 1, 2, 2));
    expect(terms(differs.log)).toEqual([1, 1, 2, 2]);
    expect(differs.log.durableIndex).toBe(2);
    const longer = logOf([1], [1]);
    longer.log.append(entries(2, 1, 1, 1));
    expect(terms(longer.log)).toEqual([1, 1, 1, 1]);
  });

  it('never replaces a committed entry', () => {
    const { log } = logOf([1, 1, 1], [], 2);
    expect(() => log.append(entries(2, 2))).toThrow('conflicts with a committed one');
  });

  it('never has a gap', () => {
    expect(() => logOf([1]).log.append(entries(3, 1))).toThrow('a gap in the log');
  });

  it('a commit index past the end halts: "log lost"', () => {
    expect(() => logOf([1, 1]).log.commitTo(3)).toThrow('log lost');
    expect(() => logOf([1, 1], [], 3)).toThrow('log lost');
    expect(() => logOf([1, 1], [], 0, 3)).toThrow('log lost');
  });

  it('what was applied at the start is committed, whatever the hard state says', () => {
    expect(logOf([1, 1, 1], [], 1, 2).log.committed).toBe(2);
  });

  it('section 5.4.1: compares the last terms first, then the lengths', () => {
    const { log } = logOf([1, 2, 2]);
    const ends: [number, number, boolean][] = [
      [1, 3, true],
      [3, 2, true],
      [4, 2, true],
      [2, 2, false],
      [9, 1, false],
    ];
    for (const [index, term, expected] of ends) expect(log.isUpToDate(index, term)).toBe(expected);
  });

  it('finds the last place where two logs may agree', () => {
    const { log } = logOf([1, 1, 3, 3, 5]);
    expect(log.lastNotAbove(5, 4)).toBe(4);
    expect(log.lastNotAbove(9, 2)).toBe(2);
    expect(log.lastNotAbove(3, 3)).toBe(3);
    expect(log.lastNotAbove(5, 0)).toBe(0);
  });

  it('hands out committed entries once, and only what is durable here', () => {
    const both = logOf([1], [1, 1]);
    const { log } = both;
    log.commitTo(3);
    expect(log.takeCommitted(1000)).toEqual(entries(1, 1));
    expect(log.hasCommitted(1000)).toBe(false);
    write(both);
    expect(log.takeCommitted(1000)).toEqual(entries(2, 1, 1));
    expect(log.takeCommitted(1000)).toEqual([]);
  });

  it('hands out no more bytes than may wait to be applied', () => {
    const { log } = logOf([1, 1, 1, 1], [], 4);
    expect(log.takeCommitted(6)).toEqual(entries(1, 1, 1));
    expect(log.hasCommitted(6)).toBe(false);
    log.appliedTo(1);
    expect(log.hasCommitted(6)).toBe(false);
    log.appliedTo(2);
    // A single entry passes even a bound that it exceeds.
    expect(log.takeCommitted(1)).toEqual(entries(3, 1));
  });

  it('applies nothing that was not handed out', () => {
    expect(() => logOf([1, 1], [], 2).log.appliedTo(1)).toThrow('before it was handed out');
  });

  it('continues from a snapshot, handing out nothing until that is durable', () => {
    const both = logOf([1, 1], [], 1);
    const { log } = both;
    log.restore({ data: Buffer.alloc(0), metadata: { index: 10, term: 4, confState: confState(3) } });
    expect([log.firstIndex, log.lastIndex, log.lastTerm, log.committed]).toEqual([11, 10, 4, 10]);
    expect([log.term(2), log.term(10)]).toEqual([undefined, 4]);
    log.append([entry(11, 4)]);
    log.commitTo(11);
    expect(log.hasCommitted(1000)).toBe(false);
    write(both);
    expect(log.applied).toBe(10);
    expect(log.takeCommitted(1000)).toEqual([entry(11, 4)]);
  });
});
