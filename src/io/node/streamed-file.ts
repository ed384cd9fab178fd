import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { systemCode } from '../../base/errors.js';

/** Bytes of one read at most: a fraction of a millisecond of a disk's time. */
const READ_BYTES = 256 * 1024;
/** What direct I/O asks positions, lengths and memory to be multiples of, at most. */
const PAGE_BYTES = 4096;
const WASM_PAGE_BYTES = 64 * 1024;

/** Only a browser's types declare it. */
declare const WebAssembly: {
  readonly Memory: new (pages: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
};

/**
 * Reads a file from its beginning to its end, past the page cache where that is possible (O_DIRECT). Through the cache
 * the kernel reads ahead of a sequential reader, 8 MiB at once on some machines, and a sync of the log that comes
 * meanwhile waits for all of it, 10 ms and more. And the cache would be full of what nobody reads again.
 */
export async function* streamFile(path: string): AsyncGenerator<Buffer, void, undefined> {
  const aligned = alignedRoom();
  const file = (aligned && (await openDirect(path))) ?? (await open(path, 'r'));
  try {
    const room = aligned ?? Buffer.allocUnsafe(READ_BYTES);
    for (let at = 0; ; ) {
      const { bytesRead } = await file.read(room, 0, READ_BYTES, at);
      if (bytesRead > 0) yield room.subarray(0, bytesRead);
      at += bytesRead;
      // Less than whole pages come only at the end, and direct I/O can't begin in the middle of one.
      if (bytesRead === 0 || bytesRead % PAGE_BYTES !== 0) return;
    }
  } finally {
    await file.close();
  }
}

/** Undefined: the file system has no direct I/O. */
async function openDirect(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_DIRECT);
  } catch (error) {
    if (systemCode(error) === 'EINVAL') return undefined;
    throw error;
  }
}

/** Memory that begins at a page's boundary, as WebAssembly's does and a Buffer's need not. */
function alignedRoom(): Buffer | undefined {
  const pages = READ_BYTES / WASM_PAGE_BYTES;
  try {
    return Buffer.from(new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer);
  } catch {
    // It takes gigabytes of addresses, which a limit may deny (ulimit -v).
    return undefined;
  }
}
