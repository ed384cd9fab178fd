import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ENTRY_OVERHEAD_BYTES, MemoryStorage } from '../../../src/raft/memory-storage.js';
import { confState, entries, entry } from './support.js';

describe('MemoryStorage', () => {
  it('knows the entry before the first by its term only', () => {
    const storage = new MemoryStorage({ index: 10, term: 3 });
    storage.append(entries(11, 3, 4));
    expect([storage.firstIndex(), storage.lastIndex()]).toEqual([11, 12]);
    expect([9, 10, 11, 12, 13].map((index) => storage.term(index))).toEqual([undefined, 3, 3, 4, undefined]);
    expect(storage.entries(10, 12, 100)).toBe('cut off');
    expect(storage.entries(11, 13, 100)).toEqual(entries(11, 3, 4));
  });

  it('replaces entries from the first appended on', () => {
    const storage = new MemoryStorage();
    storage.append(entries(1, 1, 1, 1));
    storage.append(entries(2, 2));
    expect(storage.entries(1, 9, 100)).toEqual(entries(1, 1, 2));
    expect(storage.bytes).toBe(6 + 2 * ENTRY_OVERHEAD_BYTES);
  });

  it('refuses a gap, and what lies before its start', () => {
    const storage = new MemoryStorage({ index: 5, term: 1 });
    expect(() => storage.append(entries(7, 1))).toThrow("don't follow");
    expect(() => storage.append(entries(5, 1))).toThrow("don't follow");
    expect(() => storage.compact(6)).toThrow("can't compact");
  });

  it('compacts, and answers as before for what is left', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3000 }), fc.nat(3000), fc.nat(3000), (length, first, second) => {
        const storage = new MemoryStorage();
        storage.append(Array.from({ length }, (_, at) => entry(at + 1, 1 + (at >> 5), 'x')));
        const last = storage.lastIndex();
        for (const index of [Math.min(first, length), Math.min(second, length)]) storage.compact(index);
        const cut = Math.min(Math.max(first, second), length);
        expect([storage.firstIndex(), storage.lastIndex(), storage.bytes]).toEqual([
          cut + 1,
          last,
          (length - cut) * (1 + ENTRY_OVERHEAD_BYTES),
        ]);
        expect(storage.term(cut)).toBe(cut === 0 ? 0 : 1 + ((cut - 1) >> 5));
        storage.append([entry(last + 1, 200, 'x')]);
        expect(storage.entries(cut + 1, last + 2, Number.MAX_SAFE_INTEGER)).toHaveLength(length - cut + 1);
        expect(storage.term(last + 1)).toBe(200);
      }),
      { numRuns: 40 },
    );
  });

  it('trims the oldest entries down to a size, never one after the index given', () => {
    const storage = new MemoryStorage();
    storage.append(entries(1, 1, 1, 1, 1));
    const each = 3 + ENTRY_OVERHEAD_BYTES;
    storage.trim(3, 4 * each);
    expect(storage.firstIndex()).toBe(1);
    storage.trim(3, 3 * each - 1);
    expect(storage.firstIndex()).toBe(3);
    storage.trim(3, 0);
    expect([storage.firstIndex(), storage.bytes]).toEqual([4, each]);
    storage.trim(99, 0);
    expect([storage.firstIndex(), storage.term(4), storage.bytes]).toEqual([5, 1, 0]);
  });

  it('begins anew after a snapshot', () => {
    const storage = new MemoryStorage();
    storage.append(entries(1, 1, 1));
    const snapshot = { data: Buffer.alloc(0), metadata: { index: 8, term: 2, confState: confState(1) } };
    storage.applySnapshot(snapshot);
    expect([storage.firstIndex(), storage.lastIndex(), storage.term(8), storage.bytes]).toEqual([9, 8, 2, 0]);
    expect(storage.snapshot()).toBe(snapshot);
    expect(() => storage.applySnapshot(snapshot)).toThrow('older than the log');
  });
});
