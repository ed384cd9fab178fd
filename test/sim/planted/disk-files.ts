import type { Disk, DiskFile, OpenMode } from '../../../src/io/disk.js';

/** A disk whose files are somebody else's. */
export function withFiles(
  disk: Disk,
  make: (file: DiskFile, path: string, how: OpenMode) => DiskFile | Promise<DiskFile>,
): Disk {
  return {
    list: (folder) => disk.list(folder),
    exists: (path) => disk.exists(path),
    makeFolder: (path) => disk.makeFolder(path),
    open: async (path, how) => await make(await disk.open(path, how), path, how),
    stream: (path) => disk.stream(path),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    syncFolder: (folder) => disk.syncFolder(folder),
  };
}
