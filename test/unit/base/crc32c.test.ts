import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../../../src/base/crc32c.js';

/** Bit by bit, from the definition. */
function slow(crc: number, bytes: Uint8Array): number {
  let value = ~crc >>> 0;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  }
  return ~value >>> 0;
}

describe('crc32c', () => {
  it('gives the known values (RFC 3720 B.4, and the check value)', () => {
    const ascending = Buffer.from(Array.from({ length: 32 }, (_, i) => i));
    expect(crc32c(0, Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(0, Buffer.alloc(0))).toBe(0);
    expect(crc32c(0, Buffer.alloc(32))).toBe(0x8a9136aa);
    expect(crc32c(0, Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
    expect(crc32c(0, ascending)).toBe(0x46dd794e);
    expect(crc32c(0, ascending.reverse())).toBe(0x113fdb5c);
  });

  it('agrees with the definition for any bytes, start and end', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.nat(200),
        fc.nat(200),
        fc.nat(0xffff_ffff),
        (bytes, a, b, seed) => {
          const [start, end] = [a, b].map((at) => Math.min(at, bytes.length)).sort((x, y) => x - y) as [
            number,
            number,
          ];
          expect(crc32c(seed, bytes, start, end)).toBe(slow(seed, bytes.subarray(start, end)));
        },
      ),
    );
  });

  it('rolls: two pieces give what the whole gives', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        expect(crc32c(crc32c(0, a), b)).toBe(crc32c(0, Buffer.concat([a, b])));
      }),
    );
  });
});
