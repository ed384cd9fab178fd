import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodePutResponse, encodeRangeResponse } from '../../../../../src/api/v3/codec/kv-response.js';
import { PutResponse, RangeResponse } from '../../../../../src/proto/generated/etcd_rpc.js';

const count = fc.oneof(
  fc.nat(300),
  fc.constantFrom(0, 127, 128, 16_384, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER),
  fc.maxSafeNat(),
);
const uint64 = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.constant(0n));
const bytes = fc.uint8Array({ maxLength: 300 }).map((raw) => Buffer.from(raw));
const header = fc.option(
  fc.record({ clusterId: uint64, memberId: uint64, revision: count, raftTerm: count }),
  { nil: undefined },
);
const keyValue = fc.record({
  key: bytes,
  value: bytes,
  createRevision: count,
  modRevision: count,
  version: count,
  lease: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
});

describe('answers encoded by hand are byte for byte what the generated code makes', () => {
  it('PutResponse', () => {
    fc.assert(
      fc.property(fc.record({ header, prevKv: fc.option(keyValue, { nil: undefined }) }), (response) => {
        expect(encodePutResponse(response)).toEqual(Buffer.from(PutResponse.encode(response).finish()));
      }),
    );
  });

  it('RangeResponse', () => {
    const response = fc.record({
      header,
      kvs: fc.array(keyValue, { maxLength: 6 }),
      more: fc.boolean(),
      count,
    });
    fc.assert(
      fc.property(response, (one) => {
        expect(encodeRangeResponse(one)).toEqual(Buffer.from(RangeResponse.encode(one).finish()));
      }),
    );
  });
});
