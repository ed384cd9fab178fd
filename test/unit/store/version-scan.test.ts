import fc from 'fast-check';
import { expect, it } from 'vitest';
import { modRevisionOf, visibleAt } from '../../../src/store/record.js';
import { VersionScan } from '../../../src/store/version-scan.js';
import { openStore, put, remove } from './harness.js';

const key = fc.constantFrom('a', 'a\0', 'a\0\u00ff', 'b', 'c', '\0', '\u00ff');
const change = fc.record({ key, gone: fc.boolean() });

it('tells every version of a revision once and in order, in slices of any size, whatever is written meanwhile', () => {
  fc.assert(
    fc.property(
      fc.array(change, { minLength: 1, maxLength: 40 }),
      fc.array(change, { maxLength: 30 }),
      fc.integer({ min: 1, max: 5 }),
      fc.nat(40),
      (before, meanwhile, limit, back) => {
        const store = openStore();
        const apply = (changes: typeof before): void => {
          for (const { key: name, gone } of changes) {
            if (gone) remove(store, name);
            else put(store, name, `${name}${store.revision}`);
          }
        };
        apply(before);
        const revision = Math.max(1, store.revision - back);
        const all = new VersionScan(store.tables, { start: '', end: undefined });
        const expected = all.slice(1_000).filter(({ record }) => modRevisionOf(record) <= revision);
        expect(all.done).toBe(true);

        const scan = new VersionScan(store.tables, { start: '', end: undefined });
        const told: typeof expected = [];
        for (let at = 0; !scan.done; at++) {
          told.push(...scan.slice(limit).filter(({ record }) => modRevisionOf(record) <= revision));
          apply(meanwhile.slice(at, at + 1));
        }
        const name = (version: (typeof told)[number]): string =>
          `${version.key}@${modRevisionOf(version.record)}`;
        expect(told.map(name)).toEqual(expected.map(name));
        expect(told.filter(({ record }) => visibleAt(record, revision)).map(name)).toEqual(
          expected.filter(({ record }) => visibleAt(record, revision)).map(name),
        );
      },
    ),
    { numRuns: 3_000 },
  );
});
