/**
 * Protobuf's wire format for the few messages that are encoded by hand: sizes first, then one exact buffer.
 * Numbers are safe integers, not negative; what may use all 64 bits is bigint.
 */

const LOW = 0x8000_0000;

/** Bytes of an unsigned varint. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** Bytes of a 64-bit varint; negative numbers take ten. */
export function varint64Size(value: bigint): number {
  if (value >= 0n && value <= 0xffff_ffffn) return varintSize(Number(value));
  let size = 1;
  for (let rest = BigInt.asUintN(64, value); rest >= 128n; rest >>= 7n) size++;
  return size;
}

/** Writes an unsigned varint at `at`; the answer is the position behind it. */
export function writeVarint(into: Buffer, at: number, value: number): number {
  let rest = value;
  let position = at;
  while (rest >= LOW) {
    into[position++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  while (rest >= 128) {
    into[position++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  into[position++] = rest;
  return position;
}

export function writeVarint64(into: Buffer, at: number, value: bigint): number {
  if (value >= 0n && value <= 0xffff_ffffn) return writeVarint(into, at, Number(value));
  let rest = BigInt.asUintN(64, value);
  let position = at;
  while (rest >= 128n) {
    into[position++] = Number(rest & 127n) | 128;
    rest >>= 7n;
  }
  into[position++] = Number(rest);
  return position;
}
