import type { Disk } from '../../io/disk.js';

/** For 126 readers, LMDB's default, it needs 8,272 bytes, which is what LMDB makes by itself; this is whole pages. */
const LOCK_FILE_BYTES = 12 * 1024;

/**
 * LMDB makes its lock file without taking room for it, and touching it on a full disk then ends the process (SIGBUS).
 * So it gets its room here, where that can fail; its size tells whether it has it. What a smaller one holds doesn't
 * count: the data folder's lock says that no other process has the database open.
 */
export async function makeLockFile(disk: Disk, folder: string): Promise<void> {
  const path = `${folder}/lock.mdb`;
  await disk.makeFolder(folder);
  const file = await disk.open(path, (await disk.exists(path)) ? 'write' : 'create');
  try {
    if ((await file.size()) < LOCK_FILE_BYTES) await file.write(0, Buffer.alloc(LOCK_FILE_BYTES));
  } finally {
    await file.close();
  }
}
