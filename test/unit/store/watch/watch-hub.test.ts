import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { atOnce } from '../../../../src/base/sliced.js';
import type { WatchSpec } from '../../../../src/store/types.js';
import { entry, openStore, put, Recorder, remove, show } from '../harness.js';

const spec = (key: string, end = '', more: Partial<WatchSpec> = {}): WatchSpec => ({
  key,
  end,
  startRevision: 0,
  noPut: false,
  noDelete: false,
  ...more,
});

describe('watch hub', () => {
  it('tells a synced watcher in the turn of the commit, with the time of it', () => {
    const store = openStore();
    const sink = new Recorder();
    store.watch(spec('a'), sink);
    put(store, 'a', '1');
    put(store, 'b', '1');
    expect(sink.events).toEqual(['put a=1 2/2/1']);
    expect(sink.batches[0]?.committedAtMs).toBeTypeOf('number');
  });

  it('tells all events of one revision together, in order', () => {
    const store = openStore();
    const sink = new Recorder();
    store.watch(spec('', '\0'), sink);
    entry(store, (txn) => {
      txn.put('b', Buffer.from('1'), 0n);
      txn.put('a', Buffer.from('1'), 0n);
      atOnce(txn.deleteRange('b', ''));
    });
    // The last change of a key in a revision is the one that counts.
    expect(sink.batches.map(({ revision }) => revision)).toEqual([2]);
    expect(sink.events).toEqual(['put a=1 2/2/1', 'delete b 2']);
  });

  it('finds watchers by key, prefix and range, and no others', () => {
    const store = openStore();
    const sinks = new Map(
      [
        ['a', ''],
        ['a', 'b'],
        ['a/', 'a0'],
        ['', '\0'],
        ['\0', '\0'],
        ['b', '\0'],
        ['Z', 'a/x'],
        ['b', 'a'],
        ['\u00ff', '\0'],
      ].map(([key = '', end = '']) => {
        const sink = new Recorder();
        store.watch(spec(key, end), sink);
        return [`${key}..${end}`, sink];
      }),
    );
    for (const key of ['a', 'a/x', 'b', 'a/w', '\u00ff\u00ff']) put(store, key);
    const told = Object.fromEntries(
      [...sinks].map(([name, sink]) => [
        name,
        sink.batches.flatMap(({ events }) => events.map(({ kv }) => kv.key)),
      ]),
    );
    const all = ['a', 'a/x', 'b', 'a/w', '\u00ff\u00ff'];
    expect(told).toEqual({
      'a..': ['a'],
      'a..b': ['a', 'a/x', 'a/w'],
      'a/..a0': ['a/x', 'a/w'],
      '..\0': all,
      '\0..\0': all,
      'b..\0': ['b', '\u00ff\u00ff'],
      'Z..a/x': ['a', 'a/w'],
      'b..a': [],
      '\u00ff..\0': ['\u00ff\u00ff'],
    });
  });

  it('filters puts and deletes', async () => {
    const store = openStore();
    const live = [new Recorder(), new Recorder()] as const;
    store.watch(spec('a', '', { noPut: true }), live[0]);
    store.watch(spec('a', '', { noDelete: true }), live[1]);
    put(store, 'a', '1');
    remove(store, 'a');
    const past = [new Recorder(), new Recorder()] as const;
    store.watch(spec('a', '', { noPut: true, startRevision: 2 }), past[0]);
    store.watch(spec('a', '', { noDelete: true, startRevision: 2 }), past[1]);
    await Promise.all(past.map((sink) => sink.has(1)));
    for (const [deletes, puts] of [live, past]) {
      expect(deletes.events).toEqual(['delete a 3']);
      expect(puts.events).toEqual(['put a=1 2/2/1']);
    }
  });

  it('knows the pair before, live and from history, unless it is compacted', async () => {
    const store = openStore();
    const live = new Recorder();
    store.watch(spec('a'), live);
    put(store, 'a', '1');
    put(store, 'a', '2');
    remove(store, 'a');
    put(store, 'a', '3');
    const past = new Recorder();
    store.watch(spec('a', '', { startRevision: 2 }), past);
    await past.has(4);
    const replaced = (sink: Recorder) =>
      sink.batches.flatMap(({ events }) =>
        events.map((event) => {
          const kv = event.previous();
          return kv && show(kv);
        }),
      );
    const expected = [undefined, 'a=1 2/2/1', 'a=2 2/3/2', undefined];
    expect(replaced(live)).toEqual(expected);
    expect(replaced(past)).toEqual(expected);
    await entry(store, (txn) => txn.compact(3));
    expect(replaced(past)).toEqual([undefined, undefined, 'a=2 2/3/2', undefined]);
  });

  it('tells nothing before the caller has the watcher', async () => {
    const store = openStore();
    put(store, 'a');
    await entry(store, (txn) => txn.compact(2));
    put(store, 'a');
    const sink = new Recorder();
    const gone = new Recorder();
    store.watch(spec('a', '', { startRevision: 2 }), sink);
    store.watch(spec('a', '', { startRevision: 1 }), gone);
    expect(sink.batches).toEqual([]);
    expect(gone.compactedAt).toBeUndefined();
    await sink.has(2);
    await gone.ended();
    expect(gone.compactedAt).toBe(2);
    expect(gone.batches).toEqual([]);
  });

  it('ends a watcher that compaction overtakes, and tells it nothing after', async () => {
    const store = openStore();
    const sink = new Recorder(1);
    const watcher = store.watch(spec('a'), sink);
    for (let at = 0; at < 10; at++) put(store, 'a', String(at));
    await entry(store, (txn) => txn.compact(8));
    expect(watcher.position).toBe(3);
    sink.credit = 100;
    watcher.resume();
    await sink.ended();
    expect(sink.compactedAt).toBe(8);
    put(store, 'a');
    watcher.resume();
    await turn();
    expect(sink.revisions).toEqual([2]);
    expect(watcher.synced).toBe(false);
  });

  it('tells nothing once cancelled, even in the middle of a commit', async () => {
    const store = openStore();
    const second = new Recorder();
    const first = new Recorder();
    const deliver = first.deliver.bind(first);
    first.deliver = (batch) => {
      cancelled.cancel();
      return deliver(batch);
    };
    store.watch(spec('a'), first);
    const cancelled = store.watch(spec('a'), second);
    put(store, 'a');
    put(store, 'a');
    expect(first.batches).toHaveLength(2);
    expect(second.batches).toEqual([]);
    const replaying = new Recorder();
    store.watch(spec('a', '', { startRevision: 2 }), replaying).cancel();
    await turn();
    await turn();
    expect(replaying.batches).toEqual([]);
  });

  it('shares one batch among all watchers of a key', () => {
    const store = openStore();
    const sinks = Array.from({ length: 500 }, () => new Recorder());
    for (const sink of sinks) store.watch(spec('a'), sink);
    put(store, 'a');
    for (const sink of sinks) expect(sink.batches[0]).toBe(sinks[0]?.batches[0]);
  });

  it('is fair: a long replay does not keep a short one waiting', async () => {
    const store = openStore();
    for (let at = 0; at < 20_000; at++) put(store, 'a', '');
    const long = new Recorder();
    const short = new Recorder();
    const longWatcher = store.watch(spec('a', '', { startRevision: 2 }), long);
    store.watch(spec('a', '', { startRevision: store.revision }), short);
    await short.has(1);
    expect(longWatcher.synced).toBe(false);
    await long.has(20_000);
    expect(long.revisions).toEqual(Array.from({ length: 20_000 }, (_, at) => at + 2));
  });

  it('tells a revision larger than a slice whole', async () => {
    const store = openStore();
    put(store, 'before');
    entry(store, (txn) => {
      for (let at = 0; at < 3_000; at++) txn.put(`k${at}`, Buffer.from('1'), 0n);
    });
    put(store, 'after');
    const sink = new Recorder();
    store.watch(spec('', '\0', { startRevision: 2 }), sink);
    await sink.has(3);
    expect(sink.batches.map(({ events }) => events.length)).toEqual([1, 3_000, 1]);
  });
});
