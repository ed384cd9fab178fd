import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemberLog } from '../../../src/member/log-storage.js';
import type { Entry } from '../../../src/proto/generated/raft.js';
import { ENTRY_OVERHEAD_BYTES } from '../../../src/raft/memory-storage.js';
import type { Wal } from '../../../src/wal/wal.js';
import { createLog, entries, entry, machine, openLog, state } from '../wal/log.js';

const ALL = Number.MAX_SAFE_INTEGER;
const EACH = 40 + ENTRY_OVERHEAD_BYTES;

/** What a member's log has told its owner. */
interface Told {
  fetched: number;
  readonly failures: Error[];
}

function memberLog(
  wal: ConstructorParameters<typeof MemberLog>[0]['wal'],
  base: { index: number; term: number },
  held: readonly Entry[],
  maxBytes = 10 * EACH,
): { log: MemberLog; told: Told } {
  const told: Told = { fetched: 0, failures: [] };
  const log = new MemberLog({
    wal,
    base,
    entries: held,
    maxBytes,
    pageBytes: 4000,
    snapshot: () => undefined,
    fetched: () => {
      told.fetched++;
    },
    failed: (error) => told.failures.push(error),
  });
  return { log, told };
}

/** A log of so many entries, all applied, of which ten are in memory. */
async function grown(count: number) {
  const disk = await machine();
  const wal = await createLog(disk);
  const { log, told } = memberLog(wal, { index: 0, term: 0 }, []);
  for (let index = 1; index <= count; index++) {
    await wal.append([entry(index)], state(1, index));
    log.append([entry(index)]);
  }
  log.trim(count);
  return { disk, wal, log, told };
}

/** Asks until the entries are there, as raft does. */
async function fetch(
  log: MemberLog,
  told: Told,
  low: number,
  high: number,
  maxBytes = ALL,
): Promise<Entry[]> {
  for (let asked = 0; asked < 10; asked++) {
    const before = told.fetched;
    const found = log.entries(low, high, maxBytes);
    if (typeof found !== 'string') return [...found];
    expect(found).toBe('on disk');
    await expect.poll(() => told.fetched, { interval: 1 }).toBeGreaterThan(before);
  }
  throw new Error(`entries ${low} to ${high} never came`);
}

