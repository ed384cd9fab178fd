import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { atOnce } from '../../../src/base/sliced.js';
import { MemoryBackend } from '../../../src/store/backend/memory.js';
import type { Store } from '../../../src/store/store.js';
import type { RangeResult } from '../../../src/store/types.js';
import { entry, openStore, put, query, Recorder, remove, show } from './harness.js';

// One test for each bug that etcd's store once had; the number is that of etcd's issue.

function compact(store: Store, revision: number): Promise<void> {
  return entry(store, (txn) => txn.compact(revision));
}

function watch(store: Store, startRevision: number, sink: Recorder, key = '', end = '\0') {
  return store.watch({ key, end, startRevision, noPut: false, noDelete: false }, sink);
}

async function pairs(store: Store, revision: number): Promise<string[]> {
  const result: RangeResult = await store.range(query('', '\0', { revision }));
  return result.kvs.map(show);
}

describe('bugs that etcd had', () => {
  it('#17780: the revision does not fall when a crash cuts a compaction short', async () => {
    const backend = new MemoryBackend();
    const store = openStore(backend);
    put(store, 'a');
    put(store, 'a');
    // The newest revision is a delete, all of whose traces compaction may remove.
    remove(store, 'a');
    void compact(store, 4);
    await store.flush();
    await store.halt();

    const again = openStore(backend);
    expect(again.revision).toBe(4);
    expect(again.compactedRevision).toBe(4);
    await turn();
    await again.flush();
    await again.halt();
    const third = openStore(backend);
    expect(third.revision).toBe(4);
    put(third, 'b');
    expect(third.revision).toBe(5);
  });

  it('#18089: a watch from the compacted revision is told of the delete made there', async () => {
    const store = openStore();
    put(store, 'a');
    remove(store, 'a');
    put(store, 'b');
    await compact(store, 3);
    const sink = new Recorder();
    watch(store, 3, sink);
    await sink.has(2);
    expect(sink.events).toEqual(['delete a 3', 'put b=b 4/4/1']);
  });

  it('#19179: a key deleted at the compacted revision stays deleted, and its hash is that of a member that has not scrubbed', async () => {
    const stores = [openStore(), openStore()] as const;
    const done = stores.map((store) => {
      put(store, 'a', '1');
      put(store, 'a', '2');
      remove(store, 'a');
      put(store, 'b');
      return compact(store, 4);
    });
    const [scrubbed, behind] = stores;
    await done[0];
    expect(scrubbed.tables.range('past', { start: '', end: undefined, limit: 9 })).toEqual([]);
    await done[1];
    expect(await behind.hash(0)).toEqual(await scrubbed.hash(0));
    expect(await pairs(scrubbed, 4)).toEqual([]);
    expect(await pairs(scrubbed, 5)).toEqual(['b=b 5/5/1']);
  });

  it('#18667: a range of a compacted revision inside a transaction is refused, and halts nothing', async () => {
    const store = openStore();
    put(store, 'a', '1');
    put(store, 'a', '2');
    put(store, 'a', '3');
    await compact(store, 3);
    const txn = store.begin();
    expect(() => atOnce(txn.range(query('a', '', { revision: 2 })))).toThrow(
      'etcdserver: mvcc: required revision has been compacted',
    );
    expect(() => atOnce(txn.range(query('a', '', { revision: 5 })))).toThrow(
      'etcdserver: mvcc: required revision is a future revision',
    );
    txn.put('a', Buffer.from('4'), 0n);
    expect(atOnce(txn.range(query('a', '', { revision: 4 }))).kvs.map(show)).toEqual(['a=3 2/4/3']);
    txn.end(store.applied.index + 1, 1);
    expect(await pairs(store, 0)).toEqual(['a=4 2/5/4']);
  });

  it('#15271: a watch does not go back in time when the state is replaced by a snapshot', async () => {
    const leader = openStore();
    const follower = openStore();
    for (const store of [leader, follower]) {
      put(store, 'a', '1');
      put(store, 'a', '2');
    }
    const sink = new Recorder();
    const future = new Recorder();
    const watcher = watch(follower, 2, sink);
    watch(follower, 5, future);
    await sink.has(2);
    // Told live, so the watcher's position has moved on by itself.
    for (const store of [leader, follower]) put(store, 'a', '3');
    put(leader, 'a', '4');
    const copy = await leader.copy();
    await follower.restore(await MemoryBackend.import(copy.chunks()));
    await sink.has(4);
    await future.has(1);
    put(follower, 'a', '5');
    expect(sink.revisions).toEqual([2, 3, 4, 5, 6]);
    expect(future.revisions).toEqual([5, 6]);
    expect(watcher.position).toBe(7);
  });

  it('#17529: a starving watcher loses nothing', async () => {
    const store = openStore();
    const slow = new Recorder(1);
    const fast = new Recorder();
    const watcher = watch(store, 0, slow, 'a', 'b');
    watch(store, 0, fast, 'a', 'b');
    for (let at = 0; at < 2_000; at++) put(store, `a${at % 7}`, String(at));
    expect(slow.batches).toHaveLength(1);
    expect(watcher.synced).toBe(false);
    // It catches up in fits and starts, while more is written.
    for (let at = 0; !watcher.synced; at++) {
      if (at < 500) put(store, 'a', String(at));
      slow.credit = 10;
      watcher.resume();
      await turn();
    }
    expect(slow.events).toEqual(fast.events);
    expect(slow.batches.length).toBeGreaterThan(2_000);
  });

  it('#20221: a watch on a future revision is told of nothing before it', async () => {
    const store = openStore();
    put(store, 'a', '1');
    const sink = new Recorder();
    const watcher = watch(store, 5, sink, 'a', '');
    expect(watcher.synced).toBe(true);
    expect(watcher.position).toBe(5);
    put(store, 'a', '2');
    put(store, 'a', '3');
    await turn();
    expect(sink.revisions).toEqual([]);
    put(store, 'a', '4');
    put(store, 'a', '5');
    expect(sink.revisions).toEqual([5, 6]);
    expect(watcher.position).toBe(7);
  });

  it('#13766: an index is never durable without the effects of its entries, nor they without it', async () => {
    const batches: { index: number; puts: number }[] = [];
    const backend = new MemoryBackend({ writing: () => turn() });
    const write = backend.write.bind(backend);
    backend.write = async (writes) => {
      await write(writes);
      const applied = JSON.parse(backend.get('meta', 'applied')?.toString() ?? '{}') as { index: number };
      const { length } = backend.range('events', { start: '', end: undefined, limit: 10_000 });
      batches.push({ index: applied.index, puts: length });
    };
    const store = openStore(backend);
    for (let at = 0; at < 5_000; at++) {
      entry(store, (txn) => {
        txn.put(`a${at}`, Buffer.from('1'), 0n);
        txn.put(`b${at}`, Buffer.from('1'), 0n);
      });
      if (at % 100 === 0) await turn();
    }
    await store.flush();
    expect(batches.length).toBeGreaterThan(2);
    for (const { index, puts } of batches) expect(puts).toBe(2 * index);
    expect(store.flushedIndex).toBe(5_000);
  });

  it('#15220: a watcher counts as synced only when every event up to the revision was told', async () => {
    const store = openStore();
    for (let at = 0; at < 3_000; at++) put(store, 'a', String(at));
    const sink = new Recorder();
    const watcher = watch(store, 2, sink, 'a', '');
    let turns = 0;
    while (!watcher.synced) {
      expect(watcher.position).toBeLessThanOrEqual(store.revision);
      expect(sink.revisions.at(-1) ?? 1).toBe(watcher.position - 1);
      if (turns++ % 2 === 0) put(store, 'a', 'more');
      await turn();
    }
    expect(turns).toBeGreaterThan(1);
    expect(sink.revisions.at(-1)).toBe(store.revision);
    expect(sink.revisions).toEqual(Array.from({ length: store.revision - 1 }, (_, at) => at + 2));
  });
});
