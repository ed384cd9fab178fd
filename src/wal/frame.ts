/** A frame is an 8-byte little-endian length field, a record of that many bytes, and zeros up to the next 8 bytes. */
export const LENGTH_BYTES = 8;

/** What a disk writes whole or not at all, in bytes. Frames being 8-byte aligned, a length field is never torn. */
export const SECTOR_BYTES = 512;

/** Bytes of zeros after a record, 0 to 7. */
export function padBytes(recordBytes: number): number {
  return -recordBytes & 7;
}

/** Bytes that the frame of a record takes. */
export function frameBytes(recordBytes: number): number {
  return LENGTH_BYTES + recordBytes + padBytes(recordBytes);
}

/** Writes the length field at `at`: the record's bytes, and in the top byte 0x80 | padding unless that is zero. */
export function writeLength(buffer: Buffer, at: number, recordBytes: number): void {
  const pad = padBytes(recordBytes);
  buffer.writeUInt32LE(recordBytes >>> 0, at);
  buffer.writeUInt32LE(pad === 0 ? 0 : ((0x80 | pad) << 24) >>> 0, at + 4);
}

/**
 * The record's bytes that the length field at `at` tells; 0 where nothing was written; undefined for a field that no
 * writer makes. (A record is always shorter than 4 GiB.)
 */
export function readLength(buffer: Buffer, at: number): number | undefined {
  const recordBytes = buffer.readUInt32LE(at);
  const high = buffer.readUInt32LE(at + 4);
  const pad = padBytes(recordBytes);
  const expected = pad === 0 ? 0 : ((0x80 | pad) << 24) >>> 0;
  return high === expected ? recordBytes : undefined;
}

const ZEROS = Buffer.alloc(64 * 1024);

/** Whether `buffer[start, end)` is zeros only. */
export function isZero(buffer: Buffer, start = 0, end = buffer.length): boolean {
  for (let at = start; at < end; at += ZEROS.length) {
    const stop = Math.min(end, at + ZEROS.length);
    if (buffer.compare(ZEROS, 0, stop - at, at, stop) !== 0) return false;
  }
  return true;
}

/**
 * Whether a bad frame looks torn by a power loss: some 512-byte sector of the file, as far as it lies in the frame,
 * is all zeros, as it was before the write. `bytes` is the frame, `offset` its place in the file. Anything else was
 * damaged after it was written, and cutting it off could drop acknowledged entries.
 */
export function looksTorn(bytes: Buffer, offset: number): boolean {
  for (let start = 0; start < bytes.length; ) {
    const end = Math.min(bytes.length, start + SECTOR_BYTES - ((offset + start) % SECTOR_BYTES));
    if (isZero(bytes, start, end)) return true;
    start = end;
  }
  return false;
}
