/** Reversed Castagnoli polynomial (iSCSI, RFC 3720 appendix B.4). */
const POLYNOMIAL = 0x82f63b78;

/** Table k, entry b: the CRC of byte b followed by k zero bytes; eight tables take eight bytes a step. */
const TABLES = Array.from({ length: 8 }, () => new Int32Array(256)) as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];
const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES;
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  T0[byte] = crc;
}
for (let byte = 0; byte < 256; byte++) {
  let crc = T0[byte] as number;
  for (let k = 1; k < 8; k++) {
    crc = (T0[crc & 0xff] as number) ^ (crc >>> 8);
    (TABLES[k] as Int32Array)[byte] = crc;
  }
}

/**
 * CRC32C of `bytes[start, end)` that goes on from `crc` (0 for a fresh one), slice by eight. Bytewise it is half as
 * fast, which shows in the cost of every entry.
 */
export function crc32c(crc: number, bytes: Uint8Array, start = 0, end = bytes.length): number {
  let value = ~crc;
  let at = start;
  for (const last = end - 8; at <= last; at += 8) {
    value ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    value =
      (T7[value & 0xff] as number) ^
      (T6[(value >>> 8) & 0xff] as number) ^
      (T5[(value >>> 16) & 0xff] as number) ^
      (T4[value >>> 24] as number) ^
      (T3[bytes[at + 4] as number] as number) ^
      (T2[bytes[at + 5] as number] as number) ^
      (T1[bytes[at + 6] as number] as number) ^
      (T0[bytes[at + 7] as number] as number);
  }
  for (; at < end; at++) {
    value = (T0[(value ^ (bytes[at] as number)) & 0xff] as number) ^ (value >>> 8);
  }
  return ~value >>> 0;
}
