import { describe, expect, it } from 'vitest';
import { ConfetdError } from '../../../src/base/errors.js';
import { atOnce } from '../../../src/base/sliced.js';
import type { Backend } from '../../../src/store/backend/backend.js';
import { MemoryBackend } from '../../../src/store/backend/memory.js';
import { MAX_KEY_COST } from '../../../src/store/keys.js';
import { entry, openStore, put, query, remove, show } from './harness.js';

const name = (at: number): string => `k${String(at).padStart(5, '0')}`;

function filled(count: number) {
  const store = openStore();
  entry(store, (txn) => {
    for (let at = 0; at < count; at++) txn.put(name(at), Buffer.from(String(at)), 0n);
  });
  return store;
}

describe('store', () => {
  it('is at revision 1 when empty, and moves only for what changes something', () => {
    const store = openStore();
    expect(store.revision).toBe(1);
    remove(store, 'a');
    entry(store, () => undefined);
    store.skip(store.applied.index + 1, 3);
    expect(store.revision).toBe(1);
    expect(store.applied).toMatchObject({ index: 3, term: 3 });
    put(store, 'a');
    expect(store.revision).toBe(2);
  });

  it('starts versions again after a delete', () => {
    const store = openStore();
    put(store, 'a', '1');
    put(store, 'a', '2');
    remove(store, 'a');
    put(store, 'a', '3');
    expect([store.get('a')].map((kv) => kv && show(kv))).toEqual(['a=3 5/5/1']);
  });

  it('answers at once what fits a turn, and in slices what does not', async () => {
    expect(filled(900).range(query('', '\0'))).not.toBeInstanceOf(Promise);
    const large = filled(5_000);
    const answer = large.range(query('', '\0'));
    expect(answer).toBeInstanceOf(Promise);
    expect((await answer).kvs).toHaveLength(5_000);
  });

  it('reads all slices at one revision, whatever is written or compacted meanwhile', async () => {
    const store = filled(5_000);
    put(store, 'x');
    await entry(store, (txn) => txn.compact(3));
    const before = store.range(query('k', 'l'));
    const counted = store.range(query('k', 'l', { limit: 1 }));
    // The last keys first: what is scrubbed first is what the reads come to last.
    entry(store, (txn) => {
      for (let at = 4_999; at >= 0; at--) {
        if (at % 3 === 0) atOnce(txn.deleteRange(name(at), ''));
        else txn.put(name(at), Buffer.from('changed'), 0n);
      }
    });
    const scrubbed = entry(store, (txn) => txn.compact(store.revision));
    for (let at = 0; at < 20; at++) put(store, `new${at}`);
    const { kvs, count, revision } = await before;
    expect(kvs.map((kv) => kv.value.toString())).toEqual(
      Array.from({ length: 5_000 }, (_, at) => String(at)),
    );
    expect([count, revision]).toEqual([5_000, 3]);
    expect(await counted).toMatchObject({ count: 5_000, more: true, revision: 3 });
    await scrubbed;
    expect(() => store.range(query('', '\0', { revision: 3 }))).toThrow('has been compacted');
  });

  it('fails a read whose state goes away', async () => {
    const store = filled(5_000);
    const reading = store.range(query('', '\0'));
    await store.close();
    await expect(reading).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('refuses compaction at or below the compacted revision and in the future, with etcd’s words', async () => {
    const store = openStore();
    put(store, 'a');
    put(store, 'a');
    const refused = (revision: number): unknown =>
      entry(store, (txn) => {
        try {
          void txn.compact(revision);
          return 'taken';
        } catch (error) {
          return error instanceof ConfetdError && [error.code, error.message];
        }
      });
    expect(refused(4)).toEqual(['out_of_range', 'etcdserver: mvcc: required revision is a future revision']);
    await entry(store, (txn) => txn.compact(2));
    expect(refused(2)).toEqual(['out_of_range', 'etcdserver: mvcc: required revision has been compacted']);
    expect(refused(3)).toBe('taken');
  });

  it('leaves nothing behind that nobody can read', async () => {
    const backend = new MemoryBackend();
    const store = openStore(backend);
    for (let at = 0; at < 500; at++) {
      put(store, `a${at % 10}`, String(at));
      if (at % 7 === 0) remove(store, 'a', 'b');
    }
    remove(store, 'a', 'b');
    put(store, 'b');
    await entry(store, (txn) => txn.compact(store.revision));
    await store.flush();
    const rows = (table: 'latest' | 'past' | 'events') =>
      backend.range(table, { start: '', end: undefined, limit: 9_999 });
    expect(rows('past')).toEqual([]);
    expect(rows('latest').map(({ key }) => key)).toEqual(['b']);
    expect(rows('events')).toHaveLength(1);
  });

  it('refuses a key that would not fit, zero bytes counted twice, before any effect', () => {
    const store = openStore();
    const fits = ['k'.repeat(MAX_KEY_COST), '\0'.repeat(MAX_KEY_COST / 2)];
    for (const key of fits) put(store, key, 'v');
    for (const key of fits) put(store, key, 'w');
    for (const key of fits.map((one) => `${one}k`)) {
      entry(store, (txn) => expect(() => txn.put(key, Buffer.from('v'), 0n)).toThrow('key is too long'));
    }
    expect(store.revision).toBe(5);
    for (const key of fits) {
      expect(store.range(query(key, '', { revision: 3 }))).toMatchObject({
        kvs: [{ value: Buffer.from('v') }],
      });
    }
  });

  it('reads ranges whose bounds are longer than any key', () => {
    const store = openStore();
    for (const key of ['a', 'k'.repeat(MAX_KEY_COST), 'z']) put(store, key);
    const count = (key: string, end: string, revision = 0) => store.range(query(key, end, { revision }));
    for (const revision of [0, 3]) {
      const after = revision === 0 ? 1 : 0;
      expect(count('k'.repeat(5_000), '\0', revision)).toMatchObject({ count: after });
      expect(count('a', 'k'.repeat(5_000), revision)).toMatchObject({ count: 2 });
      expect(count('\0'.repeat(5_000), 'k'.repeat(1_900), revision)).toMatchObject({ count: 1 });
    }
  });

  it('opens a store without reading its keys', async () => {
    const backend = new MemoryBackend();
    const store = openStore(backend);
    for (let at = 0; at < 2_000; at++) put(store, name(at));
    await store.flush();
    await store.halt();
    let reads = 0;
    const counting: Backend = {
      get: (table, key) => {
        reads++;
        return backend.get(table, key);
      },
      range: (table, range) => {
        reads++;
        return backend.range(table, range);
      },
      write: (writes) => backend.write(writes),
      size: () => backend.size(),
      copy: () => backend.copy(),
      close: () => backend.close(),
    };
    const again = openStore(counting);
    expect(again.revision).toBe(2_001);
    expect(reads).toBeLessThan(5);
  });

  it('writes other rooms’ rows in the batch of their entry', async () => {
    const backend = new MemoryBackend();
    const store = openStore(backend);
    entry(store, (txn) => {
      txn.table('members').put('m', Buffer.from('1'));
      expect(txn.table('members').get('m')?.toString()).toBe('1');
    });
    expect(store.revision).toBe(1);
    expect(backend.get('members', 'm')).toBeUndefined();
    await store.flush();
    expect(backend.get('members', 'm')?.toString()).toBe('1');
    expect(store.table('members').get('m')?.toString()).toBe('1');
    expect(store.flushedIndex).toBe(1);
  });
});
