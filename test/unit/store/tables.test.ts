import { describe, expect, it } from 'vitest';
import type { ConfetdError } from '../../../src/base/errors.js';
import { MemoryBackend } from '../../../src/store/backend/memory.js';
import { Tables } from '../../../src/store/tables.js';
import { VirtualClock } from '../../sim/clock.js';

function setUp(writeMs = 10) {
  const clock = new VirtualClock();
  const failures: ConfetdError[] = [];
  let broken = false;
  const backend = new MemoryBackend({
    writing: () =>
      new Promise((resolve, reject) => {
        clock.schedule(writeMs, () => (broken ? reject(new Error('EIO')) : resolve()));
      }),
  });
  const tables = new Tables({ backend, clock, onFailure: (error) => failures.push(error) });
  const apply = (index: number, rows = 1): void => {
    tables.beginEntry();
    for (let row = 0; row < rows; row++) tables.put('latest', `k${index}.${row}`, Buffer.from('1'));
    tables.endEntry({ index, term: 1, revision: index });
  };
  return { clock, failures, backend, tables, apply, breakDisk: () => (broken = true) };
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
});
