import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import type { DiskFile } from '../../src/io/disk.js';
import { type Disk, readFile } from '../../src/io/disk.js';
import { VirtualClock } from './clock.js';
import { SimDisk } from './disk.js';

const SECTOR = 512;

async function withFile(disk: SimDisk, path: string, work: (file: DiskFile) => Promise<void>): Promise<void> {
  const file = await disk.open(path, (await disk.exists(path)) ? 'write' : 'create');
  await work(file);
  await file.close();
}

/** A disk with a durable empty file /d/f. */
async function prepared(seed: number): Promise<SimDisk> {
  const disk = new SimDisk(new Prng(seed));
  await disk.makeFolder('/d');
  await disk.syncFolder('/');
  await withFile(disk, '/d/f', (file) => file.sync());
  await disk.syncFolder('/d');
  return disk;
}

/** Whether the promise has settled after every promise chain has gone on. */
async function settles(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const mark = () => {
    settled = true;
  };
  promise.then(mark, mark);
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

describe('SimDisk', () => {
  it('keeps what was synced through a power loss, and all that was written through the end of a process', async () => {
    for (let seed = 0; seed < 50; seed++) {
      let disk = await prepared(seed);
      await withFile(disk, '/d/f', async (file) => {
        await file.write(0, Buffer.alloc(3000, 1));
        await file.sync();
      });
      disk = disk.losePower();
      expect(await readFile(disk, '/d/f')).toEqual(Buffer.alloc(3000, 1));
      await withFile(disk, '/d/f', (file) => file.write(3000, Buffer.alloc(10, 2)));
      disk = disk.crashProcess();
      expect((await readFile(disk, '/d/f')).length).toBe(3010);
    }
  });

  it('keeps what a durable file has written, and promises nothing of what came before it', async () => {
    const lost = new Set<boolean>();
    for (let seed = 0; seed < 50; seed++) {
      let disk = await prepared(seed);
      await withFile(disk, '/d/f', async (file) => {
        await file.write(0, Buffer.alloc(4 * SECTOR));
        await file.sync();
        await file.write(0, Buffer.alloc(SECTOR, 1));
      });
      const durable = await disk.open('/d/f', 'durable');
      await durable.write(2 * SECTOR, Buffer.alloc(SECTOR, 2));
      disk = disk.losePower();
      const found = await readFile(disk, '/d/f');
      expect(found.subarray(2 * SECTOR, 3 * SECTOR)).toEqual(Buffer.alloc(SECTOR, 2));
      lost.add(found[0] === 0);
    }
    expect(lost).toEqual(new Set([true, false]));
  });

  it('loses, keeps or tears an unsynced write, at sectors only', async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 300; seed++) {
      let disk = await prepared(seed);
      await withFile(disk, '/d/f', async (file) => {
        await file.write(0, Buffer.alloc(4 * SECTOR, 1));
        await file.sync();
        await file.write(100, Buffer.alloc(3 * SECTOR, 2));
      });
      disk = disk.losePower();
      const bytes = await readFile(disk, '/d/f');
      const written = [0, 1, 2, 3].map((sector) => {
        const part = bytes.subarray(sector * SECTOR, (sector + 1) * SECTOR);
        const from = sector === 0 ? 100 : 0;
        const to = sector === 3 ? 100 : SECTOR;
        const values = new Set(part.subarray(from, to));
        expect(values.size).toBe(1);
        expect(new Set([...part.subarray(0, from), ...part.subarray(to)]).has(2)).toBe(false);
        return [...values][0] === 2 ? 'k' : 'l';
      });
      seen.add(written.join(''));
    }
    expect(seen).toContain('kkkk');
    expect(seen).toContain('llll');
    // All ways to tear it, given enough seeds.
    expect(seen.size).toBe(16);
  });

  it('never keeps a later write of a sector without the earlier ones', async () => {
    for (let seed = 0; seed < 200; seed++) {
      let disk = await prepared(seed);
      await withFile(disk, '/d/f', async (file) => {
        await file.write(0, Buffer.alloc(SECTOR));
        await file.sync();
        await file.write(0, Buffer.from([1]));
        await file.write(1, Buffer.from([2]));
      });
      disk = disk.losePower();
      const bytes = await readFile(disk, '/d/f');
      expect(['0,0', '1,0', '1,2']).toContain(`${bytes[0]},${bytes[1]}`);
    }
  });

  it('loses or keeps unsynced sizes, with zeros where data was lost', async () => {
    const sizes = new Set<number>();
    for (let seed = 0; seed < 100; seed++) {
      let disk = await prepared(seed);
      await withFile(disk, '/d/f', (file) => file.write(0, Buffer.alloc(SECTOR, 9)));
      disk = disk.losePower();
      const bytes = await readFile(disk, '/d/f');
      sizes.add(bytes.length);
      expect([0, 9, undefined]).toContain(bytes[0]);
    }
    expect(sizes).toEqual(new Set([0, SECTOR]));
  });

  it('a name is durable after its folder was synced, and happened or not before', async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 100; seed++) {
      let disk = await prepared(seed);
      await disk.rename('/d/f', '/d/g');
      await withFile(disk, '/d/new', (file) => file.sync());
      disk = disk.losePower();
      seen.add((await disk.list('/d')).join());
      await disk.syncFolder('/d');
      const names = await disk.list('/d');
      for (const name of names) await disk.remove(`/d/${name}`);
      await disk.syncFolder('/d');
      disk = disk.losePower();
      expect(await disk.list('/d')).toEqual([]);
    }
    expect([...seen].sort()).toEqual(['f', 'f,new', 'g', 'g,new']);
  });

  it('a file replaced by rename has the old or the new content wherever the power is lost', async () => {
    const [old, young] = [Buffer.alloc(2000, 1), Buffer.alloc(1500, 2)];
    for (let step = 1; step < 12; step++) {
      for (let seed = 0; seed < 30; seed++) {
        let disk = await prepared(seed);
        await replaceFile(disk, '/d/f', old);
        const crash = disk.crashAtStep(disk.steps + step).then(() => 'crash');
        const end = await Promise.race([replaceFile(disk, '/d/f', young).then(() => 'done'), crash]);
        disk = disk.losePower();
        const found = await readFile(disk, '/d/f');
        if (end === 'done') expect(found).toEqual(young);
        else expect(found.equals(old) || found.equals(young)).toBe(true);
      }
    }
  });

  it.each(['write', 'durable'] as const)(
    'notices bytes that change while they are written (%s)',
    async (how) => {
      const clock = new VirtualClock();
      const disk = new SimDisk(new Prng(1), { clock });
      await clock.until(disk.open('/f', 'create'));
      const file = await clock.until(disk.open('/f', how));
      const data = Buffer.from('abc');
      const writing = clock.until(file.write(0, data));
      data.fill(0);
      await expect(writing).rejects.toThrow('/f: the bytes changed while they were written');
    },
  );

  it('a sync makes durable what was written before it began, not what came meanwhile', async () => {
    let kept = 0;
    for (let seed = 0; seed < 60; seed++) {
      const clock = new VirtualClock();
      const disk = new SimDisk(new Prng(seed), { clock });
      const file = await clock.until(disk.open('/f', 'create'));
      await clock.until(disk.syncFolder('/'));
      await clock.until(file.write(0, Buffer.alloc(SECTOR, 1)));
      const syncing = file.sync();
      const writing = file.write(SECTOR, Buffer.alloc(SECTOR, 2));
      await clock.until(Promise.all([syncing, writing]));
      const next = disk.losePower();
      const bytes = await clock.until(readFile(next, '/f'));
      expect(bytes.subarray(0, SECTOR)).toEqual(Buffer.alloc(SECTOR, 1));
      if (bytes[SECTOR] === 2) kept++;
    }
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(60);
  });

  it('settles nothing of a process that has ended, and lets it change nothing', async () => {
    const disk = await prepared(1);
    const file = await disk.open('/d/f', 'write');
    const before = file.write(0, Buffer.from('x'));
    const next = disk.crashProcess();
    expect(await settles(before)).toBe(false);
    expect(await settles(file.write(1, Buffer.from('y')))).toBe(false);
    expect(await settles(disk.remove('/d/f'))).toBe(false);
    expect((await readFile(next, '/d/f')).toString()).toBe('x');
  });

  it('fails as told: a full disk after the bytes that fit, an error at the step chosen', async () => {
    const disk = await prepared(1);
    disk.setCapacity(1000);
    const file = await disk.open('/d/f', 'write');
    await file.write(0, Buffer.alloc(900));
    await expect(file.write(900, Buffer.alloc(200, 7))).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(await file.size()).toBe(1000);
    disk.failWhen(({ operation, path }) => (operation === 'sync' && path === '/d/f' ? 'EIO' : undefined));
    await expect(file.sync()).rejects.toMatchObject({ code: 'EIO' });
    disk.failWhen(undefined);
    await file.sync();
  });

  it('equal seeds give equal disks', async () => {
    const run = async (seed: number) => {
      let disk = await prepared(seed);
      await withFile(disk, '/d/f', (file) => file.write(0, Buffer.alloc(8 * SECTOR, 5)));
      disk = disk.losePower();
      return (await readFile(disk, '/d/f')).toString('hex');
    };
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        expect(await run(seed)).toBe(await run(seed));
      }),
      { numRuns: 20 },
    );
  });

  it('refuses what a real one refuses', async () => {
    const disk = await prepared(1);
    await expect(disk.open('/d/f', 'create')).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(disk.open('/d/none', 'read')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(disk.list('/none')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(disk.rename('/d/none', '/d/x')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(disk.makeFolder('/d/f/x')).rejects.toMatchObject({ code: 'ENOTDIR' });
    const file = await disk.open('/d/f', 'read');
    await expect(file.write(0, Buffer.from('x'))).rejects.toMatchObject({ code: 'EBADF' });
    await file.close();
    await expect(file.size()).rejects.toMatchObject({ code: 'EBADF' });
  });
});

/** The protocol that rests on all of the model: stage, sync, rename, sync the folder. */
async function replaceFile(disk: Disk, path: string, data: Buffer): Promise<void> {
  const stage = `${path}.tmp`;
  await disk.remove(stage);
  const file = await disk.open(stage, 'create');
  try {
    await file.write(0, data);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(stage, path);
  await disk.syncFolder(path.slice(0, Math.max(path.lastIndexOf('/'), 1)));
}
