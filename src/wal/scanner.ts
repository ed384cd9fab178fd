import { assert } from '../base/assert.js';
import type { DiskFile } from '../io/disk.js';
import { isZero, LENGTH_BYTES, looksTorn, padBytes, readLength, SECTOR_BYTES } from './frame.js';
import { type RawRecord, readRecord } from './record.js';

/** Bytes of a file handled at once: a few milliseconds of work, then the event loop has its turn. */
const WINDOW_BYTES = 512 * 1024;

/**
 * Looks at a record, whose data is in `buffer` and whose frame takes bytes [offset, end) of the file; what is wrong with
 * it, if anything is.
 */
export type Visit = (record: RawRecord, buffer: Buffer, offset: number, end: number) => string | undefined;

/** The part of a file that is looked at: from a frame's first byte on, up to `size`. */
export interface Range {
  readonly from: number;
  readonly size: number;
  /** Bytes handled at once, where a record takes more work than to be checked. */
  readonly windowBytes?: number;
}

/** Where the frames of a file end, and why. */
export interface ScanEnd {
  /** Byte offset of the first place that isn't a good frame. */
  readonly offset: number;
  /** What is wrong there; undefined where nothing was written, or the file ends. */
  readonly problem: string | undefined;
  /** Whether the place looks as if a power loss had interrupted its write. */
  readonly torn: boolean;
}

/** Reads a segment's frames in order, in slices, and shows each record to `visit` until one is bad. */
export async function scanFrames(file: DiskFile, range: Range, visit: Visit): Promise<ScanEnd> {
  const { from, size, windowBytes = WINDOW_BYTES } = range;
  let base = from;
  let buffer: Buffer = Buffer.alloc(0);
  let at = 0;

  /** Makes `bytes` bytes from `at` on readable in the buffer. */
  const load = async (bytes: number): Promise<void> => {
    if (buffer.length - at >= bytes) return;
    base += at;
    at = 0;
    buffer = await file.read(base, Math.min(Math.max(bytes, windowBytes), size - base));
    assert(buffer.length >= bytes, 'a segment became shorter while it was read');
  };

  for (;;) {
    const rest = size - base - at;
    if (rest < LENGTH_BYTES) {
      await load(rest);
      const clean = isZero(buffer, at, at + rest);
      return { offset: base + at, problem: clean ? undefined : 'a cut-off length', torn: false };
    }
    if (buffer.length - at < LENGTH_BYTES) await load(LENGTH_BYTES);
    const offset = base + at;
    const recordBytes = readLength(buffer, at);
    if (recordBytes === 0) {
      const sector = Math.min(SECTOR_BYTES - (offset % SECTOR_BYTES), rest);
      await load(sector);
      return { offset, problem: undefined, torn: isZero(buffer, at, at + sector) };
    }
    if (recordBytes === undefined) return { offset, problem: 'a length that no writer makes', torn: false };
    const total = LENGTH_BYTES + recordBytes + padBytes(recordBytes);
    if (total > rest) return { offset, problem: `${total} bytes where the file has ${rest}`, torn: false };
    if (buffer.length - at < total) await load(total);
    const end = at + LENGTH_BYTES + recordBytes;
    const record = isZero(buffer, end, at + total) ? readRecord(buffer, at + LENGTH_BYTES, end) : undefined;
    const problem = record === undefined ? 'not a record' : visit(record, buffer, offset, offset + total);
    if (problem !== undefined) {
      return { offset, problem, torn: looksTorn(buffer.subarray(at, at + total), offset) };
    }
    at += total;
  }
}

/** Where the last byte that isn't zero, from `from` on, ends; `from` if there is none. */
export async function endOfData(file: DiskFile, from: number, size: number): Promise<number> {
  let end = from;
  for (let base = from; base < size; base += WINDOW_BYTES) {
    const buffer = await file.read(base, Math.min(WINDOW_BYTES, size - base));
    if (isZero(buffer)) continue;
    let last = buffer.length;
    while (buffer[last - 1] === 0) last--;
    end = base + last;
  }
  return end;
}
