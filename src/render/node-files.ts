import { constants } from 'node:fs';
import {
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { systemCode } from '../base/errors.js';
import { type Attributes, type FileNow, MAX_FILE_BYTES, type RenderFiles } from './files.js';

/** As many links as Linux follows. */
const MAX_LINKS = 40;

/** The real file system. */
export class NodeRenderFiles implements RenderFiles {
  async resolve(path: string): Promise<string> {
    let at = path;
    for (let links = 0; links < MAX_LINKS; links++) {
      try {
        return await realpath(at);
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') throw error;
      }
      // Nothing is there yet, or a link to something that isn't.
      const real = join(await realpath(dirname(at)), basename(at));
      const target = await linkTarget(real);
      if (target === undefined) return real;
      at = resolve(dirname(real), target);
    }
    throw Object.assign(new Error(`ELOOP: too many links: ${path}`), { code: 'ELOOP' });
  }

  async read(path: string): Promise<FileNow | undefined> {
    let file: FileHandle;
    try {
      // Without O_NONBLOCK opening a pipe would wait for its writer.
      file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }
    try {
      const stats = await file.stat();
      if (!stats.isFile())
        throw Object.assign(new Error(`EISDIR: not a regular file: ${path}`), { code: 'EISDIR' });
      if (stats.size > MAX_FILE_BYTES)
        throw Object.assign(new Error(`EFBIG: larger than ${MAX_FILE_BYTES} bytes: ${path}`), {
          code: 'EFBIG',
        });
      const content = await readWhole(file, stats.size);
      return { content, mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid };
    } finally {
      await file.close();
    }
  }

  async create(path: string, attributes: Attributes, content: Buffer): Promise<void> {
    // Never wider than asked, and nobody else's to read until its owner is set.
    const mode = attributes.uid === undefined && attributes.gid === undefined ? attributes.mode : 0o600;
    const file = await open(path, 'wx', mode);
    try {
      await apply(file, attributes);
      await writeWhole(file, content);
      await file.datasync();
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  }

  async overwrite(path: string, attributes: Attributes, content: Buffer): Promise<void> {
    const file = await open(path, 'r+');
    try {
      await writeWhole(file, content);
      await file.truncate(content.length);
      await apply(file, attributes);
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  rename(from: string, to: string): Promise<void> {
    return rename(from, to);
  }

  async syncFolder(folder: string): Promise<void> {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  remove(path: string): Promise<void> {
    return rm(path, { force: true });
  }

  async list(folder: string): Promise<readonly string[]> {
    try {
      return await readdir(folder);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    }
  }

  async version(path: string): Promise<string> {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
      return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
    } catch {
      return 'missing';
    }
  }

  async makeFolder(folder: string, mode: number): Promise<void> {
    const first = await mkdir(folder, { recursive: true, mode });
    if (first === undefined) return;
    for (let made = folder; made.length >= first.length; made = dirname(made)) {
      await this.syncFolder(dirname(made));
    }
  }
}

async function apply(file: FileHandle, { mode, uid, gid }: Attributes): Promise<void> {
  if (uid !== undefined || gid !== undefined) {
    const { uid: ownUid, gid: ownGid } = await file.stat();
    const wanted = { uid: uid ?? ownUid, gid: gid ?? ownGid };
    if (wanted.uid !== ownUid || wanted.gid !== ownGid) await file.chown(wanted.uid, wanted.gid);
  }
  // After chown, which clears some bits; and whatever the umask took away.
  await file.chmod(mode);
}

async function writeWhole(file: FileHandle, content: Buffer): Promise<void> {
  for (let written = 0; written < content.length; ) {
    const { bytesWritten } = await file.write(content, written, content.length - written, written);
    written += bytesWritten;
  }
}

async function readWhole(file: FileHandle, size: number): Promise<Buffer> {
  const content = Buffer.allocUnsafe(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await file.read(content, filled, size - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return content.subarray(0, filled);
}

/** Where a link leads; undefined: it is none. */
async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return (await lstat(path)).isSymbolicLink() ? await readlink(path) : undefined;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
