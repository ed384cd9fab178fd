/** Protobuf varints by hand, for what is written or read with every entry. */

/** Bytes that `value`, a safe non-negative integer, takes. */
export function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  if (value < 0x1000_0000) return 4;
  if (value < 0x8_0000_0000) return 5;
  if (value < 0x400_0000_0000) return 6;
  if (value < 0x2_0000_0000_0000) return 7;
  return 8;
}

/** As {@link varintBytes}, for any 64-bit value; negative ones take ten. */
export function varint64Bytes(value: bigint): number {
  let bytes = 1;
  for (let rest = BigInt.asUintN(64, value) >> 7n; rest > 0n; rest >>= 7n) bytes++;
  return bytes;
}

/** Writes `value`, a safe non-negative integer, at `at`; returns where it ends. */
export function writeVarint(buffer: Buffer, at: number, value: number): number {
  let end = at;
  let rest = value;
  while (rest >= 0x8000_0000) {
    buffer[end++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  while (rest >= 0x80) {
    buffer[end++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[end++] = rest;
  return end;
}

/** As {@link writeVarint}, for any unsigned 64-bit value. */
export function writeVarint64(buffer: Buffer, at: number, value: bigint): number {
  let end = at;
  let rest = BigInt.asUintN(64, value);
  while (rest > 0x7fn) {
    buffer[end++] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  buffer[end++] = Number(rest);
  return end;
}

/** Reads varints one after another from a buffer; `failed` once one was cut off or above 2^53 - 1. */
export class VarintReader {
  at = 0;
  failed = false;
  readonly #buffer: Buffer;
  readonly #end: number;

  constructor(buffer: Buffer, at = 0, end = buffer.length) {
    this.#buffer = buffer;
    this.at = at;
    this.#end = end;
  }

  get done(): boolean {
    return this.failed || this.at >= this.#end;
  }

  /** The next value; 0 after a failure. */
  next(): number {
    let low = 0;
    let scale = 1;
    for (let count = 0; count < 10 && this.at < this.#end; count++) {
      const byte = this.#buffer[this.at++] as number;
      low += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (low > Number.MAX_SAFE_INTEGER) break;
        return low;
      }
      scale *= 0x80;
    }
    this.failed = true;
    return 0;
  }

  /** As {@link next}, for any unsigned 64-bit value. */
  next64(): bigint {
    // Four, four and two groups of seven bits: a BigInt for each byte would cost more than all the rest.
    const parts: [number, number, number] = [0, 0, 0];
    for (let count = 0; count < 10 && this.at < this.#end; count++) {
      const byte = this.#buffer[this.at++] as number;
      parts[count >> 2] = (parts[count >> 2] as number) | ((byte & 0x7f) << (7 * (count & 3)));
      if (byte >= 0x80) continue;
      if (count < 4) return BigInt(parts[0]);
      return BigInt.asUintN(64, (BigInt(parts[2]) << 56n) | (BigInt(parts[1]) << 28n) | BigInt(parts[0]));
    }
    this.failed = true;
    return 0n;
  }

  /** The bounds of the next length-delimited field. */
  skip(): { start: number; end: number } {
    const length = this.next();
    const start = this.at;
    if (this.failed || length > this.#end - start) {
      this.failed = true;
      return { start, end: start };
    }
    this.at = start + length;
    return { start, end: this.at };
  }
}
