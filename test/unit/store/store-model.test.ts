import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messageOf } from '../../../src/base/errors.js';
import { atOnce, type Sliced } from '../../../src/base/sliced.js';
import { NodeClock } from '../../../src/io/node/clock.js';
import type { Backend } from '../../../src/store/backend/backend.js';
import type { Store } from '../../../src/store/store.js';
import type { RangeQuery, RangeResult, StoreEvent, Watcher } from '../../../src/store/types.js';
import type { WriteTxn } from '../../../src/store/write-txn.js';
import { BACKENDS, makePlace, removePlace } from './backends.js';
import { entry, openStore, query, Recorder, slicedEntry } from './harness.js';
import { Model, type ModelEvent } from './model.js';

// Few keys, so that versions, deletes and ranges meet; bytes that escaping and prefixes have to get right.
const KEYS = ['a', 'a\0', 'a\0\u00ff', 'ab', 'b', 'ba', '\0', '\u00ff', '\u00ff\u00ff', 'c'];
const key = fc.constantFrom(...KEYS);
const end = fc.constantFrom('', '', '\0', 'b', 'c', 'a\0\u00ff', '\u00ff\u00ff');
const lease = fc.constantFrom(0n, 0n, 5n, 6n, -7n);

const change = fc.oneof(
  { weight: 3, arbitrary: fc.record({ put: key, value: fc.string({ maxLength: 3 }), lease }) },
  { weight: 1, arbitrary: fc.record({ remove: key, end }) },
);

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('txn' as const),
      sliced: fc.boolean(),
      ops: fc.array(change, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('compact' as const), at: fc.integer({ min: 0, max: 100 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('flush' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('start a flush' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('yield' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('watch' as const),
      key,
      end,
      from: fc.integer({ min: 0, max: 120 }),
      credit: fc.constantFrom(1, 2, 1_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('resume' as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('range' as const),
      key,
      end,
      at: fc.integer({ min: 0, max: 110 }),
      limit: fc.constantFrom(0, 0, 1, 2, 100),
      order: fc.constantFrom('none' as const, 'ascend' as const, 'descend' as const),
      target: fc.constantFrom(
        'key' as const,
        'version' as const,
        'create' as const,
        'mod' as const,
        'value' as const,
      ),
      keysOnly: fc.boolean(),
      countOnly: fc.boolean(),
      filter: fc.constantFrom(
        '',
        '',
        'minModRevision',
        'maxModRevision',
        'minCreateRevision',
        'maxCreateRevision',
      ),
    }),
  },
);

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

interface Watched {
  readonly key: string;
  readonly end: string;
  readonly from: number;
  readonly watcher: Watcher;
  readonly sink: Recorder;
}

/** A store beside its model, and the log that a member would replay. */
class Pair {
  readonly model = new Model();
  store: Store;
  /** The entries by index − 1, so that what a crash loses is applied again. */
  readonly #log: ((store: Store) => void)[] = [];
  watched: Watched[] = [];

  constructor(store: Store) {
    this.store = store;
  }

  apply(work: (store: Store) => void): void {
    this.#log.push(work);
    work(this.store);
  }

  /** Applied already, in slices; a replay does it at once. */
  applied(work: (store: Store) => void): void {
    this.#log.push(work);
  }

  replay(): void {
    for (const work of this.#log.slice(this.store.applied.index)) work(this.store);
    expect(this.store.applied.index).toBe(this.#log.length);
    expect(this.store.revision).toBe(this.model.revision);
    expect(this.store.compactedRevision).toBe(this.model.compacted);
  }
}

const showEvent = ({ type, kv }: StoreEvent | ModelEvent): object => ({
  type,
  ...kv,
  value: kv.value.toString(),
});

async function answer(store: Store, asked: RangeQuery): Promise<RangeResult | 'compacted' | 'future'> {
  try {
    return await store.range(asked);
  } catch (error) {
    return messageOf(error).endsWith('has been compacted') ? 'compacted' : 'future';
  }
}

/** Reading with a tie between equals has no one right order: compare as sets of what was sorted by. */
function comparable(result: RangeResult | string, { target, limit }: RangeQuery): unknown {
  if (typeof result === 'string') return result;
  const ties = target !== 'key';
  const kvs = result.kvs.map((kv) => ({ ...kv, value: kv.value.toString() }));
  if (ties && limit > 0)
    return {
      ...result,
      kvs: kvs.map((kv) =>
        target === 'value'
          ? kv.value
          : kv[
              `${target === 'version' ? 'version' : target === 'create' ? 'createRevision' : 'modRevision'}`
            ],
      ),
    };
  if (ties) kvs.sort((a, b) => (a.key < b.key ? -1 : 1));
  return { ...result, kvs };
}

function* runOps(txn: WriteTxn, ops: Extract<Step, { do: 'txn' }>['ops']): Sliced<void> {
  for (const op of ops) {
    if ('put' in op) txn.put(op.put, Buffer.from(op.value), op.lease);
    else yield* txn.deleteRange(op.remove, op.end);
    yield;
  }
}

/** Whoever looks between two slices sees the state before, whatever he reads. */
async function runInSlices(pair: Pair, ops: Extract<Step, { do: 'txn' }>['ops']): Promise<void> {
  const { store, model } = pair;
  const everything = query('', '\0');
  const before = comparable(model.range(everything), everything);
  const leases = [5n, 6n, -7n].map((id) => store.leaseKeys(id));
  const ended = await slicedEntry(
    store,
    (txn) => runOps(txn, ops),
    async () => {
      await new Promise((resolve) => setImmediate(resolve));
      expect(comparable(await answer(store, everything), everything)).toEqual(before);
      expect([5n, 6n, -7n].map((id) => store.leaseKeys(id))).toEqual(leases);
      for (const { sink } of pair.watched) {
        expect(sink.batches.every(({ revision }) => revision <= model.revision)).toBe(true);
      }
    },
  );
  expect(ended).toBe(true);
  model.txn(ops);
}

async function run(pair: Pair, step: Step, reopen: () => Promise<Store>): Promise<void> {
  const { model } = pair;
  switch (step.do) {
    case 'txn': {
      const atOnceAgain = (store: Store) => entry(store, (txn) => atOnce(runOps(txn, step.ops)));
      if (step.sliced) {
        await runInSlices(pair, step.ops);
        pair.applied(atOnceAgain);
      } else {
        model.txn(step.ops);
        pair.apply(atOnceAgain);
      }
      expect(pair.store.revision).toBe(model.revision);
      return;
    }
    case 'compact': {
      const revision = Math.round((step.at * model.revision) / 100);
      if (revision <= model.compacted) return;
      model.compacted = revision;
      pair.apply((store) => entry(store, (txn) => void txn.compact(revision)));
      return;
    }
    case 'flush':
      await pair.store.flush();
      return;
    case 'start a flush':
      // A crash may end it.
      pair.store.flush().catch(() => undefined);
      return;
    case 'yield':
      await new Promise((resolve) => setImmediate(resolve));
      return;
    case 'crash':
      await pair.store.halt();
      pair.watched = [];
      pair.store = await reopen();
      expect(pair.store.applied.index).toBe(pair.store.flushedIndex);
      pair.replay();
      return;
    case 'watch': {
      const from = Math.round((step.from * model.revision) / 100);
      const sink = new Recorder(step.credit);
      const watcher = pair.store.watch(
        { key: step.key, end: step.end, startRevision: from, noPut: false, noDelete: false },
        sink,
      );
      pair.watched.push({ key: step.key, end: step.end, from: from || model.revision + 1, watcher, sink });
      return;
    }
    case 'resume':
      for (const { watcher, sink } of pair.watched) {
        sink.credit = 3;
        watcher.resume();
      }
      return;
    case 'range': {
      const asked = query(step.key, step.end, {
        revision: Math.round((step.at * model.revision) / 100),
        limit: step.limit,
        order: step.order,
        target: step.target,
        keysOnly: step.keysOnly && step.target !== 'value',
        countOnly: step.countOnly,
        ...(step.filter !== '' && { [step.filter]: Math.round((model.revision * 2) / 3) }),
      });
      expect(comparable(await answer(pair.store, asked), asked)).toEqual(
        comparable(model.range(asked), asked),
      );
      return;
    }
  }
}

async function checkWatchers(pair: Pair): Promise<void> {
  const { model } = pair;
  for (const { watcher, sink, key: name, end: last, from } of pair.watched) {
    // Drained: whoever is paused goes on until all is told.
    for (let turns = 0; sink.compactedAt === undefined && !watcher.synced; turns++) {
      expect(turns).toBeLessThan(1_000);
      sink.credit = 1_000;
      watcher.resume();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const expected = model.heard(name, last, from);
    const told = sink.batches.map(({ events }) => events.map(showEvent));
    // Cut off by a compaction, it has heard a prefix, whole revisions of it.
    if (sink.compactedAt !== undefined) expected.length = Math.min(expected.length, told.length);
    expect(told).toEqual(expected.map((events) => events.map(showEvent)));
    for (const [at, batch] of sink.batches.entries()) {
      for (const [sub, event] of batch.events.entries()) {
        const previous = event.previous();
        const wanted = expected[at]?.[sub]?.previous;
        if (previous === undefined && batch.revision - 1 < model.compacted) continue;
        expect(previous && { ...previous, value: previous.value.toString() }).toEqual(
          wanted && { ...wanted, value: wanted.value.toString() },
        );
      }
    }
  }
}

/** Every revision that can be read, every key, and the leases' keys. */
async function checkAll(pair: Pair): Promise<void> {
  const { store, model } = pair;
  for (let revision = Math.max(model.compacted, 1); revision <= model.revision; revision++) {
    const asked = query('', '\0', { revision });
    expect(comparable(await answer(store, asked), asked)).toEqual(comparable(model.range(asked), asked));
    for (const name of KEYS) {
      const one = query(name, '', { revision });
      expect(comparable(await answer(store, one), one)).toEqual(comparable(model.range(one), one));
    }
  }
  const newest = [...(model.states[model.revision]?.values() ?? [])];
  for (const id of [5n, 6n, -7n]) {
    const attached = newest.filter((kv) => kv.lease === id).map((kv) => kv.key);
    expect(store.leaseKeys(id)).toEqual(attached.sort((a, b) => (a < b ? -1 : 1)));
  }
}

/** Rows of a slice: small ones, in which each revision is told over several turns, and the usual. */
const SLICES = [undefined, 1, 2];

describe.each(BACKENDS)('store over $name', (kind) => {
  const numRuns = kind.name === 'memory' ? 300 : 60;

  it('is what a plain model is, whatever the order of writes, reads, watches, compactions, flushes and crashes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 60 }),
        fc.constantFrom(...SLICES),
        async (steps, rows) => {
          const place = await makePlace();
          let backend: Backend = await kind.open(place);
          const open = (): Store => openStore(backend, new NodeClock(), rows);
          const pair = new Pair(open());
          try {
            for (const one of steps) {
              await run(pair, one, async () => {
                backend = await kind.reopen(place, backend);
                return open();
              });
            }
            await checkWatchers(pair);
            await checkAll(pair);
            const hash = await pair.store.hash(0);
            // The same again from the backend alone, the compaction carried out.
            await pair.store.flush();
            await pair.store.halt();
            backend = await kind.reopen(place, backend);
            pair.store = open();
            pair.replay();
            await new Promise((resolve) => setImmediate(resolve));
            await checkAll(pair);
            expect(await pair.store.hash(0)).toEqual(hash);
          } finally {
            await pair.store.halt();
            await backend.close();
            await removePlace(place);
          }
        },
      ),
      { numRuns, interruptAfterTimeLimit: 15_000, markInterruptAsFailure: true },
    );
  });
});
