import { expect, it } from 'vitest';
import { crc32c } from '../../../src/base/crc32c.js';
import { atOnce } from '../../../src/base/sliced.js';
import { VersionHash } from '../../../src/store/hash.js';
import { encodeRecord, endRecord } from '../../../src/store/record.js';
import { VirtualClock } from '../../sim/clock.js';
import { entry, openStore, put } from './harness.js';

const version = (key: string, modRevision: number, until: number, value = 'v') => {
  const kv = {
    key,
    value: Buffer.from(value),
    createRevision: modRevision,
    modRevision,
    version: 1,
    lease: 0n,
  };
  return { key, record: endRecord(encodeRecord(kv), until) };
};

function hash(versions: ReturnType<typeof version>[]): number {
  const sum = new VersionHash(10, 20);
  for (const one of versions) sum.add(one);
  return sum.value;
}

it('is the same for members that have scrubbed, or written on, to different extents', () => {
  const here = [version('a', 8, 12), version('b', 15, 0)];
  // Ended at or before the compacted revision: gone or not, nobody can read it.
  expect(hash([version('a', 5, 8), ...here, version('c', 3, 10)])).toBe(hash(here));
  // Ended or written after the revision: it hasn't happened yet.
  expect(hash([version('a', 8, 12), version('b', 15, 21), version('b', 21, 0)])).toBe(hash(here));
});

it('tells any difference in what can be read', () => {
  const one = [version('a', 8, 12), version('b', 15, 0)];
  const others = [
    [version('a', 8, 12)],
    [version('a', 8, 13), version('b', 15, 0)],
    [version('a', 8, 12), version('b', 16, 0)],
    [version('a', 8, 12), version('b', 15, 0, 'w')],
    [version('a', 8, 12), version('bv', 15, 0, '')],
    [version('a', 8, 12), version('b', 15, 20)],
  ];
  expect(new Set([one, ...others].map(hash)).size).toBe(others.length + 1);
});

it('is the CRC32C of "key", and then of each version with its key, framed', () => {
  expect(crc32c(0, Buffer.from('123456789'))).toBe(0xe3069283);
  expect(hash([])).toBe(crc32c(0, Buffer.from('key')));
  const { record } = version('abc', 12, 0, 'value');
  const bytes = Buffer.concat([
    Buffer.from('key\0\0\0\u0003abc'),
    record.subarray(0, record.length - 5),
    Buffer.from('\0\0\0\u0005value'),
  ]);
  expect(hash([version('abc', 12, 0, 'value')])).toBe(crc32c(0, bytes));
});

function filled(keys: number, clock = new VirtualClock()) {
  const store = openStore(undefined, clock);
  entry(store, (txn) => {
    for (let at = 0; at < keys; at++) txn.put(`k${String(at).padStart(6, '0')}`, Buffer.from('v'), 0n);
  });
  for (let at = 0; at < 10; at++) put(store, 'z');
  return { store, clock };
}

it('is of one revision, whatever is written, deleted or compacted before it meanwhile', async () => {
  const [here, there] = [filled(3_000), filled(3_000)];
  const { revision } = here.store;
  const expected = await there.clock.until(there.store.hash(revision));
  const hashing = here.store.hash(revision);
  await here.clock.advance(2);
  entry(here.store, (txn) => atOnce(txn.deleteRange('k', 'l')));
  entry(here.store, (txn) => txn.put('a', Buffer.from('new'), 0n));
  void entry(here.store, (txn) => txn.compact(revision - 3));
  expect(await here.clock.until(hashing)).toEqual(expected);
});

it('fails with etcd’s words when compaction passes its revision, and then holds nothing back', async () => {
  const { store, clock } = filled(3_000);
  const { revision } = store;
  put(store, 'z');
  const hashing = store.hash(revision).catch((error: Error) => error.message);
  const compacted = entry(store, (txn) => txn.compact(revision + 1));
  expect(await clock.until(hashing)).toBe('etcdserver: mvcc: required revision has been compacted');
  await clock.until(compacted);
});
