import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AssertionError } from '../../../src/base/assert.js';
import { readFile } from '../../../src/io/disk.js';
import type { Entry, HardState } from '../../../src/proto/generated/raft.js';
import { Metadata } from '../../../src/proto/generated/wal.js';
import { Encoder } from '../../../src/wal/encoder.js';
import { segmentName } from '../../../src/wal/segment.js';
import { WAL_FORMAT } from '../../../src/wal/types.js';
import { Wal } from '../../../src/wal/wal.js';
import { VirtualClock } from '../../sim/clock.js';
import { createLog, entries, entry, FOLDER, METADATA, machine, openLog, SEGMENT, state } from './log.js';

/** Every promise chain that can go on has gone on. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('Wal', () => {
  it('gives back what was appended, after any index', async () => {
    const disk = await machine();
    const wal = await createLog(disk);
    await wal.append(entries(1, 3), state(1, 0));
    await wal.append(entries(4, 4), undefined);
    await wal.append([], state(2, 3, 7n));
    await wal.close();
    for (const after of [0, 2, 4, 9]) {
      const { wal: again, contents } = await openLog(disk, after);
      expect(contents).toEqual({
        metadata: { ...METADATA, format: WAL_FORMAT },
        hardState: state(2, 3, 7n),
        entries: entries(1, 4).slice(after),
        snapshot: undefined,
        tornBytes: 0,
      });
      expect(again.lastIndex).toBe(4);
      await again.close();
    }
  });

  it('encodes a large batch in slices, between which others have their turn; a close in between lets it end', async () => {
    const disk = await machine();
    let breaths = 0;
    let breathe = (): void => {};
    const held = new Promise<void>((resolve) => (breathe = resolve));
    const yielding = { yield: () => (breaths++ === 2 ? held : Promise.resolve()) };
    const wal = await createLog(disk, Object.assign(new VirtualClock(), yielding), 4 * 1024 * 1024);
    await wal.append(entries(1, 100, 1, 1000), state(1, 0));
    expect(breaths).toBe(0);
    const appending = wal.append(entries(101, 1000, 1, 1000), state(1, 100));
    await turn();
    expect(breaths).toBe(3);
    expect(wal.lastIndex).toBe(100);
    const closing = wal.close();
    breathe();
    await appending;
    await closing;
    expect(breaths).toBe(7);
    const { contents } = await openLog(disk);
    expect(contents.entries).toEqual(entries(1, 1000, 1, 1000));
    expect(contents.hardState).toEqual(state(1, 100));
  });

  it('goes on where it ended: appends after a reopen continue the chain', async () => {
    const disk = await machine();
    let wal = await createLog(disk);
    for (let index = 1; index <= 300; index++) {
      await wal.append([entry(index)], state(1, index));
      if (index % 17 === 0) {
        await wal.close();
        ({ wal } = await openLog(disk, index));
      }
    }
    await wal.close();
    const { contents } = await openLog(disk);
    expect(contents.entries).toEqual(entries(1, 300));
    expect(contents.hardState).toEqual(state(1, 300));
  });

  it('a later entry replaces those from its index on', async () => {
    const disk = await machine();
    const wal = await createLog(disk);
    await wal.append(entries(1, 5, 1), undefined);
    await wal.append(entries(3, 4, 2), undefined);
    await wal.close();
    const { contents } = await openLog(disk, 1);
    expect(contents.entries).toEqual([...entries(2, 2, 1), ...entries(3, 4, 2)]);
  });

  it('cuts into segments named by sequence and first index, and repeats the hard state in each', async () => {
    const disk = await machine();
    const wal = await createLog(disk);
    await wal.append(entries(1, 1), state(3, 0, 9n));
    for (let index = 2; index <= 200; index++) await wal.append([entry(index)], undefined);
    expect(wal.segments[0]).toBe('0000000000000000-0000000000000000.wal');
    expect(wal.segments.length).toBeGreaterThan(2);
    await wal.release(100);
    const [first] = wal.segments as [string];
    const firstIndex = Number.parseInt(first.slice(17, 33), 16);
    expect(firstIndex).toBeGreaterThan(1);
    expect(firstIndex).toBeLessThanOrEqual(101);
    await wal.close();
    const { contents } = await openLog(disk, 100);
    expect(contents.hardState).toEqual(state(3, 0, 9n));
    expect(contents.entries).toEqual(entries(101, 200));
  });

  it('never grows a segment: a batch too large for one gets a larger one', async () => {
    const disk = await machine();
    const wal = await createLog(disk);
    const sizes = new Map<string, number>();
    const batches = [
      entries(1, 1),
      entries(2, 4, 1, SEGMENT),
      entries(5, 5),
      entries(6, 40, 1, 300),
      entries(41, 41),
    ];
    for (const batch of batches) {
      await wal.append(batch, undefined);
      for (const name of wal.segments) {
        const { length } = await readFile(disk, `${FOLDER}/${name}`);
        expect(length).toBe(sizes.get(name) ?? length);
        sizes.set(name, length);
      }
    }
    expect(Math.max(...sizes.values())).toBeGreaterThan(3 * SEGMENT);
    await wal.close();
    const { contents } = await openLog(disk);
    expect(contents.entries).toEqual(batches.flat());
  });

  it('makes the next segment ready before it is needed', async () => {
    const disk = await machine();
    const wal = await createLog(disk);
    await wal.append(entries(1, 1, 1, SEGMENT / 2), undefined);
    await turn();
    expect(await disk.list(FOLDER)).toContain('0000000000000001.tmp');
    await wal.close();
    await openLog(disk);
    await turn();
    // The stage left behind was removed, and made again since the segment is half full.
    expect(await disk.list(FOLDER)).toContain('0000000000000001.tmp');
  });

  it('every batch is durable when it resolves, a commit alone too; nothing to write costs nothing', async () => {
    const disk = await machine();
    const synced: number[] = [];
    const clock = new VirtualClock();
    const wal = await Wal.create(disk, FOLDER, METADATA, {
      clock,
      segmentBytes: SEGMENT,
      onSync: (ms) => synced.push(ms),
    });
    await wal.append([], state(1, 0));
    expect(synced).toEqual([0]);
    await wal.append([], state(1, 5));
    await wal.append([], state(1, 5));
    await wal.append([], undefined);
    expect(synced).toHaveLength(2);
    await wal.append([], state(1, 5, 2n));
    await wal.append([entry(1)], undefined);
    expect(synced).toHaveLength(4);
    const { contents } = await openLog(disk.losePower());
    expect(contents).toMatchObject({ hardState: state(1, 5, 2n), entries: [entry(1)] });
  });

  it('takes one write at a time, in order', async () => {
    const wal = await createLog(await machine());
    const first = wal.append([entry(1)], undefined);
    expect(() => wal.append([entry(2)], undefined)).toThrow(AssertionError);
    await first;
    await expect(wal.append([entry(3)], undefined)).rejects.toThrow(AssertionError);
    await expect(wal.append([entry(2), entry(4)], undefined)).rejects.toThrow(AssertionError);
    await wal.append([entry(2)], undefined);
  });

  it('refuses to make a log where there is one', async () => {
    const disk = await machine();
    await (await createLog(disk)).close();
    await expect(createLog(disk)).rejects.toMatchObject({ code: 'data_folder' });
  });

  it('refuses a folder without a log, and a newer format', async () => {
    const disk = await machine();
    await disk.makeFolder(FOLDER);
    await expect(openLog(disk)).rejects.toMatchObject({ code: 'data_folder' });
    const encoder = new Encoder(0);
    encoder.addCrc();
    encoder.addMetadata(Metadata.encode({ ...METADATA, format: WAL_FORMAT + 1 }).finish());
    const file = await disk.open(`${FOLDER}/${segmentName(0, 0)}`, 'create');
    await file.write(0, encoder.batch);
    await file.close();
    await expect(openLog(disk)).rejects.toMatchObject({
      code: 'data_folder',
      message: expect.stringContaining('newer version'),
    });
  });
});

describe('Wal.saveSnapshot', () => {
  const snapshot = (index: number, term: number) => ({
    index,
    term,
    confState: { voters: [1n, 2n], learners: [] },
  });

  it('an installed snapshot: the log goes on after it, and what it held is void', async () => {
    const disk = await machine();
    const wal = await createLog(disk);
    await wal.append(entries(1, 5), state(1, 2));
    await wal.saveSnapshot(snapshot(100, 3), state(3, 100));
    await wal.append(entries(101, 102, 3), undefined);
    await wal.close();
    for (const after of [2, 100]) {
      const { contents } = await openLog(disk, after);
      expect(contents.snapshot).toEqual(snapshot(100, 3));
      expect(contents.hardState).toEqual(state(3, 100));
      expect(contents.entries).toEqual(entries(101, 102, 3));
    }
  });

  it('one below the end of a log of another history voids the rest of that log', async () => {
    const disk = await machine();
    const wal = await createLog(disk);
    await wal.append(entries(1, 9, 1), undefined);
    await wal.saveSnapshot(snapshot(5, 2), state(2, 5));
    await wal.close();
    const { wal: again, contents } = await openLog(disk, 5);
    expect(contents.entries).toEqual([]);
    expect(again.lastIndex).toBe(5);
    await again.append(entries(6, 6, 2), undefined);
    await again.close();
    expect((await openLog(disk, 5)).contents.entries).toEqual(entries(6, 6, 2));
  });

  it('one of the log itself leaves the entries after it', async () => {
    const disk = await machine();
    const wal = await createLog(disk);
    await wal.append(entries(1, 9, 1), undefined);
    await wal.saveSnapshot(snapshot(5, 1));
    await wal.close();
    expect((await openLog(disk, 5)).contents.entries).toEqual(entries(6, 9));
    expect((await openLog(disk, 3)).contents.entries).toEqual(entries(4, 9));
  });
});

describe('Wal.release', () => {
  it('never deletes a segment with an entry above the index, nor the last one', async () => {
    const disk = await machine();
    const wal = await createLog(disk);
    for (let index = 1; index <= 200; index++) await wal.append([entry(index)], undefined);
    for (const index of [10, 50, 51, 150, 199, 200, 10_000]) {
      await wal.release(index);
      const first = Number.parseInt((wal.segments[0] as string).slice(17, 33), 16);
      expect(first).toBeLessThanOrEqual(index + 1);
      expect((await disk.list(FOLDER)).filter((name) => name.endsWith('.wal'))).toEqual([...wal.segments]);
    }
    expect(wal.segments).toHaveLength(1);
    await wal.append(entries(201, 201), undefined);
    await wal.close();
    const last = Number.parseInt((wal.segments[0] as string).slice(17, 33), 16);
    const { contents } = await openLog(disk, last - 1);
    expect(contents.entries).toEqual(entries(last, 201));
    // A state behind what was deleted is told so, rather than given a log with a hole.
    await expect(openLog(disk, last - 2)).rejects.toMatchObject({ code: 'wal_corrupt' });
  });

  it('runs while entries are appended', async () => {
    const disk = await machine();
    const wal = await createLog(disk);
    const releases: Promise<void>[] = [];
    for (let index = 1; index <= 200; index++) {
      const appending = wal.append([entry(index)], undefined);
      releases.push(wal.release(index - 10));
      await appending;
    }
    await Promise.all(releases);
    await wal.close();
    expect((await openLog(disk, 190)).contents.entries).toEqual(entries(191, 200));
  });
});

describe('a Wal of random batches', () => {
  it('gives back exactly the log that the batches make', async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('append' as const),
        count: fc.integer({ min: 0, max: 8 }),
        back: fc.nat(4),
        bytes: fc.oneof(fc.nat(80), fc.integer({ min: 500, max: 3000 })),
        commit: fc.boolean(),
      }),
      fc.record({ kind: fc.constant('reopen' as const) }),
      fc.record({ kind: fc.constant('release' as const), behind: fc.nat(20) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const disk = await machine();
        let wal = await createLog(disk);
        let log: Entry[] = [];
        let hardState: HardState | undefined;
        let term = 1;
        let applied = 0;
        for (const each of steps) {
          if (each.kind === 'append') {
            const from = Math.max(log.length - each.back, applied) + 1;
            if (from <= log.length) term++;
            const added = entries(from, from + each.count - 1, term, each.bytes);
            const next = each.commit ? state(term, log.length) : undefined;
            await wal.append(added, next);
            if (added.length > 0) log = [...log.slice(0, from - 1), ...added];
            hardState = next ?? hardState;
          } else if (each.kind === 'release') {
            applied = Math.max(applied, log.length - each.behind);
            await wal.release(applied);
          } else {
            await wal.close();
            const { wal: again, contents } = await openLog(disk, applied);
            expect(contents.entries).toEqual(log.slice(applied));
            expect(contents.hardState).toEqual(hardState);
            wal = again;
          }
        }
        await wal.close();
        const { contents } = await openLog(disk, applied);
        expect(contents.entries).toEqual(log.slice(applied));
        expect(contents.hardState).toEqual(hardState);
      }),
      { numRuns: 100 },
    );
  });
});
