import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { prefixEnd, utf8ToByteString } from '../../../src/base/bytes.js';
import { RangeResponse } from '../../../src/proto/generated/etcd_rpc.js';
import { decodePage } from '../../../src/source/decode.js';
import { hullOf, type KeyRange, rangesOf, selects } from '../../../src/source/ranges.js';

const int64 = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const text = fc.string({ unit: 'grapheme' });
const response = fc.record({
  header: fc.record({
    clusterId: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    memberId: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    revision: int64,
    raftTerm: int64,
  }),
  kvs: fc.array(
    fc.record({
      key: text.map((key) => Buffer.from(key)),
      value: text.map((value) => Buffer.from(value)),
      createRevision: int64,
      modRevision: int64,
      version: int64,
      lease: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    }),
  ),
  more: fc.boolean(),
  count: int64,
});

describe('the decoder of pairs', () => {
  test('reads what the generated encoder writes', () => {
    fc.assert(
      fc.property(response, (message) => {
        const { header, pairs, nextKey } = decodePage(Buffer.from(RangeResponse.encode(message).finish()));
        const { clusterId, revision, raftTerm } = message.header;
        expect(header).toEqual({ clusterId, revision, raftTerm });
        expect(pairs()).toEqual(
          message.kvs.map(({ key, value, modRevision }) => ({
            key: String(key),
            value: String(value),
            modRevision,
          })),
        );
        const last = message.kvs.at(-1)?.key ?? Buffer.alloc(0);
        expect(nextKey).toEqual(message.more ? Buffer.concat([last, Buffer.of(0)]) : undefined);
      }),
    );
  });

  test('bytes of any kind are decoded or refused with a RangeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodePage(Buffer.from(bytes)).pairs();
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });
});

describe('ranges of subtrees', () => {
  const segment = fc.constantFrom('a', 'b', 'a-b', 'ü', '0', 'a.');
  const path = fc
    .array(segment, { maxLength: 4 })
    .map((segments) => segments.map((each) => `/${each}`).join(''));
  const key = fc.oneof(
    path,
    path.map((each) => `${each}/`),
    path.map((each) => each.slice(1)),
    text,
  );
  const holds = ({ key: from, end }: KeyRange, wanted: string): boolean =>
    end === '' ? wanted === from : end === '\0' ? wanted >= from : wanted >= from && wanted < end;

  test('exactly the keys that the subtrees select, once each, all of them in the hull', () => {
    fc.assert(
      fc.property(fc.array(path, { minLength: 1, maxLength: 5 }), key, (subtrees, wanted) => {
        // etcd has no empty key.
        fc.pre(wanted !== '');
        const bytes = utf8ToByteString(wanted);
        const found = rangesOf(subtrees).filter((range) => holds(range, bytes)).length;
        expect(found).toBe(selects(subtrees, wanted) ? 1 : 0);
        if (found > 0) expect(holds(hullOf(subtrees), bytes)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('a path is the key and its folder, not its neighbours', () => {
    expect(rangesOf(['/a'])).toEqual([
      { key: '/a', end: '' },
      { key: '/a/', end: prefixEnd('/a/') },
    ]);
    expect(rangesOf(['/a/b', '/a', '/a-b'])).toHaveLength(4);
    expect(rangesOf(['', '/a'])).toEqual([{ key: '\0', end: '\0' }]);
  });
});
