import { expect, it } from 'vitest';
import { VersionHash } from '../../../src/store/hash.js';
import { encodeRecord, endRecord } from '../../../src/store/record.js';

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
