import { describe, expect, it } from 'vitest';
import type { ConfetdError } from '../../../src/base/errors.js';
import { BackendFullError } from '../../../src/store/backend/backend.js';
import { MemoryBackend } from '../../../src/store/backend/memory.js';
import { Tables } from '../../../src/store/tables.js';
import { VirtualClock } from '../../sim/clock.js';

function setUp(writeMs = 10) {
  const clock = new VirtualClock();
  const failures: ConfetdError[] = [];
  const told: string[] = [];
  let broken = false;
  let full = false;
  let stuck = false;
  let attempts = 0;
  const backend = new MemoryBackend({
    writing: () =>
      new Promise((resolve, reject) => {
        attempts++;
        if (stuck) return;
        clock.schedule(writeMs, () => {
          if (full) reject(new BackendFullError('no room'));
          else if (broken) reject(new Error('EIO'));
          else resolve();
        });
      }),
  });
  const tables = new Tables({
    backend,
    clock,
    onFailure: (error) => failures.push(error),
    onFull: (isFull, reason) => told.push(`${isFull ? 'full' : 'room'} ${reason}`),
    onStalled: (seconds) => told.push(`stalled ${seconds}`),
  });
  const apply = (index: number, rows = 1): void => {
    tables.beginEntry();
    for (let row = 0; row < rows; row++) tables.put('latest', `k${index}.${row}`, Buffer.from('1'));
    tables.endEntry({ index, term: 1, revision: index });
  };
  return {
    clock,
    failures,
    told,
    backend,
    tables,
    apply,
    attempts: () => attempts,
    breakDisk: () => (broken = true),
    fillDisk: (to: boolean) => (full = to),
    stopDisk: () => (stuck = true),
  };
}

