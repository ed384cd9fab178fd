import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { MemoryBackend } from '../../../../src/store/backend/memory.js';
import type { Store } from '../../../../src/store/store.js';
import type { WatchBatch, Watcher, WatchSpec } from '../../../../src/store/types.js';
import { entry, openStore, put, Recorder } from '../harness.js';

const KEYS = 60;
const SLICE = 5;
const spec = (more: Partial<WatchSpec> = {}): WatchSpec => ({
  key: 'k',
  end: 'l',
  startRevision: 0,
  noPut: false,
  noDelete: false,
  ...more,
});

/** One revision of sixty events; here it takes a dozen turns to tell. */
function long(store: Store, value = 'v'): void {
  entry(store, (txn) => {
    for (let at = 0; at < KEYS; at++) txn.put(`k${at + 10}`, Buffer.from(value), 0n);
  });
}

const open = (): Store => openStore(undefined, undefined, SLICE);

async function turns(count: number): Promise<void> {
  for (let at = 0; at < count; at++) await turn();
}

describe('a revision of very many events', () => {
  it('is told over several turns, whole and once, with the time of its commit', async () => {
    const store = open();
    const sink = new Recorder();
    const watcher = store.watch(spec(), sink);
    long(store);
    await turns(3);
    expect(sink.batches).toEqual([]);
    expect([watcher.synced, watcher.position]).toEqual([false, 2]);
    await sink.has(1);
    expect(sink.batches[0]?.events).toHaveLength(KEYS);
    expect(sink.batches[0]?.committedAtMs).toBeTypeOf('number');
    expect([watcher.synced, watcher.position]).toEqual([true, 3]);
  });

  it('comes before what was committed after it, and nothing is told twice', async () => {
    const store = open();
    const [wide, narrow] = [new Recorder(), new Recorder()];
    store.watch(spec(), wide);
    store.watch(spec({ key: 'k11', end: '' }), narrow);
    long(store);
    put(store, 'k11', 'second');
    await turns(2);
    put(store, 'k12', 'third');
    long(store, 'fourth');
    put(store, 'other');
    await wide.has(4);
    await narrow.has(3);
    await turns(3);
    put(store, 'k11', 'last');
    // All was told by now: this one in its own turn.
    expect(wide.revisions).toEqual([2, 3, 4, 5, 7]);
    expect(wide.batches.map(({ events }) => events.length)).toEqual([KEYS, 1, 1, KEYS, 1]);
    expect(narrow.revisions).toEqual([2, 3, 5, 7]);
    expect(narrow.events).toEqual([
      'put k11=v 2/2/1',
      'put k11=second 2/3/2',
      'put k11=fourth 2/5/3',
      'put k11=last 2/7/4',
    ]);
    await turns(30);
    expect(wide.batches).toHaveLength(5);
  });

  it('reaches those who register meanwhile, from where they ask', async () => {
    const store = open();
    store.watch(spec(), new Recorder());
    long(store);
    await turns(4);
    const sinks = [0, 1, 2, 3, 4].map((startRevision) => {
      const sink = new Recorder();
      return { sink, watcher: store.watch(spec({ startRevision }), sink) };
    });
    await turns(2);
    put(store, 'k11', 'after');
    put(store, 'k11', 'again');
    await turns(120);
    expect(sinks.map(({ sink }) => sink.revisions)).toEqual([[3, 4], [2, 3, 4], [2, 3, 4], [3, 4], [4]]);
    expect(sinks.every(({ watcher }) => watcher.synced)).toBe(true);
    put(store, 'k11', 'live');
    expect(sinks.every(({ sink }) => sink.revisions.at(-1) === 5)).toBe(true);
  });

  it('isn’t told to those who leave meanwhile', async () => {
    const store = open();
    const [gone, replaying, stays] = [new Recorder(), new Recorder(), new Recorder()];
    const first = store.watch(spec(), gone);
    store.watch(spec(), stays);
    long(store);
    const second = store.watch(spec({ startRevision: 1 }), replaying);
    await turns(5);
    first.cancel();
    second.cancel();
    await stays.has(1);
    await turns(40);
    expect([gone.batches, replaying.batches]).toEqual([[], []]);
  });

  it('stops at a watcher that is full, which goes on from there', async () => {
    const store = open();
    const sink = new Recorder(1);
    const watcher = store.watch(spec(), sink);
    long(store);
    put(store, 'k11', 'more');
    await sink.has(1);
    await turns(20);
    expect(sink.revisions).toEqual([2]);
    sink.credit = 100;
    watcher.resume();
    await sink.has(2);
    expect(sink.revisions).toEqual([2, 3]);
  });

  it('is told even where it is compacted while it is told, to those who were up to date', async () => {
    const store = open();
    const [sink, old] = [new Recorder(), new Recorder()];
    store.watch(spec(), sink);
    long(store);
    long(store, 'second');
    put(store, 'k11', 'third');
    store.watch(spec({ startRevision: 1 }), old);
    await turns(2);
    let scrubbed: Promise<void> = Promise.resolve();
    entry(store, (txn) => {
      scrubbed = txn.compact(4);
    });
    await sink.has(3);
    expect(sink.batches.map(({ events }) => events.length)).toEqual([KEYS, KEYS, 1]);
    await old.ended();
    expect(old.compactedAt).toBe(4);
    // And the compaction goes on when they have been told.
    await scrubbed;
    expect(store.tables.range('past', { start: '', end: undefined, limit: 1_000 })).toEqual([]);
  });

  it('is told from the history of the state that takes the place of the one it began in', async () => {
    const leader = openStore();
    long(leader);
    put(leader, 'k11', 'second');
    const copy = await leader.copy();
    const store = open();
    const [sink, replaying] = [new Recorder(), new Recorder()];
    const watchers: Watcher[] = [store.watch(spec(), sink)];
    const later = new Recorder();
    store.watch(spec({ startRevision: 4 }), later);
    long(store);
    watchers.push(store.watch(spec({ startRevision: 1 }), replaying));
    await turns(4);
    await store.restore(await MemoryBackend.import(copy.chunks()));
    await Promise.all([sink.has(2), replaying.has(2)]);
    for (const each of [sink, replaying]) {
      expect(each.batches.map(({ revision, events }: WatchBatch) => [revision, events.length])).toEqual([
        [2, KEYS],
        [3, 1],
      ]);
    }
    await turns(20);
    expect(watchers.every(({ synced }) => synced)).toBe(true);
    put(store, 'k11', 'live');
    expect(sink.revisions).toEqual([2, 3, 4]);
    expect(later.batches.map(({ revision, events }) => [revision, events.length])).toEqual([[4, 1]]);
  });

  it('isn’t told any more once the store is closed', async () => {
    const store = open();
    const [sink, replaying] = [new Recorder(), new Recorder()];
    store.watch(spec(), sink);
    long(store);
    store.watch(spec({ startRevision: 1 }), replaying);
    await turns(4);
    await store.halt();
    await turns(40);
    expect([sink.batches, replaying.batches]).toEqual([[], []]);
  });
});
