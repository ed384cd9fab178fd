import { describe, expect, it } from 'vitest';
import { readFile } from '../../../src/io/disk.js';
import type { SimDisk } from '../../sim/disk.js';
import { createLog, entries, entry, FOLDER, machine, openLog } from './log.js';

const SECTOR = 512;

async function overwrite(disk: SimDisk, name: string, position: number, data: Buffer): Promise<void> {
  const file = await disk.open(`${FOLDER}/${name}`, 'write');
  await file.write(position, data);
  await file.sync();
  await file.close();
}

/** Offsets of the frames of a segment. */
function frames(bytes: Buffer): number[] {
  const found: number[] = [];
  for (let at = 0; at + 8 <= bytes.length && bytes.readUInt32LE(at) !== 0; ) {
    found.push(at);
    at += 8 + Math.ceil(bytes.readUInt32LE(at) / 8) * 8;
  }
  return found;
}

/** A log of several segments, closed. */
async function written(): Promise<{ disk: SimDisk; names: readonly string[] }> {
  const disk = await machine();
  const wal = await createLog(disk);
  for (let index = 1; index <= 120; index++) await wal.append([entry(index)], undefined);
  const names = wal.segments;
  await wal.close();
  return { disk, names };
}

describe('a damaged log', () => {
  it('any changed byte in the data of any record is refused, with file and byte, and nothing is changed', async () => {
    const { disk, names } = await written();
    for (const name of names) {
      const bytes = await readFile(disk, `${FOLDER}/${name}`);
      for (const offset of frames(bytes)) {
        const at = offset + 8 + bytes.readUInt32LE(offset) - 1;
        await overwrite(disk, name, at, Buffer.from([(bytes[at] as number) ^ 0x41]));
        const before = await readFile(disk, `${FOLDER}/${name}`);
        const error: unknown = await openLog(disk).catch((reason: unknown) => reason);
        expect(error).toMatchObject({ code: 'wal_corrupt' });
        const { message } = error as Error;
        // A changed CRC at the head of a segment may show in the record that follows it.
        expect(message).toMatch(new RegExp(`^${FOLDER}/${name}: bad record at byte \\d+`));
        if (offset > 0) expect(message).toContain(`at byte ${offset}:`);
        expect((await readFile(disk, `${FOLDER}/${name}`)).equals(before)).toBe(true);
        await overwrite(disk, name, at, bytes.subarray(at, at + 1));
      }
    }
    expect((await openLog(disk)).contents.entries).toEqual(entries(1, 120));
  });

  it('a damaged length is refused', async () => {
    const { disk, names } = await written();
    const last = names.at(-1) as string;
    const bytes = await readFile(disk, `${FOLDER}/${last}`);
    const at = frames(bytes).at(-2) as number;
    for (const [position, value] of [
      [at + 7, 0x7f],
      [at + 3, 0x10],
      [at + 5, 1],
    ] as const) {
      await overwrite(disk, last, position, Buffer.from([value]));
      await expect(openLog(disk)).rejects.toMatchObject({ code: 'wal_corrupt' });
      await overwrite(disk, last, at, bytes.subarray(at, at + 8));
    }
  });

  it('an empty length with data after it in its sector is refused', async () => {
    const { disk, names } = await written();
    const last = names.at(-1) as string;
    const bytes = await readFile(disk, `${FOLDER}/${last}`);
    const at = frames(bytes).findLast((offset) => offset % SECTOR < SECTOR - 64 && offset > 200) as number;
    await overwrite(disk, last, at, Buffer.alloc(8));
    await expect(openLog(disk)).rejects.toMatchObject({
      code: 'wal_corrupt',
      message: expect.stringContaining(`at byte ${at}:`),
    });
  });

  it('a zeroed sector before the last segment is no torn tail', async () => {
    const { disk, names } = await written();
    await overwrite(disk, names[0] as string, SECTOR, Buffer.alloc(SECTOR));
    await expect(openLog(disk)).rejects.toMatchObject({ code: 'wal_corrupt' });
  });

  it('records missing from the end of a segment that has a next one are noticed', async () => {
    const { disk, names } = await written();
    const bytes = await readFile(disk, `${FOLDER}/${names[0]}`);
    const last = frames(bytes).at(-1) as number;
    await overwrite(disk, names[0] as string, last, Buffer.alloc(bytes.length - last));
    await expect(openLog(disk)).rejects.toMatchObject({
      code: 'wal_corrupt',
      message: expect.stringContaining(names[1] as string),
    });
  });

  it('a missing segment is noticed', async () => {
    const { disk, names } = await written();
    await disk.remove(`${FOLDER}/${names[1]}`);
    await expect(openLog(disk)).rejects.toMatchObject({
      code: 'wal_corrupt',
      message: expect.stringContaining('missing'),
    });
  });
});

describe('a torn tail', () => {
  /** A log whose last batch spans sectors, and where that batch is. */
  async function withLastBatch() {
    const disk = await machine();
    const wal = await createLog(disk);
    await wal.append(entries(1, 5), undefined);
    const name = wal.segments.at(-1) as string;
    const before = frames(await readFile(disk, `${FOLDER}/${name}`)).length;
    await wal.append(entries(6, 8, 1, 700), undefined);
    await wal.close();
    const bytes = await readFile(disk, `${FOLDER}/${name}`);
    const offsets = frames(bytes);
    const from = offsets[before] as number;
    const lastFrame = offsets.at(-1) as number;
    const to = lastFrame + 8 + Math.ceil(bytes.readUInt32LE(lastFrame) / 8) * 8;
    return { disk, name, from, to };
  }

  it('whichever sectors of the last batch were lost, the entries before it stay, and the log goes on', async () => {
    const { from, to } = await withLastBatch();
    const first = Math.floor(from / SECTOR);
    const count = Math.ceil(to / SECTOR) - first;
    for (let lost = 1; lost < 2 ** count; lost++) {
      const { disk, name } = await withLastBatch();
      for (let sector = 0; sector < count; sector++) {
        if ((lost & (1 << sector)) === 0) continue;
        const start = Math.max((first + sector) * SECTOR, from);
        const end = Math.min((first + sector + 1) * SECTOR, to);
        await overwrite(disk, name, start, Buffer.alloc(end - start));
      }
      const { wal, contents } = await openLog(disk);
      const kept = contents.entries.length;
      expect(kept).toBeGreaterThanOrEqual(5);
      expect(kept).toBeLessThan(8);
      expect(contents.entries).toEqual([...entries(1, 5), ...entries(6, 8, 1, 700)].slice(0, kept));
      await wal.append(entries(kept + 1, kept + 1, 2), undefined);
      await wal.close();
      const again = await openLog(disk);
      expect(again.contents.tornBytes).toBe(0);
      expect(again.contents.entries.at(-1)).toEqual(entry(kept + 1, 2));
      await again.wal.close();
    }
  });

  it('is zeroed and synced: a power loss after the repair brings nothing back', async () => {
    for (let seed = 0; seed < 40; seed++) {
      const { disk, name, from } = await withLastBatch();
      await overwrite(disk, name, from, Buffer.alloc(SECTOR - (from % SECTOR)));
      const opened = await openLog(disk);
      expect(opened.contents.tornBytes).toBeGreaterThan(0);
      const next = disk.losePower();
      const { contents } = await openLog(next);
      expect(contents.tornBytes).toBe(0);
      expect(contents.entries).toEqual(entries(1, 5));
    }
  });
});