describe('tables', () => {
  it('writes what little there is after a short wait', async () => {
    const { clock, tables, apply } = setUp();
    apply(1);
    await clock.advance(49);
    expect(tables.flushedIndex).toBe(0);
    await clock.advance(20);
    expect(tables.flushedIndex).toBe(1);
    expect(tables.pendingBytes).toBe(0);
  });

  it('writes a thousand rows at once, and one batch at a time', async () => {
    const { clock, tables, apply } = setUp();
    apply(1, 999);
    apply(2);
    apply(3);
    await clock.advance(10);
    expect(tables.flushedIndex).toBe(2);
    await clock.advance(60);
    expect(tables.flushedIndex).toBe(3);
  });

  it('never cuts an entry in two', async () => {
    const { clock, tables, backend, apply } = setUp();
    apply(1);
    tables.beginEntry();
    tables.put('latest', 'half', Buffer.from('1'));
    await clock.advance(200);
    expect(tables.flushedIndex).toBe(0);
    tables.put('latest', 'other half', Buffer.from('1'));
    tables.endEntry({ index: 2, term: 1, revision: 2 });
    await clock.advance(200);
    expect(tables.flushedIndex).toBe(2);
    expect(backend.get('latest', 'half')).toBeDefined();
    expect(backend.get('latest', 'other half')).toBeDefined();
  });

  it('reads the newest of memory, the batch under way and the backend', async () => {
    const { clock, tables } = setUp();
    const keys = (): string[] =>
      tables
        .range('latest', { start: '', end: undefined, limit: 9 })
        .map(({ key, value }) => `${key}${value.toString()}`);
    const set = (index: number, rows: Record<string, string | null>): void => {
      tables.beginEntry();
      for (const [key, value] of Object.entries(rows)) {
        if (value === null) tables.remove('latest', key);
        else tables.put('latest', key, Buffer.from(value));
      }
      tables.endEntry({ index, term: 1, revision: index });
    };
    set(1, { a: '1', b: '1', c: '1' });
    await clock.until(tables.flush());
    set(2, { a: '2', b: null, d: '2' });
    const flushing = tables.flush();
    set(3, { a: '3', d: null, e: '3' });
    expect(keys()).toEqual(['a3', 'c1', 'e3']);
    expect(tables.get('latest', 'b')).toBeUndefined();
    expect(tables.get('latest', 'd')).toBeUndefined();
    await clock.until(flushing);
    expect(keys()).toEqual(['a3', 'c1', 'e3']);
    await clock.until(tables.flush());
    expect(keys()).toEqual(['a3', 'c1', 'e3']);
  });

  it('has no room while the backend is far behind', async () => {
    const { clock, tables, apply } = setUp();
    expect(tables.room()).toBeUndefined();
    for (let index = 1; index <= 10; index++) apply(index, 1_000);
    const room = tables.room();
    expect(room).toBeInstanceOf(Promise);
    await clock.until(room ?? Promise.resolve());
    expect(tables.flushedIndex).toBe(1);
    await clock.advance(10);
    expect(tables.room()).toBeUndefined();
    expect(tables.flushedIndex).toBe(10);
  });

  it('tells of a failed write once, and takes no more', async () => {
    const { clock, tables, failures, apply, breakDisk } = setUp();
    breakDisk();
    apply(1);
    apply(2, 9_000);
    const flushed = tables.flush().catch((error: ConfetdError) => error.code);
    const room = tables.room();
    await clock.advance(100);
    expect(failures.map(({ code, message }) => [code, message.includes('EIO')])).toEqual([['disk', true]]);
    expect(await flushed).toBe('disk');
    await room;
    expect(() => apply(3)).toThrow('can no longer be written');
    expect(tables.flushedIndex).toBe(0);
    await clock.advance(1_000);
    expect(failures).toHaveLength(1);
  });

  it('keeps a batch that finds no room, bounds memory meanwhile, and goes on when there is room', async () => {
    const { clock, tables, told, failures, backend, apply, attempts, fillDisk } = setUp();
    fillDisk(true);
    apply(1);
    await clock.advance(100);
    expect(told).toEqual(['full no room']);
    expect(tables.full).toBe(true);
    let index = 1;
    while (tables.room() === undefined) apply(++index, 500);
    expect(index).toBeLessThan(20);
    expect(tables.get('latest', 'k1.0')).toBeDefined();
    await clock.advance(60_000);
    expect(tables.room()).toBeDefined();
    expect(tables.flushedIndex).toBe(0);
    // Backoff: a quarter of a second, doubling up to five.
    expect(attempts()).toBeGreaterThan(10);
    expect(attempts()).toBeLessThan(20);
    fillDisk(false);
    await clock.advance(5_100);
    expect(tables.flushedIndex).toBe(index);
    expect(tables.room()).toBeUndefined();
    expect(tables.pendingRows).toBe(0);
    expect(told).toEqual(['full no room', 'room ']);
    expect(backend.get('latest', 'k1.0')).toBeDefined();
    expect(failures).toEqual([]);
  });

  it('fails a flush that finds no room, and stops at once', async () => {
    const { clock, tables, apply, attempts, fillDisk } = setUp();
    apply(1);
    const flushed = tables.flush().catch((error: ConfetdError) => error.code);
    fillDisk(true);
    await clock.advance(20);
    expect(await flushed).toBe('disk');
    await expect(tables.flush()).rejects.toMatchObject({ code: 'disk' });
    await clock.until(tables.halt());
    const before = attempts();
    await clock.advance(60_000);
    expect(attempts()).toBe(before);
  });

  it('ends a flush although there are always new writes', async () => {
    const { clock, tables, apply } = setUp();
    apply(1);
    apply(2);
    let flushed = false;
    void tables.flush().then(() => (flushed = true));
    for (let index = 3; !flushed && index < 100; index++) {
      apply(index);
      await clock.advance(1);
    }
    expect(flushed).toBe(true);
    expect(tables.flushedIndex).toBeGreaterThanOrEqual(2);
    expect(tables.pendingRows).toBeGreaterThan(0);
  });

  it('flushes rows that no entry came with', async () => {
    const { clock, tables, apply } = setUp();
    apply(1);
    await clock.until(tables.flush());
    tables.remove('latest', 'k1.0');
    await clock.until(tables.flush());
    expect(tables.pendingRows).toBe(0);
  });

  it('tells of a write that does not end, and gives it up after five minutes', async () => {
    const { clock, tables, told, failures, apply, stopDisk } = setUp();
    stopDisk();
    apply(1);
    await clock.advance(25_000);
    expect(told).toEqual(['stalled 10', 'stalled 20']);
    await clock.advance(300_000);
    expect(failures.map(({ message }) => message)).toEqual([
      expect.stringContaining('a write has taken 300 seconds'),
    ]);
    await clock.until(tables.halt());
  });
});
