import type { Disk, DiskFile } from '../io/disk.js';
import { stageName } from './segment.js';
import { fillZeros } from './zeros.js';

/** A file that will become a segment: zeros on the disk, synced, under its stage name. */
export interface Stage {
  readonly file: DiskFile;
  readonly path: string;
  readonly bytes: number;
}

/** Makes a stage, durably, or leaves nothing and rejects with the disk's error. */
export async function makeStage(disk: Disk, folder: string, sequence: number, bytes: number): Promise<Stage> {
  const path = `${folder}/${stageName(sequence)}`;
  await disk.remove(path);
  const file = await disk.open(path, 'create');
  try {
    await fillZeros(file, 0, bytes);
    await file.sync();
    await disk.syncFolder(folder);
    return { file, path, bytes };
  } catch (error) {
    await file.close();
    // Room that half a segment takes up is of use to nobody.
    await disk.remove(path);
    throw error;
  }
}
