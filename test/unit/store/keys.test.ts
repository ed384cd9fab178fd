import fc from 'fast-check';
import { expect, it } from 'vitest';
import { toByteString } from '../../../src/base/bytes.js';
import {
  eventKey,
  keyFits,
  keyOfLeaseKey,
  keyOfPast,
  leaseKeyKey,
  pastBounds,
  pastKey,
  revisionOfEvent,
} from '../../../src/store/keys.js';

const key = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 6 }).map((bytes) => toByteString(Buffer.from(bytes))),
  fc.string({ unit: fc.constantFrom('\0', '\u0001', '\u00ff'), minLength: 1, maxLength: 5 }),
);
const revision = fc.integer({ min: 0, max: 2 ** 47 });
const sign = (a: string | number, b: string | number): number => (a < b ? -1 : a > b ? 1 : 0);

it('sorts composite keys by key, then revision, and reads them back', () => {
  fc.assert(
    fc.property(key, revision, key, revision, (a, atA, b, atB) => {
      expect(sign(pastKey(a, atA), pastKey(b, atB))).toBe(sign(a, b) || sign(atA, atB));
      expect(keyOfPast(pastKey(a, atA))).toBe(a);
      expect(keyOfLeaseKey(leaseKeyKey(-3n, a))).toBe(a);
    }),
    { numRuns: 2_000 },
  );
});

it('finds exactly the versions of a range of keys between escaped bounds', () => {
  fc.assert(
    fc.property(key, revision, key, key, (name, at, start, end) => {
      const bounds = pastBounds({ start, end });
      const composite = pastKey(name, at);
      const inside = composite >= bounds.start && bounds.end !== undefined && composite < bounds.end;
      expect(inside).toBe(name >= start && name < end);
    }),
    { numRuns: 2_000 },
  );
});

it('keeps the order of a bound that is longer than any key', () => {
  const long = fc.constantFrom(
    '\0'.repeat(1_901),
    `${'\0'.repeat(950)}a`,
    'a'.repeat(1_901),
    `${'a'.repeat(1_900)}\0`,
  );
  const stored = fc.constantFrom(
    '\0'.repeat(950),
    '\0'.repeat(949),
    'a'.repeat(1_900),
    'a'.repeat(1_899),
    'a',
    'b',
    `${'a'.repeat(1_898)}\0`,
  );
  fc.assert(
    fc.property(stored, revision, long, (name, at, bound) => {
      expect(keyFits(name)).toBe(true);
      const { start } = pastBounds({ start: bound, end: undefined });
      expect(start.length).toBeLessThan(1_978);
      expect(pastKey(name, at).length).toBeLessThan(1_978);
      expect(pastKey(name, at) >= start).toBe(name >= bound);
    }),
  );
});

it('sorts events by revision, then position', () => {
  fc.assert(
    fc.property(revision, fc.nat(), revision, fc.nat(), (a, subA, b, subB) => {
      expect(sign(eventKey(a, subA), eventKey(b, subB))).toBe(sign(a, b) || sign(subA, subB));
      expect(revisionOfEvent(eventKey(a, subA))).toBe(a);
    }),
  );
});