describe('MemberLog', () => {
  it('holds the newest entries within its bytes, and the rest is on disk', async () => {
    const { log, told } = await grown(100);
    expect(log.bytes).toBeLessThanOrEqual(10 * EACH);
    expect([log.firstIndex(), log.lastIndex(), log.term(0), log.term(1), log.term(100)]).toEqual([
      1, 100, 0, 1, 1,
    ]);
    expect(log.entries(95, 101, ALL)).toEqual(entries(95, 100));
    expect(log.entries(1, 101, ALL)).toBe('on disk');
    const found = await fetch(log, told, 1, 101);
    expect(found).toEqual(entries(1, found.length));
    expect(told.failures).toEqual([]);
  });

  it('keeps what is not applied, however large', async () => {
    const { log } = await grown(0);
    log.append(entries(1, 100));
    log.trim(30);
    expect(log.entries(31, 101, ALL)).toEqual(entries(31, 100));
    expect(log.bytes).toBe(70 * EACH);
  });

  it('gives what was read within the bounds asked for', async () => {
    const { log, told } = await grown(100);
    await fetch(log, told, 5, 80);
    expect(log.entries(6, 9, ALL)).toEqual(entries(6, 8));
    expect(log.entries(6, 80, 100)).toEqual(entries(6, 7));
    expect(log.entries(6, 80, 1)).toEqual(entries(6, 6));
  });

  it('reads a lagging follower through the whole log, page by page, in bounded memory', async () => {
    const { log, told } = await grown(2000);
    const found: Entry[] = [];
    let questions = 0;
    for (; found.length < 2000; questions++) {
      found.push(...(await fetch(log, told, found.length + 1, 2001, 100)));
      expect(log.bytes).toBeLessThan(10 * EACH + 5 * 4000 * (EACH / 40));
    }
    expect(found).toEqual(entries(1, 2000));
    // A page answers many of them.
    expect(told.fetched).toBeLessThan(questions / 10);
  });

  it('has two reads under way at most, each place read once', async () => {
    const { wal } = await grown(100);
    const asked: number[] = [];
    const ends: (() => void)[] = [];
    const slow = {
      firstIndex: 1,
      term: (index: number) => wal.term(index),
      read: (low: number) =>
        new Promise<Entry[]>((resolve) => {
          asked.push(low);
          ends.push(() => resolve(entries(low, low)));
        }),
    };
    const { log, told } = memberLog(slow, { index: 100, term: 1 }, []);
    for (const low of [1, 1, 20, 40, 60]) expect(log.entries(low, 101, ALL)).toBe('on disk');
    expect(asked).toEqual([1, 20]);
    for (const end of ends) end();
    await expect.poll(() => told.fetched).toBe(2);
    expect(log.entries(1, 101, ALL)).toEqual([entry(1)]);
    expect(log.entries(20, 101, ALL)).toEqual([entry(20)]);
    expect(log.entries(40, 101, ALL)).toBe('on disk');
    expect(asked).toEqual([1, 20, 40]);
  });

  it('after a restart reaches back to what the log on disk retains, not to what was applied', async () => {
    const { disk, wal } = await grown(200);
    await wal.close();
    const { wal: again, contents } = await openLog(disk, 190);
    const { log, told } = memberLog(again, { index: 190, term: 1 }, contents.entries);
    expect([log.firstIndex(), log.lastIndex(), log.term(0)]).toEqual([1, 200, 0]);
    const found = await fetch(log, told, 3, 201);
    expect(found).toEqual(entries(3, 2 + found.length));
  });

  it('after a restart behind released segments begins at an entry whose predecessor has a known term', async () => {
    const { disk, wal } = await grown(200);
    await wal.release(150);
    await wal.close();
    const { wal: again, contents } = await openLog(disk, 200);
    const { log, told } = memberLog(again, { index: 200, term: 1 }, contents.entries);
    const first = log.firstIndex();
    expect(first).toBe(again.firstIndex + 1);
    expect([log.term(first - 1), log.term(first - 2)]).toEqual([1, undefined]);
    expect(log.entries(first - 1, 201, ALL)).toBe('cut off');
    expect((await fetch(log, told, first, 201))[0]).toEqual(entry(first));
  });

  it('what the log on disk releases is cut off, unless it is in memory', async () => {
    const { wal, log } = await grown(200);
    await wal.release(150);
    expect(log.firstIndex()).toBe(wal.firstIndex);
    expect(log.entries(wal.firstIndex - 1, 201, ALL)).toBe('cut off');
    await wal.release(200);
    expect(wal.firstIndex).toBeGreaterThan(180);
    expect(log.firstIndex()).toBe(Math.min(191, wal.firstIndex));
    expect(log.entries(191, 201, ALL)).toEqual(entries(191, 200));
  });

  it('begins anew after a snapshot; a read of the log before that ends later does no harm', async () => {
    const { wal, log, told } = await grown(100);
    expect(log.entries(5, 101, ALL)).toBe('on disk');
    await wal.saveSnapshot({ index: 300, term: 4, confState: undefined });
    log.applySnapshot({ index: 300, term: 4, confState: undefined });
    expect([log.firstIndex(), log.lastIndex(), log.term(300), log.term(100)]).toEqual([
      301,
      300,
      4,
      undefined,
    ]);
    await expect.poll(() => told.fetched).toBe(1);
    expect(log.entries(5, 101, ALL)).toBe('cut off');
    await wal.append(entries(301, 302, 4), undefined);
    log.append(entries(301, 302, 4));
    expect(log.entries(301, 303, ALL)).toEqual(entries(301, 302, 4));
  });

  it('a read that fails is told, and tried again when raft asks again', async () => {
    const { wal } = await grown(100);
    let broken = true;
    const flaky = {
      firstIndex: 1,
      term: (index: number) => wal.term(index),
      read: (low: number, high: number, maxBytes: number) =>
        broken ? Promise.reject(new Error('EIO')) : wal.read(low, high, maxBytes),
    };
    const { log, told } = memberLog(flaky, { index: 100, term: 1 }, []);
    expect(log.entries(5, 101, ALL)).toBe('on disk');
    await expect.poll(() => told.failures.map(({ message: text }) => text)).toEqual(['EIO']);
    broken = false;
    expect((await fetch(log, told, 5, 101))[0]).toEqual(entry(5));
  });

  it('a read cut off by closing the log is no failure', async () => {
    const { wal, log, told } = await grown(100);
    await wal.close();
    expect(log.entries(5, 101, ALL)).toBe('on disk');
    await Promise.resolve();
    expect(told).toEqual({ fetched: 0, failures: [] });
  });

  it('a state of another history than the log is refused', async () => {
    const { wal } = await grown(10);
    expect(() => memberLog(wal, { index: 7, term: 9 }, [])).toThrow('not of one data folder');
  });

  it('whatever happens to it, it gives the log or says what is wrong', async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('append' as const),
        count: fc.integer({ min: 1, max: 30 }),
        back: fc.nat(5),
      }),
      fc.record({ kind: fc.constant('apply' as const), keep: fc.nat(10) }),
      fc.record({ kind: fc.constant('release' as const), behind: fc.nat(60) }),
      fc.record({ kind: fc.constant('restart' as const) }),
      fc.record({ kind: fc.constant('read' as const), behind: fc.nat(100), maxBytes: fc.nat(3000) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const disk = await machine();
        let wal: Wal = await createLog(disk);
        let { log, told } = memberLog(wal, { index: 0, term: 0 }, []);
        const model: Entry[] = [entry(0, 0)];
        let term = 1;
        let applied = 0;
        for (const each of steps) {
          const last = model.length - 1;
          if (each.kind === 'append') {
            const from = Math.max(last - each.back, applied) + 1;
            if (from <= last) term++;
            const added = entries(from, from + each.count - 1, term);
            await wal.append(added, undefined);
            log.append(added);
            model.length = from;
            model.push(...added);
          } else if (each.kind === 'apply') {
            applied = Math.max(applied, last - each.keep);
            log.trim(applied);
          } else if (each.kind === 'release') {
            await wal.release(Math.min(applied, last - each.behind));
          } else if (each.kind === 'restart') {
            await wal.close();
            const opened = await openLog(disk, applied);
            wal = opened.wal;
            const base = { index: applied, term: model[applied]?.term ?? 0 };
            ({ log, told } = memberLog(wal, base, opened.contents.entries));
          } else {
            const low = Math.max(1, last - each.behind);
            if (low > last) continue;
            if (low < log.firstIndex()) expect(log.entries(low, last + 1, ALL)).toBe('cut off');
            else {
              const found = await fetch(log, told, low, last + 1, each.maxBytes);
              expect(found).toEqual(model.slice(low, low + Math.max(1, found.length)));
            }
          }
          expect(log.firstIndex()).toBeLessThanOrEqual(applied + 1);
          for (let index = log.firstIndex() - 1; index < model.length; index++) {
            expect(log.term(index)).toBe(model[index]?.term);
          }
          // What isn't applied never has to be waited for.
          if (applied + 1 < model.length) {
            expect(log.entries(applied + 1, model.length, ALL)).toEqual(model.slice(applied + 1));
          }
        }
        await wal.close();
        expect(told.failures).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});
