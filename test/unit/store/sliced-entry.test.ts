import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { atOnce, type Sliced } from '../../../src/base/sliced.js';
import type { Row, RowRange, TableName } from '../../../src/store/backend/backend.js';
import { TABLES } from '../../../src/store/backend/backend.js';
import { MemoryBackend } from '../../../src/store/backend/memory.js';
import type { Store } from '../../../src/store/store.js';
import type { RangeResult, WatchSpec } from '../../../src/store/types.js';
import type { WriteTxn } from '../../../src/store/write-txn.js';
import { entry, openStore, put, query, Recorder, remove, show, slicedEntry } from './harness.js';

const all = query('', '\0');
const watchAll: WatchSpec = { key: '', end: '\0', startRevision: 0, noPut: false, noDelete: false };
const name = (at: number): string => `k${String(at).padStart(5, '0')}`;

function fill(store: Store, count: number, lease = 0n): void {
  entry(store, (txn) => {
    for (let at = 0; at < count; at++) txn.put(name(at), Buffer.from(`v${at}`), lease);
  });
}

async function pairs(store: Store, revision = 0): Promise<string[]> {
  const { kvs } = await store.range(query('', '\0', { revision }));
  return kvs.map(show);
}

/** Every row of every table, as the backend has it. */
function rowsOf(backend: MemoryBackend): string[] {
  return TABLES.flatMap((table) =>
    backend
      .range(table, { start: '', end: undefined, limit: 1e6 })
      .map(
        ({ key, value }) => `${table} ${Buffer.from(key, 'latin1').toString('hex')} ${value.toString('hex')}`,
      ),
  );
}

/** A store with ten keys under a lease, and an entry that has deleted some of them, put others, and isn't over. */
function halfWay(sliceRows = 2) {
  const backend = new MemoryBackend({ writing: () => turn() });
  const store = openStore(backend, undefined, sliceRows);
  fill(store, 10, 5n);
  const txn = store.beginSliced();
  const work = function* (): Sliced<void> {
    txn.put('a', Buffer.from('new'), 7n);
    txn.table('leases').put('\0\0\0\0\0\0\0\u0007', Buffer.from('row'));
    yield* txn.deleteRange(name(2), name(9));
    yield* txn.settle();
  };
  const slices = work();
  slices.next();
  slices.next();
  const finish = (): void => {
    atOnce(slices);
    txn.end(store.applied.index + 1, 1);
  };
  return { backend, store, txn, finish };
}

