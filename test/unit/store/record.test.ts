import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  createRevisionOf,
  decodeRecord,
  encodeRecord,
  endRecord,
  modRevisionOf,
  untilOf,
  visibleAt,
} from '../../../src/store/record.js';

const MAX = 2 ** 48 - 1;

it('reads back what it wrote', () => {
  const number = fc.integer({ min: 0, max: MAX });
  const pair = fc.record({
    key: fc.constant('k'),
    value: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    createRevision: number,
    modRevision: number,
    version: number,
    lease: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  });
  fc.assert(
    fc.property(pair, fc.integer({ min: 1, max: MAX }), (kv, until) => {
      const record = encodeRecord(kv);
      const ended = endRecord(record, until);
      expect(decodeRecord('k', record)).toEqual(kv);
      expect(decodeRecord('k', ended)).toEqual(kv);
      expect(decodeRecord('k', ended, false)).toEqual({ ...kv, value: Buffer.alloc(0) });
      expect([createRevisionOf(ended), modRevisionOf(ended)]).toEqual([kv.createRevision, kv.modRevision]);
      expect([untilOf(record), untilOf(ended)]).toEqual([0, until]);
    }),
  );
});

it('holds its own copy of the value', () => {
  const value = Buffer.from('abc');
  const record = encodeRecord({ key: 'k', value, createRevision: 1, modRevision: 1, version: 1, lease: 0n });
  value.fill(0);
  expect(decodeRecord('k', record).value.toString()).toBe('abc');
});

it('is visible from its revision up to the one before its end', () => {
  const record = encodeRecord({
    key: 'k',
    value: Buffer.alloc(0),
    createRevision: 3,
    modRevision: 5,
    version: 2,
    lease: 0n,
  });
  const at = (one: Buffer) => [4, 5, 8, 9].map((revision) => visibleAt(one, revision));
  expect(at(record)).toEqual([false, true, true, true]);
  expect(at(endRecord(record, 9))).toEqual([false, true, true, false]);
});

it('refuses a layout that it does not know', () => {
  expect(() => decodeRecord('k', Buffer.alloc(40, 9))).toThrow('unknown layout');
});
