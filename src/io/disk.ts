/**
 * What WAL, member and renderer state need of a file system. Paths are absolute or relative to the process, as the
 * implementation says. Errors are Node system errors (`code` is `ENOENT`, `ENOSPC`, …).
 *
 * Durability is exactly what POSIX promises and no more: bytes survive a power loss after `sync` of their file, a
 * name (created, renamed, removed) after `syncFolder` of its folder.
 */
export interface Disk {
  /** Names in a folder, sorted. */
  list(folder: string): Promise<string[]>;
  exists(path: string): Promise<boolean>;
  /** Makes a folder and its missing parents; one that exists is fine. */
  makeFolder(path: string): Promise<void>;
  open(path: string, how: OpenMode): Promise<DiskFile>;
  /**
   * A whole file, for what is read once and may be gigabytes: it holds up other users of the disk as little as possible,
   * and leaves nothing to collect. A piece is valid until the next is asked for.
   */
  stream(path: string): AsyncGenerator<Buffer, void, undefined>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file, or a folder with all that is in it; one that is missing is fine. */
  remove(path: string): Promise<void>;
  syncFolder(folder: string): Promise<void>;
}

/**
 * `create` fails where the file exists. Of a file opened as `durable` each write is durable when it resolves, and only
 * that: what was written before through another handle needs a sync of its own (O_DSYNC).
 */
export type OpenMode = 'read' | 'write' | 'create' | 'durable';

export interface DiskFile {
  /** Bytes. */
  size(): Promise<number>;
  /** Up to `length` bytes from `position`; shorter only at the end of the file. */
  read(position: number, length: number): Promise<Buffer>;
  /** Writes all of `data` at `position`. It must stay as it is until the promise settles. */
  write(position: number, data: Buffer): Promise<void>;
  /** Cuts, or extends with zeros. */
  truncate(length: number): Promise<void>;
  /** fdatasync: data, and the size where it changed. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Reads a whole file. */
export async function readFile(disk: Disk, path: string): Promise<Buffer> {
  const file = await disk.open(path, 'read');
  try {
    return await file.read(0, await file.size());
  } finally {
    await file.close();
  }
}
