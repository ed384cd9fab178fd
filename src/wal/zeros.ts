import type { DiskFile } from '../io/disk.js';

/** Bytes of one write: small, so that other writes get their turn in between. */
const SLICE_BYTES = 256 * 1024;
/** Bytes after which what was written is synced, so that no sync of the log waits for a great deal of zeros. */
const SYNC_EVERY_BYTES = 4 * 1024 * 1024;

const ZEROS = Buffer.alloc(SLICE_BYTES);

/** Writes zeros over `[from, to)` in slices, now and then synced; the last ones are not. */
export async function fillZeros(file: DiskFile, from: number, to: number): Promise<void> {
  let unsynced = 0;
  for (let at = from; at < to; at += SLICE_BYTES) {
    const bytes = Math.min(SLICE_BYTES, to - at);
    await file.write(at, ZEROS.subarray(0, bytes));
    unsynced += bytes;
    if (unsynced >= SYNC_EVERY_BYTES) {
      await file.sync();
      unsynced = 0;
    }
  }
}
