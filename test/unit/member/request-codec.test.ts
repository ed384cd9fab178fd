import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePut } from '../../../src/member/put-codec.js';
import { decodeRequest, RequestEncoder } from '../../../src/member/request-codec.js';
import { PutRequest } from '../../../src/proto/generated/etcd_rpc.js';
import { Request } from '../../../src/proto/generated/member.js';

const bytes = fc.uint8Array({ maxLength: 300 }).map((raw) => Buffer.from(raw));
const flag = fc.boolean();
const put = fc.record({
  key: bytes,
  value: bytes,
  lease: fc.oneof(fc.constant(0n), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  prevKv: flag,
  ignoreValue: flag,
  ignoreLease: flag,
});
const member = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.nat(1000).map(BigInt));
const boot = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const sequence = fc.oneof(
  fc.constantFrom(1, 127, 128, 2 ** 28, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER),
  fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
);

/** Both decoders' answers, or that they throw. */
function outcome<T>(decode: () => T): T | 'throws' {
  try {
    return decode();
  } catch {
    return 'throws';
  }
}

describe('puts in the log, written and read by hand', () => {
  it('are byte for byte what the generated code writes, and read back the same', () => {
    fc.assert(
      fc.property(member, boot, sequence, put, (of, life, number, value) => {
        const request: Request = {
          id: { member: of, boot: life, sequence: number },
          kind: { $case: 'put', value },
        };
        const data = new RequestEncoder({ member: of, boot: life }).encode(number, {
          $case: 'put',
          value,
        });
        expect(data).toEqual(Buffer.from(Request.encode(request).finish()));
        expect(decodeRequest(data)).toEqual(request);
      }),
    );
  });

  it('other requests pass through the generated code', () => {
    const kind = { $case: 'leaseRevoke', value: { ID: 7n } } as const;
    const data = new RequestEncoder({ member: 3n, boot: 2 }).encode(9, kind);
    expect(decodeRequest(data)).toEqual({ id: { member: 3n, boot: 2, sequence: 9 }, kind });
  });

  it('whatever bytes arrive, both decoders answer alike', () => {
    const damaged = fc
      .tuple(put, fc.array(fc.tuple(fc.nat(700), fc.nat(255)), { maxLength: 3 }), fc.nat(20), bytes)
      .map(([value, changes, cut, tail]) => {
        const whole = Buffer.from(PutRequest.encode(value).finish());
        for (const [at, byte] of changes) if (at < whole.length) whole[at] = byte;
        return Buffer.concat([whole.subarray(0, Math.max(0, whole.length - cut)), tail]);
      });
    fc.assert(
      fc.property(fc.oneof(damaged, bytes), (raw) => {
        expect(outcome(() => decodePut(raw))).toEqual(outcome(() => PutRequest.decode(raw)));
        const inRequest = Buffer.concat([Buffer.from([0x0a, 2, 0x18, 1, 0x1a, raw.length & 0x7f]), raw]);
        expect(outcome(() => decodeRequest(inRequest))).toEqual(outcome(() => Request.decode(inRequest)));
      }),
      { numRuns: 1000 },
    );
  });
});
