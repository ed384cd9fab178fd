import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Disk, DiskFile } from '../../../../src/io/disk.js';
import { NodeDisk } from '../../../../src/io/node/disk.js';
import { removeDatabase } from '../../../../src/store/backend/remove-database.js';
import { makePlace, type Place, removePlace } from '../backends.js';

const MiB = 1024 * 1024;

/** Tells of each cut, and how long the file was when it went. */
class Watched extends NodeDisk {
  readonly cuts: number[] = [];
  removed: string[] = [];

  override async open(...args: Parameters<Disk['open']>): Promise<DiskFile> {
    const file = await super.open(...args);
    const truncate = file.truncate.bind(file);
    file.truncate = (length) => {
      this.cuts.push(length / MiB);
      return truncate(length);
    };
    return file;
  }

  override remove(path: string): Promise<void> {
    this.removed.push(path);
    return super.remove(path);
  }
}

describe('removing a database', () => {
  let place: Place;
  let disk: Watched;
  let folder: string;

  beforeEach(async () => {
    place = await makePlace();
    disk = new Watched();
    folder = `${place.folder}/state`;
  });
  afterEach(() => removePlace(place));

  async function make(bytes: number): Promise<void> {
    await disk.makeFolder(folder);
    const file = await disk.open(`${folder}/data.mdb`, 'create');
    await file.truncate(bytes);
    await file.close();
    disk.cuts.length = 0;
  }

  it('cuts its file off bit by bit, so that no sync beside it waits for all of it', async () => {
    await make(35 * MiB);
    let rests = 0;
    await removeDatabase(disk, folder, 'data.mdb', async () => {
      rests++;
    });
    expect(disk.cuts).toEqual([27, 19, 11, 3]);
    expect(rests).toBe(4);
    expect(await disk.exists(folder)).toBe(false);
  });

  it.each([0, 8 * MiB])('one of %i bytes goes at once', async (bytes) => {
    await make(bytes);
    await removeDatabase(disk, folder, 'data.mdb');
    expect(disk.cuts).toEqual([]);
    expect(await disk.exists(folder)).toBe(false);
  });

  it('nothing is there: that is fine', async () => {
    await removeDatabase(disk, folder, 'data.mdb');
    await disk.makeFolder(folder);
    await removeDatabase(disk, folder, 'data.mdb');
    expect(await disk.exists(folder)).toBe(false);
  });
});
