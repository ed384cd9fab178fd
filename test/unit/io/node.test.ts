import { mkdtemp, readdir, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NodeClock } from '../../../src/io/node/clock.js';
import { NodeDisk } from '../../../src/io/node/disk.js';
import { NodeRandom } from '../../../src/io/node/random.js';

describe('NodeDisk', () => {
  const disk = new NodeDisk();
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'confetd-disk-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('writes anywhere in a file and reads it back, short only at its end', async () => {
    const file = await disk.open(join(folder, 'f'), 'create');
    await file.write(5, Buffer.from('abc'));
    await file.write(0, Buffer.from('xy'));
    await file.sync();
    expect(await file.size()).toBe(8);
    expect(await file.read(0, 100)).toEqual(Buffer.from('xy\0\0\0abc'));
    expect(await file.read(6, 1)).toEqual(Buffer.from('b'));
    expect(await file.read(8, 4)).toEqual(Buffer.alloc(0));
    await file.truncate(2);
    await file.truncate(4);
    expect(await file.read(0, 100)).toEqual(Buffer.from('xy\0\0'));
    await file.close();
  });

  it.each([0, 1, 4096, 5000, 256 * 1024, 600_001, 1024 * 1024])(
    'streams a file of %d bytes, each piece over the one before',
    async (bytes) => {
      const path = join(folder, 'f');
      const data = Buffer.from(Uint8Array.from({ length: bytes }, (_, at) => (at * 31 + (at >> 12)) & 0xff));
      const file = await disk.open(path, 'create');
      await file.write(0, data);
      await file.close();
      const pieces: Buffer[] = [];
      const seen: Buffer[] = [];
      for await (const piece of disk.stream(path)) {
        seen.push(Buffer.from(piece));
        pieces.push(piece);
      }
      expect(Buffer.concat(seen).equals(data)).toBe(true);
      expect(new Set(pieces.map((piece) => piece.buffer)).size).toBeLessThanOrEqual(1);
    },
  );

  it('closes a file whose stream is left early, and knows one that is missing', async () => {
    const path = join(folder, 'f');
    const file = await disk.open(path, 'create');
    await file.write(0, Buffer.alloc(1024 * 1024, 1));
    await file.close();
    const openFiles = async () =>
      (
        await Promise.all(
          (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
        )
      ).filter((target) => target === path).length;
    for await (const _ of disk.stream(path)) {
      expect(await openFiles()).toBe(1);
      break;
    }
    expect(await openFiles()).toBe(0);
    await expect(disk.stream(join(folder, 'none')).next()).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('makes files and folders that nobody else may read', async () => {
    await disk.makeFolder(join(folder, 'a/b'));
    await (await disk.open(join(folder, 'a/b/f'), 'create')).close();
    expect((await stat(join(folder, 'a'))).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, 'a/b/f'))).mode & 0o777).toBe(0o600);
    await disk.makeFolder(join(folder, 'a/b'));
  });

  it('create refuses a file that exists; read and write one that is missing', async () => {
    await (await disk.open(join(folder, 'f'), 'create')).close();
    await expect(disk.open(join(folder, 'f'), 'create')).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(disk.open(join(folder, 'g'), 'read')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(disk.open(join(folder, 'g'), 'write')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('lists sorted, renames, removes whole folders and what is missing', async () => {
    for (const name of ['b', 'a', 'c']) await (await disk.open(join(folder, name), 'create')).close();
    await disk.rename(join(folder, 'c'), join(folder, 'a'));
    expect(await disk.list(folder)).toEqual(['a', 'b']);
    await disk.syncFolder(folder);
    await disk.makeFolder(join(folder, 'd/e'));
    await disk.remove(join(folder, 'd'));
    await disk.remove(join(folder, 'd'));
    expect(await disk.list(folder)).toEqual(['a', 'b']);
  });

  it('knows what exists, also below something that is no folder', async () => {
    await (await disk.open(join(folder, 'f'), 'create')).close();
    expect(await disk.exists(join(folder, 'f'))).toBe(true);
    expect(await disk.exists(join(folder, 'g'))).toBe(false);
    expect(await disk.exists(join(folder, 'f/g'))).toBe(false);
  });
});

describe('NodeClock', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const clock = new NodeClock();
  const DAY_MS = 86_400_000;

  it('runs a task once, after its delay; not when cancelled', () => {
    const ran: string[] = [];
    clock.schedule(100, () => ran.push('a'));
    const cancelled = clock.schedule(100, () => ran.push('b'));
    cancelled.cancel();
    vi.advanceTimersByTime(99);
    expect(ran).toEqual([]);
    vi.advanceTimersByTime(1000);
    expect(ran).toEqual(['a']);
    cancelled.cancel();
  });

  it('keeps delays longer than a Node timer takes', () => {
    let ran = 0;
    clock.schedule(60 * DAY_MS, () => ran++);
    const cancelled = clock.schedule(60 * DAY_MS, () => ran++);
    vi.advanceTimersByTime(30 * DAY_MS);
    cancelled.cancel();
    vi.advanceTimersByTime(30 * DAY_MS - 1);
    expect(ran).toBe(0);
    vi.advanceTimersByTime(1);
    expect(ran).toBe(1);
  });

  it('never falls', () => {
    vi.useRealTimers();
    let last = clock.monotonicMs();
    for (let count = 0; count < 1000; count++) {
      const now = clock.monotonicMs();
      expect(now).toBeGreaterThanOrEqual(last);
      last = now;
    }
    expect(Math.abs(clock.wallMs() - Date.now())).toBeLessThan(1000);
  });

  it('yield lets what is due have its turn', async () => {
    vi.useRealTimers();
    const order: string[] = [];
    setImmediate(() => order.push('due'));
    await clock.yield();
    order.push('after');
    expect(order).toEqual(['due', 'after']);
  });
});

describe('NodeRandom', () => {
  it('stays in its ranges and does not repeat', () => {
    const random = new NodeRandom();
    const seen = new Set<number>();
    for (let count = 0; count < 1000; count++) {
      const value = random.uint32();
      expect(Number.isInteger(value) && value >= 0 && value < 2 ** 32).toBe(true);
      seen.add(value);
      const float = random.float();
      expect(float >= 0 && float < 1).toBe(true);
    }
    expect(seen.size).toBeGreaterThan(990);
  });
});
