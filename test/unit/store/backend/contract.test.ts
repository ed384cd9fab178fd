import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfetdError } from '../../../../src/base/errors.js';
import type { Backend, BackendCopy, Write } from '../../../../src/store/backend/backend.js';
import { BACKENDS, makePlace, type Place, removePlace } from '../backends.js';

const put = (key: string, value: string | Buffer = key): Write => ({
  table: 'latest',
  key,
  value: Buffer.from(value),
});
const remove = (key: string): Write => ({ table: 'latest', key, value: undefined });
const all = { start: '', end: undefined, limit: 1_000_000 };

describe.each(BACKENDS)('backend: $name', (kind) => {
  let place: Place;
  let backend: Backend;

  beforeEach(async () => {
    place = await makePlace();
    backend = await kind.open(place);
  });

  afterEach(async () => {
    await backend.close();
    await removePlace(place);
  });

  const keys = (range: Parameters<Backend['range']>[1]): string[] =>
    backend.range('latest', range).map(({ key }) => key);

  it('reads what a resolved write has put, and nothing else', async () => {
    await backend.write([put('a', '1'), put('b', '')]);
    expect(backend.get('latest', 'a')?.toString()).toBe('1');
    expect(backend.get('latest', 'b')).toEqual(Buffer.alloc(0));
    expect(backend.get('latest', 'c')).toBeUndefined();
    expect(backend.get('past', 'a')).toBeUndefined();
  });

  it('removes rows, also ones that are not there', async () => {
    await backend.write([put('a'), put('b')]);
    await backend.write([remove('a'), remove('nothing')]);
    expect(keys(all)).toEqual(['b']);
  });

  it('applies a batch in its order', async () => {
    await backend.write([put('a', '1'), remove('a'), put('a', '2'), put('b'), remove('b')]);
    expect(backend.range('latest', all)).toEqual([{ key: 'a', value: Buffer.from('2') }]);
  });

  it('keeps values of every size whole', async () => {
    const sizes = [1, 33, 4_000, 40_000, 1_500_000];
    await backend.write(sizes.map((size) => put(`v${size}`, Buffer.alloc(size, size % 251))));
    for (const size of sizes) {
      expect(backend.get('latest', `v${size}`)?.equals(Buffer.alloc(size, size % 251))).toBe(true);
    }
    for (const { value } of backend.range('latest', all)) {
      expect(value.equals(Buffer.alloc(value.length, value.length % 251))).toBe(true);
    }
  });

  it('takes a long batch over several turns, and shows all of it or nothing', async () => {
    await backend.write([put('old', '1'), put('other', '1')]);
    const count = 20_000;
    function* many(): Generator<Write> {
      yield remove('old');
      yield put('other', '2');
      for (let at = 0; at < count; at++) yield put(`k${String(at).padStart(6, '0')}`, `v${at}`);
    }
    const source = { [Symbol.iterator]: many };
    let isWritten = false;
    const written = backend.write(source).then(() => {
      isWritten = true;
    });
    let copy: BackendCopy | undefined;
    const seen = new Set<string>();
    for (let turns = 0; !isWritten; turns++) {
      const found = keys({ ...all, limit: 3 }).join();
      seen.add(`${found} ${backend.get('latest', 'other')?.toString()}`);
      await setImmediate();
      if (turns === 3) copy = await backend.copy();
    }
    await written;
    seen.delete('k000000,k000001,k000002 2');
    expect([...seen]).toEqual(['old,other 1']);
    expect(keys(all)).toHaveLength(count + 1);
    if (copy !== undefined) {
      const restored = await kind.restore(place, copy);
      expect([1, count + 1]).toContain(
        restored.range('latest', all).length - (restored.get('latest', 'old') ? 1 : 0),
      );
      await restored.close();
      await copy.close();
    }
    // Again, with another between.
    await backend.write([put('old', '3')]);
    await backend.write(source);
    expect(keys(all)).toHaveLength(count + 1);
    backend = await kind.reopen(place, backend);
    expect(keys(all)).toHaveLength(count + 1);
    expect(backend.get('latest', 'k019999')?.toString()).toBe('v19999');
  });

  it('hands out values that later reads do not change', async () => {
    await backend.write([put('a', 'aaaa'), put('b', 'bbbb')]);
    const a = backend.get('latest', 'a');
    const rows = backend.range('latest', all);
    backend.get('latest', 'b');
    expect(a?.toString()).toBe('aaaa');
    expect(rows.map(({ value }) => value.toString())).toEqual(['aaaa', 'bbbb']);
  });

  it('stores the longest composite keys, and sorts by bytes', async () => {
    const long = 'k'.repeat(1_910);
    const every = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
    await backend.write([put(long), ...every.map((key) => put(key)), put('\0\0'), put('k\u00ff')]);
    const sorted = [...every, '\0\0', 'k\u00ff', long].sort((a, b) => (a < b ? -1 : 1));
    expect(keys(all)).toEqual(sorted);
    expect(keys({ ...all, reverse: true })).toEqual(sorted.reverse());
    expect(keys({ start: 'k', end: '\u00ff'.repeat(1_950), limit: 2 })).toEqual(['k', long]);
  });

  it('answers ranges as a sorted list does', async () => {
    const key = fc.string({ unit: fc.constantFrom('\0', 'a', 'b', '\u00ff'), minLength: 1, maxLength: 4 });
    const bound = fc.string({ unit: fc.constantFrom('\0', 'a', 'b', '\u00ff'), maxLength: 4 });
    const held = ['\0', '\0\0', 'a', 'a\0', 'aa', 'ab', 'b', 'ba', 'b\u00ff', '\u00ff', '\u00ff\u00ff'].sort(
      (a, b) => (a < b ? -1 : 1),
    );
    await backend.write(held.map((name) => put(name)));
    fc.assert(
      fc.property(
        bound,
        fc.option(key, { nil: undefined }),
        fc.integer({ min: 1, max: 12 }),
        fc.boolean(),
        fc.boolean(),
        (start, end, limit, reverse, keysOnly) => {
          fc.pre(end === undefined || start < end);
          const expected = held.filter((name) => name >= start && (end === undefined || name < end));
          if (reverse) expected.reverse();
          const rows = backend.range('latest', { start, end, limit, reverse, keysOnly });
          expect(rows.map((row) => row.key)).toEqual(expected.slice(0, limit));
          for (const row of rows) expect(row.value.toString('latin1').length === 0).toBe(keysOnly);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('keeps everything over a restart', async () => {
    await backend.write([put('a', '1'), { table: 'meta', key: 'applied', value: Buffer.from('7') }]);
    backend = await kind.reopen(place, backend);
    expect(backend.get('latest', 'a')?.toString()).toBe('1');
    expect(backend.get('meta', 'applied')?.toString()).toBe('7');
  });

  it('copies the state of one moment, and opens a copy', async () => {
    const rows = Array.from({ length: 3_000 }, (_, at) => put(`key${at}`, `value${at}`.repeat(20)));
    await backend.write(rows);
    const copy = await backend.copy();
    await backend.write([put('later'), remove('key1')]);
    const restored = await kind.restore(place, copy);
    await copy.close();
    expect(restored.range('latest', all).length).toBe(3_000);
    expect(restored.get('latest', 'later')).toBeUndefined();
    expect(restored.get('latest', 'key1')?.toString()).toBe('value1'.repeat(20));
    await restored.write([put('goes on')]);
    expect(restored.get('latest', 'goes on')).toBeDefined();
    await restored.close();
  });

  it('is closed after the copies that are being made of it', async () => {
    const rows = Array.from({ length: 3_000 }, (_, at) => put(`key${at}`, 'x'.repeat(1_000)));
    await backend.write(rows);
    const making = Promise.allSettled([1, 2, 3].map(() => backend.copy()));
    await backend.close();
    for (const made of await making) {
      if (made.status === 'rejected') continue;
      let bytes = 0;
      for await (const chunk of made.value.chunks()) bytes += chunk.length;
      expect(bytes).toBe(made.value.bytes);
      await made.value.close();
    }
    backend = await kind.reopen(place, backend);
    expect(keys(all)).toHaveLength(3_000);
  });

  it('refuses a copy that was cut off', async () => {
    const damaged = {
      bytes: 5,
      async *chunks() {
        yield Buffer.from([0, 0, 0, 0, 9]);
      },
      async close() {},
    };
    await expect(kind.restore(place, damaged)).rejects.toSatisfy(
      (error) => error instanceof ConfetdError && error.code === 'data_loss',
    );
  });

  it('tells its size', async () => {
    const before = backend.size();
    await backend.write(Array.from({ length: 500 }, (_, at) => put(`key${at}`, 'x'.repeat(1_000))));
    const after = backend.size();
    expect(after.inUse).toBeGreaterThanOrEqual(before.inUse + 500_000);
    expect(after.total).toBeGreaterThanOrEqual(after.inUse);
  });
});
