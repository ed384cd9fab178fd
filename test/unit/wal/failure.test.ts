import { describe, expect, it } from 'vitest';
import { Wal } from '../../../src/wal/wal.js';
import { VirtualClock } from '../../sim/clock.js';
import { createLog, entries, entry, FOLDER, METADATA, machine, openLog, SEGMENT } from './log.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a Wal on a bad disk', () => {
  for (const operation of ['write', 'sync'] as const) {
    it(`a failed ${operation} is final: every later call rejects with the same error`, async () => {
      const disk = await machine();
      const wal = await createLog(disk);
      await wal.append([entry(1)], undefined);
      disk.failWhen((step) => (step.operation === operation ? 'EIO' : undefined));
      const failed = wal.append([entry(2)], undefined);
      await expect(failed).rejects.toMatchObject({
        code: 'disk',
        message: expect.stringContaining(`${FOLDER}/0000000000000000-0000000000000000.wal`),
      });
      disk.failWhen(undefined);
      const error = await failed.catch((reason: unknown) => reason);
      expect(wal.failure).toBe(error);
      await expect(wal.append([entry(2)], undefined)).rejects.toBe(error);
      await expect(wal.saveSnapshot({ index: 1, term: 1, confState: undefined })).rejects.toBe(error);
      await wal.close();
      expect((await openLog(disk)).contents.entries[0]).toEqual(entry(1));
    });
  }

  it('a full disk in a batch is as final as any other failure', async () => {
    const disk = await machine();
    const wal = await createLog(disk);
    disk.failWhen((step) => (step.operation === 'write' ? 'ENOSPC' : undefined));
    await expect(wal.append([entry(1)], undefined)).rejects.toMatchObject({ code: 'disk' });
    disk.failWhen(undefined);
    await expect(wal.append([entry(1)], undefined)).rejects.toMatchObject({ code: 'disk' });
  });

  it('an error other than a full disk while the next segment is made is final', async () => {
    const disk = await machine();
    const wal = await createLog(disk);
    disk.failWhen((step) => (step.operation === 'create' ? 'EIO' : undefined));
    await wal.append(entries(1, 1, 1, SEGMENT / 2), undefined);
    await turn();
    await expect(wal.append([entry(2)], undefined)).rejects.toMatchObject({ code: 'disk' });
  });

  it('a log is not made on a full disk', async () => {
    const disk = await machine();
    disk.setCapacity(SEGMENT / 2);
    await expect(createLog(disk)).rejects.toMatchObject({ code: 'disk' });
    expect(await disk.list(FOLDER)).toEqual([]);
  });
});

describe('a Wal on a full disk', () => {
  it('goes on in the segment it has, holds the batch that needs the next one, and writes it once there is room', async () => {
    const disk = await machine();
    const clock = new VirtualClock();
    const told: boolean[] = [];
    const wal = await Wal.create(disk, FOLDER, METADATA, {
      clock,
      segmentBytes: SEGMENT,
      onDiskFull: (full) => told.push(full),
    });
    disk.setCapacity(SEGMENT + 1000);
    await wal.append(entries(1, 1, 1, 2500), undefined);
    await turn();
    expect(told).toEqual([true]);
    expect(wal.diskFull).toBe(true);
    // What half of a segment would take is given back.
    expect(disk.used).toBe(SEGMENT);
    await wal.append([entry(2)], undefined);

    let done = false;
    const waiting = wal.append(entries(3, 3, 1, 2500), undefined).then(() => {
      done = true;
    });
    await clock.advance(60_000);
    expect(done).toBe(false);
    disk.setCapacity(3 * SEGMENT);
    await clock.advance(5_000);
    await waiting;
    expect(told).toEqual([true, false]);
    expect(wal.diskFull).toBe(false);
    await wal.append([entry(4)], undefined);
    await wal.close();
    const { contents } = await openLog(disk);
    expect(contents.entries.map(({ index }) => index)).toEqual([1, 2, 3, 4]);
  });

  it('tries again less and less often, at most every five seconds', async () => {
    const disk = await machine();
    const clock = new VirtualClock();
    const wal = await createLog(disk, clock);
    const tries: number[] = [];
    disk.failWhen((step) => {
      if (step.operation !== 'create') return undefined;
      tries.push(clock.monotonicMs());
      return 'ENOSPC';
    });
    await wal.append(entries(1, 1, 1, 2500), undefined);
    await clock.advance(30_000);
    const pauses = tries.slice(1).map((at, index) => at - (tries[index] as number));
    expect(pauses.slice(0, 4)).toEqual([100, 200, 400, 800]);
    expect(Math.max(...pauses)).toBe(5_000);
    await wal.close();
  });

  it('closing cancels the batch that waits, and loses nothing else', async () => {
    const disk = await machine();
    const wal = await createLog(disk);
    disk.setCapacity(SEGMENT + 1000);
    await wal.append(entries(1, 1, 1, 2500), undefined);
    const waiting = wal.append(entries(2, 2, 1, 2500), undefined);
    await turn();
    const closing = wal.close();
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
    await closing;
    await expect(wal.append([entry(2)], undefined)).rejects.toMatchObject({ code: 'cancelled' });
    expect((await openLog(disk)).contents.entries).toHaveLength(1);
  });
});
