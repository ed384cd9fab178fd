import type { Disk, DiskFile } from '../io/disk.js';
import type { Encoder } from './encoder.js';
import type { Segment } from './segment.js';
import type { Stage } from './stage.js';

/** The segment that is written to. */
export interface Tail {
  /** Opened as `durable`: a write and its sync are one turn of a thread, and nothing unsynced is ever left behind. */
  readonly file: DiskFile;
  readonly path: string;
  /** Size of the file, all of it zeros after `used`; bytes. */
  readonly bytes: number;
  used: number;
}

/**
 * Makes a stage the segment it is for: writes the encoder's batch as its head, then gives it its name, each durable
 * before the next step. So a file with a segment's name always has a whole head, and always follows durable records.
 */
export async function activate(
  disk: Disk,
  folder: string,
  stage: Stage,
  segment: Segment,
  encoder: Encoder,
): Promise<Tail> {
  const path = `${folder}/${segment.name}`;
  const used = encoder.length;
  try {
    await stage.file.write(0, encoder.batch);
    await stage.file.sync();
  } finally {
    await stage.file.close();
  }
  await disk.rename(stage.path, path);
  await disk.syncFolder(folder);
  const file = await disk.open(path, 'durable');
  encoder.reset();
  return { file, path, bytes: stage.bytes, used };
}
