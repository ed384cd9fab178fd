import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { assert } from '../../base/assert.js';
import { systemCode } from '../../base/errors.js';
import type { Disk, DiskFile, OpenMode } from '../disk.js';
import { streamFile } from './streamed-file.js';

class NodeFile implements DiskFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async size(): Promise<number> {
    const stats = await this.#handle.stat();
    // A pipe has no size, and a device no end.
    if (!stats.isFile()) throw Object.assign(new Error('not a regular file'), { code: 'EISDIR' });
    return stats.size;
  }

  async read(position: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.#handle.read(buffer, filled, length - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  }

  async write(position: number, data: Buffer): Promise<void> {
    let written = 0;
    while (written < data.length) {
      const { bytesWritten } = await this.#handle.write(
        data,
        written,
        data.length - written,
        position + written,
      );
      // No system does this for a regular file; going on would never end.
      assert(bytesWritten > 0, 'a write that wrote nothing');
      written += bytesWritten;
    }
  }

  truncate(length: number): Promise<void> {
    return this.#handle.truncate(length);
  }

  sync(): Promise<void> {
    return this.#handle.datasync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** The real file system. Data files are made with mode 0600, folders with 0700: keys may be secrets. */
export class NodeDisk implements Disk {
  async list(folder: string): Promise<string[]> {
    return (await readdir(folder)).sort();
  }

  async exists(path: string): Promise<boolean> {
    try {
      await stat(path);
      return true;
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') return false;
      throw error;
    }
  }

  async makeFolder(path: string): Promise<void> {
    await mkdir(path, { recursive: true, mode: 0o700 });
  }

  async open(path: string, how: OpenMode): Promise<DiskFile> {
    // Without O_NONBLOCK opening a pipe would wait for its writer.
    const flags = {
      read: constants.O_RDONLY | constants.O_NONBLOCK,
      write: 'r+',
      create: 'wx+',
      durable: constants.O_RDWR | constants.O_DSYNC,
    }[how];
    return new NodeFile(await open(path, flags, 0o600));
  }

  stream(path: string): AsyncGenerator<Buffer, void, undefined> {
    return streamFile(path);
  }

  rename(from: string, to: string): Promise<void> {
    return rename(from, to);
  }

  async remove(path: string): Promise<void> {
    await rm(path, { recursive: true, force: true });
  }

  async syncFolder(folder: string): Promise<void> {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}
