import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fdatasync,
  fstatSync,
  fsync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { systemCode } from '../base/errors.js';
import { type Attributes, type FileNow, MAX_FILE_BYTES, type RenderFiles } from './files.js';

/** As many links as Linux follows. */
const MAX_LINKS = 40;
/** Of Linux, on 64 bits. */
const MAX_PID = 2 ** 22;

/**
 * The real file system, for a thread that may wait for it: all but the syncs are synchronous. A swap takes some twenty
 * calls of a few microseconds, each of which would cost a tenth of a millisecond by way of libuv's pool; and the pool's
 * four threads are shared with the member's log, which must not queue behind a network file system that hangs.
 */
export class NodeRenderFiles implements RenderFiles {
  readonly process = process.pid;

  async resolve(path: string): Promise<string> {
    let at = path;
    for (let links = 0; links < MAX_LINKS; links++) {
      const found = ifThere(() => realpathSync.native(at));
      if (found !== undefined) return found;
      // Nothing is there yet, or a link to something that isn't.
      const real = join(realpathSync.native(dirname(at)), basename(at));
      const link = ifThere(() => lstatSync(real));
      if (link?.isSymbolicLink() !== true) return real;
      at = resolve(dirname(real), readlinkSync(real));
    }
    throw systemError('ELOOP', `too many links: ${path}`);
  }

  async read(path: string): Promise<FileNow | undefined> {
    // Without O_NONBLOCK opening a pipe would wait for its writer.
    const file = ifThere(() => openToRead(path));
    if (file === undefined) return undefined;
    try {
      const stats = fstatSync(file);
      if (!stats.isFile()) throw systemError('EISDIR', `not a regular file: ${path}`);
      if (stats.size > MAX_FILE_BYTES) {
        throw systemError('EFBIG', `larger than ${MAX_FILE_BYTES} bytes: ${path}`);
      }
      const { mode, uid, gid } = stats;
      return { content: readWhole(file, stats.size), mode: mode & 0o7777, uid, gid };
    } finally {
      closeSync(file);
    }
  }

  async create(path: string, attributes: Attributes, content: Buffer): Promise<void> {
    // Never wider than asked, and nobody else's to read until its owner is set.
    const mode = attributes.uid === undefined && attributes.gid === undefined ? attributes.mode : 0o600;
    const file = openSync(path, 'wx', mode);
    try {
      apply(file, attributes);
      writeWhole(file, content);
      await syncData(file);
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    } finally {
      closeSync(file);
    }
  }

  async overwrite(path: string, attributes: Attributes, content: Buffer): Promise<void> {
    const file = openSync(path, 'r+');
    try {
      writeWhole(file, content);
      ftruncateSync(file, content.length);
      apply(file, attributes);
      await syncData(file);
    } finally {
      closeSync(file);
    }
  }

  async rename(from: string, to: string): Promise<void> {
    renameSync(from, to);
  }

  async syncFolder(folder: string): Promise<void> {
    const handle = openSync(folder, 'r');
    try {
      await done((callback) => fsync(handle, callback));
    } finally {
      closeSync(handle);
    }
  }

  async remove(path: string): Promise<void> {
    rmSync(path, { force: true });
  }

  async list(folder: string): Promise<readonly string[]> {
    return ifThere(() => readdirSync(folder)) ?? [];
  }

  async version(path: string): Promise<string> {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
      return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
    } catch {
      return 'missing';
    }
  }

  async makeFolder(folder: string, mode: number): Promise<void> {
    const first = mkdirSync(folder, { recursive: true, mode });
    if (first === undefined) return;
    for (let made = folder; made.length >= first.length; made = dirname(made)) {
      await this.syncFolder(dirname(made));
    }
  }

  isRunning(pid: number): boolean {
    // A larger one would reach the system as a negative number, which stands for many processes.
    if (pid < 1 || pid > MAX_PID) return false;
    try {
      return process.kill(pid, 0);
    } catch (error) {
      return systemCode(error) === 'EPERM';
    }
  }
}

function openToRead(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    // What a socket, or a device that nothing stands behind, answers.
    if (systemCode(error) !== 'ENXIO' && systemCode(error) !== 'ENODEV') throw error;
    throw systemError('EISDIR', `not a regular file: ${path}`);
  }
}

function apply(file: number, { mode, uid, gid }: Attributes): void {
  if (uid !== undefined || gid !== undefined) {
    const now = fstatSync(file);
    const wanted = { uid: uid ?? now.uid, gid: gid ?? now.gid };
    if (wanted.uid !== now.uid || wanted.gid !== now.gid) fchownSync(file, wanted.uid, wanted.gid);
  }
  // After chown, which clears some bits; and whatever the umask took away.
  fchmodSync(file, mode);
}

function writeWhole(file: number, content: Buffer): void {
  for (let written = 0; written < content.length; ) {
    written += writeSync(file, content, written, content.length - written, written);
  }
}

function readWhole(file: number, size: number): Buffer {
  const content = Buffer.allocUnsafe(size);
  let filled = 0;
  while (filled < size) {
    const read = readSync(file, content, filled, size - filled, filled);
    if (read === 0) break;
    filled += read;
  }
  return content.subarray(0, filled);
}

function syncData(file: number): Promise<void> {
  return done((callback) => fdatasync(file, callback));
}

function done(start: (callback: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((fulfil, reject) => {
    start((error) => (error === null ? fulfil() : reject(error)));
  });
}

/** Undefined where the file system says ENOENT. */
function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