describe('an entry in slices', () => {
  it('shows nothing of itself to anybody until it ends, and then all of it at one revision', async () => {
    const { store, finish } = halfWay();
    const before = await pairs(store);
    const hash = await store.hash(0);
    expect(before).toHaveLength(10);
    expect(store.revision).toBe(2);
    expect(store.applied.index).toBe(1);
    expect(store.get('a')).toBeUndefined();
    expect(store.get(name(3))?.value.toString()).toBe('v3');
    expect(store.leaseKeys(5n)).toHaveLength(10);
    expect(store.leaseKeys(7n)).toEqual([]);
    expect(store.table('leases').get('\0\0\0\0\0\0\0\u0007')).toBeUndefined();
    expect(store.table('leases').range({ start: '', end: undefined, limit: 10 })).toEqual([]);
    expect(() => store.checkRevision(3)).toThrow('future revision');
    expect(await store.hash(0)).toEqual(hash);
    finish();
    expect(store.revision).toBe(3);
    expect(store.applied.index).toBe(2);
    expect(await pairs(store)).toEqual(['a=new 3/3/1', ...before.filter((_, at) => at < 2 || at === 9)]);
    expect(await pairs(store, 2)).toEqual(before);
    expect(store.leaseKeys(5n)).toEqual([name(0), name(1), name(9)]);
    expect(store.leaseKeys(7n)).toEqual(['a']);
    expect(store.table('leases').get('\0\0\0\0\0\0\0\u0007')?.toString()).toBe('row');
  });

  it('sees its own writes', async () => {
    const { txn, finish } = halfWay(100);
    expect(txn.get('a')?.value.toString()).toBe('new');
    expect(atOnce(txn.range(all)).kvs.map(({ key }) => key)).toEqual(['a', name(0), name(1), name(9)]);
    expect(atOnce(txn.range(query('', '\0', { countOnly: true }))).count).toBe(4);
    expect(atOnce(txn.range(query('', '\0', { revision: 2 }))).kvs).toHaveLength(10);
    expect(txn.single(query(name(3))).kvs).toEqual([]);
    expect(txn.revision).toBe(3);
    expect(() => finish()).not.toThrow();
  });

  it('lets a read that began before it end at its own revision', async () => {
    const store = openStore(undefined, undefined, 100);
    fill(store, 3_000);
    const before = await pairs(store);
    const reading = store.range(all);
    expect(reading).toBeInstanceOf(Promise);
    await slicedEntry(
      store,
      (txn) => txn.deleteRange(name(0), name(2_990)),
      () => turn(),
    );
    expect((await reading).kvs.map(show)).toEqual(before);
    expect(await pairs(store)).toHaveLength(10);
  });

  it('tells watchers once and whole, also those that come meanwhile', async () => {
    const { store, finish } = halfWay();
    const [early, late, replaying] = [new Recorder(), new Recorder(), new Recorder()];
    store.watch(watchAll, early);
    await turn();
    store.watch(watchAll, late);
    store.watch({ ...watchAll, startRevision: 1 }, replaying);
    await turn();
    await turn();
    expect([early.revisions, late.revisions]).toEqual([[], []]);
    finish();
    await Promise.all([early.has(1), late.has(1), replaying.has(2)]);
    expect(early.revisions).toEqual([3]);
    expect(early.events).toHaveLength(8);
    expect(late.events).toEqual(early.events);
    expect(replaying.revisions).toEqual([2, 3]);
    expect(replaying.events.slice(10)).toEqual(early.events);
  });

  it('isn’t in a copy or a flush that is made before it ends', async () => {
    const { store, backend, finish } = halfWay();
    const before = await pairs(store);
    const copy = await store.copy();
    const other = openStore(await MemoryBackend.import(copy.chunks()));
    expect(other.applied.index).toBe(1);
    expect(await pairs(other)).toEqual(before);
    expect(store.flushedIndex).toBe(1);
    finish();
    await store.flush();
    expect(store.flushedIndex).toBe(2);
    expect(await pairs(openStore(backend))).toHaveLength(4);
  });

  it('is given up where the state is replaced, and leaves nothing in either', async () => {
    const { store, txn, backend } = halfWay();
    const leader = openStore();
    for (let at = 0; at < 5; at++) put(leader, `leader${at}`);
    const copy = await leader.copy();
    await store.restore(await MemoryBackend.import(copy.chunks()));
    expect(txn.isOver).toBe(true);
    expect(() => txn.end(2, 1)).toThrow();
    expect(await pairs(store)).toEqual(await pairs(leader));
    expect(store.applied.index).toBe(5);
    put(store, 'on');
    await slicedEntry(store, (next) => next.deleteRange('leader1', 'leader4'));
    expect((await pairs(store)).map((pair) => pair.split('=')[0])).toEqual(['leader0', 'leader4', 'on']);
    expect(backend.get('latest', 'a')).toBeUndefined();
  });

  it.each(['halt', 'close'] as const)(
    '%s gives it up; its replay comes to the same bytes as one without',
    async (end) => {
      const { store, backend, txn } = halfWay();
      await store[end]();
      expect(txn.isOver).toBe(true);
      const again = openStore(backend);
      const unhurt = new MemoryBackend();
      const other = openStore(unhurt);
      for (const each of [again, other]) {
        if (each.applied.index === 0) fill(each, 10, 5n);
        entry(each, (next) => {
          next.put('a', Buffer.from('new'), 7n);
          atOnce(next.deleteRange(name(2), name(9)));
        });
        await each.flush();
      }
      expect(rowsOf(backend)).toEqual(rowsOf(unhurt));
    },
  );

  it('is alone: no other begins before it has ended', () => {
    const { store, finish } = halfWay();
    expect(() => store.begin()).toThrow('the entry before has not ended');
    expect(() => store.beginSliced()).toThrow('the entry before has not ended');
    finish();
    put(store, 'b');
    expect(store.revision).toBe(4);
  });

  it('lets compaction go on deleting, and what it reads of the past stays', async () => {
    const store = openStore(undefined, undefined, 3);
    for (let round = 0; round < 4; round++) fill(store, 30);
    entry(store, (txn) => void txn.compact(4));
    const read: RangeResult[] = [];
    await slicedEntry(
      store,
      function* (txn) {
        yield* txn.deleteRange(name(5), name(25));
        read.push(yield* txn.range(query('', '\0', { revision: 4 })));
      },
      () => turn(),
    );
    expect(read[0]?.kvs).toHaveLength(30);
    for (let turns = 0; turns < 50; turns++) await turn();
    const past = store.tables.range('past', { start: '', end: undefined, limit: 1_000 });
    // Those of revision 4, which the last fill replaced, and those deleted.
    expect(past).toHaveLength(50);
    expect(await pairs(store, 4)).toHaveLength(30);
  });

  it('a read of several parts stays at one revision over all its turns, and nothing it needs is deleted', async () => {
    const store = openStore(undefined, undefined, 5);
    fill(store, 40);
    put(store, name(3), 'changed');
    const reading = store.reading(function* (view) {
      const first = yield* view.range(all);
      const second = yield* view.range(query('', '\0', { revision: 2 }));
      return [
        first.kvs.map(show),
        second.kvs.map(show),
        view.get(name(3))?.value.toString(),
        view.revision,
      ] as const;
    });
    const expected = await pairs(store);
    const old = await pairs(store, 2);
    await turn();
    remove(store, name(0), name(40));
    entry(store, (txn) => void txn.compact(4));
    expect(await reading).toEqual([expected, old, 'changed', 3]);
    await expect(
      store.reading(function* (view) {
        yield* view.range(query('', '\0', { revision: 9 }));
      }),
    ).rejects.toThrow('future revision');
  });

  it('a read of several parts fails where the state is closed', async () => {
    const store = openStore(undefined, undefined, 5);
    fill(store, 40);
    const reading = store.reading((view) => view.range(all));
    await store.halt();
    await expect(reading).rejects.toThrow('closed or replaced');
  });

  it('of whatever it consists, it comes to the same rows as at once, in slices of any size', async () => {
    const key = fc.constantFrom('a', 'a\0', 'ab', 'b', 'ba', 'c', '\u00ff');
    const op = fc.oneof(
      { weight: 3, arbitrary: fc.record({ put: key, lease: fc.constantFrom(0n, 5n, 6n) }) },
      { weight: 2, arbitrary: fc.record({ from: key, end: fc.constantFrom('', '\0', 'b', 'c') }) },
      { weight: 1, arbitrary: fc.record({ revoke: fc.constantFrom(5n, 6n) }) },
      { weight: 1, arbitrary: fc.record({ read: key }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(op, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 6 }),
        async (entries, sliceRows) => {
          const backends = [new MemoryBackend(), new MemoryBackend()];
          const whole = openStore(backends[0]);
          const sliced = openStore(backends[1], undefined, sliceRows);
          const sinks = [new Recorder(), new Recorder()] as const;
          whole.watch(watchAll, sinks[0]);
          sliced.watch(watchAll, sinks[1]);
          for (const ops of entries) {
            const answers: unknown[][] = [[], []];
            const run = (into: unknown[]) =>
              function* (txn: WriteTxn): Sliced<void> {
                for (const each of ops) {
                  if ('put' in each) into.push(txn.put(each.put, Buffer.from('v'), each.lease));
                  else if ('from' in each) into.push(yield* txn.deleteRange(each.from, each.end));
                  else if ('revoke' in each) into.push(yield* txn.deleteLeaseKeys(each.revoke));
                  else into.push(yield* txn.range(query(each.read, '\0')));
                }
              };
            entry(whole, (txn) => atOnce(run(answers[0] ?? [])(txn)));
            await slicedEntry(sliced, run(answers[1] ?? []));
            expect(answers[1]).toEqual(answers[0]);
          }
          expect(await pairs(sliced)).toEqual(await pairs(whole));
          await sinks[1].has(sinks[0].batches.length);
          expect(sinks[1].revisions).toEqual(sinks[0].revisions);
          expect(sinks[1].events).toEqual(sinks[0].events);
          await Promise.all([whole.flush(), sliced.flush()]);
          const [a, b] = backends.map(rowsOf);
          expect(b).toEqual(a);
          expect(a?.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('very many removed rows that the backend does not know of', () => {
  class Counting extends MemoryBackend {
    longest = 0;

    override range(table: TableName, range: RowRange): Row[] {
      this.longest = Math.max(this.longest, range.limit);
      return super.range(table, range);
    }
  }

  it('are passed over in bounded steps', async () => {
    const backend = new Counting();
    const store = openStore(backend);
    fill(store, 5_000);
    await store.flush();
    remove(store, name(1), name(4_999));
    const { rows, cut } = store.tables.chunk('latest', { start: '', end: undefined, limit: 100 });
    expect(rows.map(({ key }) => key)).toEqual([name(0)]);
    expect(cut).toBe(name(99));
    const reading = store.range(all);
    expect(reading).toBeInstanceOf(Promise);
    expect((await reading).kvs.map(({ key }) => key)).toEqual([name(0), name(4_999)]);
    expect((await store.range(query('', '\0', { countOnly: true }))).count).toBe(2);
    expect((await store.range(query('', '\0', { revision: 2, countOnly: true }))).count).toBe(5_000);
  });

  it('a long entry after another, each a generation of its own, all of them seen and written in order', async () => {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((done) => {
      open = done;
    });
    const backend = new MemoryBackend({ writing: () => gate });
    const store = openStore(backend, undefined, 50);
    fill(store, 2_000);
    for (let round = 0; round < 3; round++) {
      // Above what the long entry deletes, if the order of the two were lost.
      put(store, name(round * 600 + 5), 'just before');
      await slicedEntry(store, (txn) => txn.deleteRange(name(round * 600), name((round + 1) * 600)));
      expect(store.get(name(round * 600 + 5))).toBeUndefined();
      put(store, name(round * 600), 'again');
      expect((await store.range(query('k', 'l', { countOnly: true }))).count).toBe(2_000 - (round + 1) * 599);
    }
    expect(store.flushedIndex).toBe(0);
    expect(store.room()).toBeInstanceOf(Promise);
    const expected = await pairs(store);
    open();
    await store.flush();
    expect(store.room()).toBeUndefined();
    expect(store.flushedIndex).toBe(store.applied.index);
    expect(store.pendingBytes).toBe(0);
    expect(await pairs(store)).toEqual(expected);
    expect(await pairs(openStore(backend))).toEqual(expected);
  });
});
