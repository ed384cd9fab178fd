import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readFile } from '../../../src/io/disk.js';
import type { Entry } from '../../../src/proto/generated/raft.js';
import type { Wal } from '../../../src/wal/wal.js';
import { VirtualClock } from '../../sim/clock.js';
import type { SimDisk } from '../../sim/disk.js';
import { createLog, entries, entry, FOLDER, machine, openLog, SEGMENT, state } from './log.js';

const ALL = Number.MAX_SAFE_INTEGER;

/** Reads on until `high`, as a member does; every read brings one entry at least. */
async function readAll(wal: Wal, low: number, high: number, maxBytes: number): Promise<Entry[]> {
  const found: Entry[] = [];
  while (low + found.length < high) {
    const page = await wal.read(low + found.length, high, maxBytes);
    expect(page.length).toBeGreaterThan(0);
    found.push(...page);
  }
  return found;
}

async function longLog(disk: SimDisk, count = 200): Promise<Wal> {
  const wal = await createLog(disk);
  for (let index = 1; index <= count; index++) await wal.append([entry(index)], state(1, index - 1));
  return wal;
}

describe('Wal.read', () => {
  it('gives any stretch of the log, over the ends of segments, before and after a restart', async () => {
    const disk = await machine();
    let wal = await longLog(disk);
    expect(wal.segments.length).toBeGreaterThan(3);
    for (let life = 0; life < 2; life++) {
      expect(await readAll(wal, 1, 201, ALL)).toEqual(entries(1, 200));
      for (const [low, high] of [
        [1, 2],
        [17, 90],
        [200, 201],
      ] as const) {
        expect(await readAll(wal, low, high, 300)).toEqual(entries(low, high - 1));
      }
      expect([wal.firstIndex, wal.term(0), wal.term(1), wal.term(200), wal.term(201)]).toEqual([
        1,
        0,
        1,
        1,
        undefined,
      ]);
      await wal.close();
      // Whatever the state has applied, all that is retained can be read.
      ({ wal } = await openLog(disk, 200));
    }
  });

  it('brings at least one entry and otherwise no more bytes of the log than asked for', async () => {
    const wal = await createLog(await machine());
    await wal.append(entries(1, 20, 1, 100), undefined);
    expect(await wal.read(1, 21, 0)).toEqual(entries(1, 1, 1, 100));
    const some = await wal.read(3, 21, 500);
    expect(some.length).toBeGreaterThanOrEqual(2);
    expect(some.length).toBeLessThanOrEqual(5);
  });

  it('reads an entry larger than a segment', async () => {
    const wal = await createLog(await machine());
    const log = [entry(1), entry(2, 1, 5 * SEGMENT), entry(3)];
    for (const one of log) await wal.append([one], undefined);
    expect(await readAll(wal, 1, 4, 1000)).toEqual(log);
  });

  it('never gives an entry that another has replaced', async () => {
    const disk = await machine();
    let wal = await createLog(disk);
    await wal.append(entries(1, 9, 1, 300), undefined);
    await wal.append(entries(10, 18, 1, 300), undefined);
    await wal.append(entries(4, 12, 2, 200), undefined);
    await wal.append(entries(12, 13, 3), undefined);
    const log = [...entries(1, 3, 1, 300), ...entries(4, 11, 2, 200), ...entries(12, 13, 3)];
    for (let life = 0; life < 2; life++) {
      expect(await readAll(wal, 1, 14, 700)).toEqual(log);
      expect([3, 4, 11, 12].map((index) => wal.term(index))).toEqual([1, 2, 2, 3]);
      await wal.close();
      ({ wal } = await openLog(disk, 13));
    }
  });

  it('an entry that replaces the first of a segment leaves the end of the one before as it was', async () => {
    const disk = await machine();
    let wal = await createLog(disk);
    let last = 0;
    while (wal.segments.length < 3) await wal.append([entry(++last, 1, 600)], undefined);
    const log = [...entries(1, last - 1, 1, 600), entry(last, 2, 600)];
    await wal.append([entry(last, 2, 600)], undefined);
    for (let life = 0; life < 2; life++) {
      expect(await wal.read(last - 1, last, ALL)).toEqual([entry(last - 1, 1, 600)]);
      expect(await readAll(wal, 1, last + 1, 1500)).toEqual(log);
      await wal.close();
      ({ wal } = await openLog(disk, last));
    }
  });

  it('reaches back to entries that lie in a segment named after a later one', async () => {
    const disk = await machine();
    const wal = await createLog(disk);
    let last = 0;
    while (wal.segments.length < 2) await wal.append([entry(++last, 1, 600)], undefined);
    // The second segment is named after `last`, and now begins anew before it.
    const from = last - 2;
    await wal.append(entries(from, last, 2), undefined);
    await wal.release(last);
    expect([wal.segments.length, wal.firstIndex]).toEqual([1, from]);
    await wal.close();
    const { wal: again, contents } = await openLog(disk, from - 1);
    expect(contents.entries).toEqual(entries(from, last, 2));
    expect(again.firstIndex).toBe(from);
    expect(await readAll(again, from, last + 1, ALL)).toEqual(entries(from, last, 2));
  });

  it('does not read what lies before a snapshot in its segment', async () => {
    const disk = await machine();
    const wal = await createLog(disk, new VirtualClock(), 64 * 1024);
    await wal.append(entries(1, 100, 1, 400), undefined);
    await wal.saveSnapshot({ index: 500, term: 3, confState: undefined });
    await wal.append(entries(501, 501, 3), undefined);
    let bytes = 0;
    const open = disk.open.bind(disk);
    disk.open = async (path, how) => {
      const file = await open(path, how);
      const read = (position: number, length: number) => {
        bytes += length;
        return file.read(position, length);
      };
      return { ...file, read };
    };
    expect(await wal.read(501, 502, ALL)).toEqual(entries(501, 501, 3));
    expect(bytes).toBeLessThan(1000);
  });

  it('begins behind an installed snapshot, whose term it knows', async () => {
    const disk = await machine();
    let wal = await createLog(disk);
    await wal.append(entries(1, 5), undefined);
    await wal.saveSnapshot({ index: 100, term: 3, confState: undefined }, state(3, 100));
    await wal.append(entries(101, 103, 3), undefined);
    for (let life = 0; life < 2; life++) {
      expect([wal.firstIndex, wal.term(100), wal.term(99)]).toEqual([101, 3, undefined]);
      expect(await readAll(wal, 101, 104, 100)).toEqual(entries(101, 103, 3));
      await wal.close();
      ({ wal } = await openLog(disk, 100));
    }
  });

  it('a snapshot never leaves a commit index past the end of the log', async () => {
    const disk = await machine();
    const wal = await createLog(disk);
    await wal.saveSnapshot({ index: 100, term: 3, confState: undefined }, state(3, 102));
    await wal.close();
    expect((await openLog(disk, 100)).contents.hardState).toEqual(state(3, 100));
  });

  it('gives up with a segment what that held, and knows the term before the rest', async () => {
    const disk = await machine();
    const wal = await createLog(disk);
    for (let index = 1; index <= 200; index++)
      await wal.append([entry(index, index < 100 ? 1 : 2)], undefined);
    await wal.release(120);
    const first = wal.firstIndex;
    expect(first).toBeGreaterThan(60);
    expect(first).toBeLessThanOrEqual(121);
    expect(wal.term(first - 1)).toBe(first - 1 < 100 ? 1 : 2);
    expect(wal.term(first - 2)).toBeUndefined();
    expect(() => wal.read(first - 1, first, ALL)).toThrow('of a log of');
    expect(await readAll(wal, first, 201, ALL)).toHaveLength(201 - first);
    await wal.close();
    const { wal: again } = await openLog(disk, 200);
    expect([again.firstIndex, again.term(first - 1)]).toEqual([first, undefined]);
    expect(await readAll(again, first, 201, 999)).toHaveLength(201 - first);
  });

  it('runs while entries are appended and replaced, and segments released', async () => {
    const disk = await machine();
    const wal = await longLog(disk, 100);
    const reads: { low: number; read: Promise<Entry[]> }[] = [];
    for (let index = 101; index <= 200; index++) {
      const low = Math.max(wal.firstIndex, index - 60);
      reads.push({ low, read: wal.read(low, index, 2000) });
      const appending = wal.append([entry(index)], undefined);
      const releasing = wal.release(index - 50);
      await appending;
      await releasing;
    }
    for (const { low, read } of reads) {
      const found = await read;
      expect(found).toEqual(entries(low, low + found.length - 1));
    }
    expect(wal.segments.length).toBeLessThan(6);
  });

  it('a segment that is being read is deleted once that has ended', async () => {
    const disk = await machine();
    const wal = await longLog(disk);
    const [oldest] = wal.segments as [string];
    // Over three segments, so that the later ones are opened after the release began.
    const reading = wal.read(1, 120, ALL);
    const releasing = wal.release(150);
    expect(wal.firstIndex).toBeGreaterThan(20);
    expect(await reading).toEqual(entries(1, 119));
    await releasing;
    expect(await disk.list(FOLDER)).not.toContain(oldest);
  });

  it('refuses what was damaged on the disk meanwhile, with file and byte: wal_corrupt', async () => {
    const disk = await machine();
    const wal = await longLog(disk, 60);
    const [name] = wal.segments as [string];
    const path = `${FOLDER}/${name}`;
    const bytes = await readFile(disk, path);
    const file = await disk.open(path, 'write');
    const count = (await wal.read(1, 61, SEGMENT)).length;
    for (let at = 200; at < SEGMENT - 400; at += 37) {
      await file.write(at, Buffer.from([(bytes[at] as number) ^ 0x10]));
      const found = await wal.read(1, 1 + count, SEGMENT).catch((error: unknown) => error);
      // Some bytes lie behind the last record of the segment.
      if (Array.isArray(found)) expect(found).toEqual(entries(1, found.length));
      else expect(found).toMatchObject({ code: 'wal_corrupt', message: expect.stringContaining(path) });
      if (at < SEGMENT / 2) expect(found).not.toBeInstanceOf(Array);
      await file.write(at, bytes.subarray(at, at + 1));
    }
    await file.close();
    expect(await wal.read(1, 1 + count, SEGMENT)).toEqual(entries(1, count));
  });

  it('a frame whose CRC was damaged together with its data is refused by the next one', async () => {
    const disk = await machine();
    const wal = await longLog(disk, 20);
    const path = `${FOLDER}/${wal.segments[0]}`;
    const bytes = await readFile(disk, path);
    // The frame before entry 10's is only there to say with which CRC the chain goes on.
    const seed = bytes.lastIndexOf('1/9;') - 60;
    const file = await disk.open(path, 'write');
    let refused = 0;
    for (let at = seed; at < seed + 24; at++) {
      await file.write(at, Buffer.from([(bytes[at] as number) ^ 0x01]));
      const found = await wal.read(10, 11, ALL).catch((error: unknown) => error);
      if (Array.isArray(found)) expect(found).toEqual([entry(10)]);
      else {
        refused++;
        expect(found).toMatchObject({ code: 'wal_corrupt' });
      }
      await file.write(at, bytes.subarray(at, at + 1));
    }
    expect(refused).toBeGreaterThan(5);
  });

  it('a missing segment, and a closed log, are refused', async () => {
    const disk = await machine();
    const wal = await longLog(disk);
    await disk.remove(`${FOLDER}/${wal.segments[0]}`);
    await expect(wal.read(1, 5, ALL)).rejects.toMatchObject({ code: 'disk' });
    const reading = wal.read(190, 200, ALL).catch((error: unknown) => error);
    await wal.close();
    const ended = await reading;
    if (!Array.isArray(ended)) expect(ended).toMatchObject({ code: 'cancelled' });
    await expect(wal.read(190, 200, ALL)).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('whatever was appended, replaced, released and reopened, it gives back the log', async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('append' as const),
        count: fc.integer({ min: 1, max: 8 }),
        back: fc.nat(6),
        bytes: fc.oneof(fc.nat(80), fc.integer({ min: 500, max: 3000 })),
      }),
      fc.record({ kind: fc.constant('reopen' as const) }),
      fc.record({ kind: fc.constant('release' as const), behind: fc.nat(20) }),
      fc.record({ kind: fc.constant('snapshot' as const), ahead: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ kind: fc.constant('read' as const), from: fc.nat(30), maxBytes: fc.nat(6000) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const disk = await machine();
        let wal = await createLog(disk);
        const log: (Entry | undefined)[] = [undefined];
        let term = 1;
        let applied = 0;
        for (const each of steps) {
          const last = wal.lastIndex;
          if (each.kind === 'append') {
            const from = Math.max(last - each.back, applied) + 1;
            if (from <= last) term++;
            const added = entries(from, from + each.count - 1, term, each.bytes);
            await wal.append(added, undefined);
            log.length = from;
            log.push(...added);
          } else if (each.kind === 'release') {
            applied = Math.max(applied, last - each.behind);
            await wal.release(applied);
          } else if (each.kind === 'snapshot') {
            applied = last + each.ahead;
            await wal.saveSnapshot({ index: applied, term: ++term, confState: undefined });
            log.length = applied + 1;
          } else if (each.kind === 'reopen') {
            await wal.close();
            ({ wal } = await openLog(disk, applied));
          }
          expect(wal.lastIndex).toBe(log.length - 1);
          expect(wal.firstIndex).toBeLessThanOrEqual(applied + 1);
          const low =
            each.kind === 'read' ? Math.max(wal.firstIndex, wal.lastIndex - each.from) : wal.firstIndex;
          const found = await readAll(wal, low, log.length, each.kind === 'read' ? each.maxBytes : 2500);
          expect(found).toEqual(log.slice(low));
          for (let index = wal.firstIndex; index < log.length; index++) {
            expect(wal.term(index)).toBe(log[index]?.term);
          }
        }
        await wal.close();
      }),
      { numRuns: 60 },
    );
  });
});
