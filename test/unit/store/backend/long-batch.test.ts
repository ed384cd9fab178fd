import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NodeDisk } from '../../../../src/io/node/disk.js';
import type { Write } from '../../../../src/store/backend/backend.js';
import { LmdbBackend } from '../../../../src/store/backend/lmdb.js';
import { makePlace, type Place, removePlace } from '../backends.js';

let place: Place;

beforeEach(async () => {
  place = await makePlace();
});

afterEach(() => removePlace(place));

const open = (): Promise<LmdbBackend> =>
  LmdbBackend.open({ folder: `${place.folder}/state`, quotaBytes: 2 ** 30, disk: new NodeDisk() });

const row = (at: number): Write => ({ table: 'latest', key: `k${at}`, value: Buffer.from(`v${at}`) });

it('LMDB is handed a long batch slice by slice: no turn takes more than a few', async () => {
  const backend = await open();
  let taken = 0;
  const perTurn: number[] = [];
  function* many(): Generator<Write> {
    for (let at = 0; at < 10_000; at++) {
      taken++;
      yield row(at);
    }
  }
  let isOver = false;
  const written = backend.write({ [Symbol.iterator]: many }).then(() => {
    isOver = true;
  });
  for (let before = 0; !isOver; before = taken) {
    await setImmediate();
    perTurn.push(taken - before);
  }
  await written;
  expect(taken).toBe(10_000);
  // The first one counts what was taken at the call, too.
  expect(perTurn[0]).toBeLessThan(5_000);
  expect(Math.max(...perTurn.slice(1))).toBeLessThanOrEqual(1_000);
  await backend.close();
});

it('LMDB has written nothing of a long batch whose listing failed, now and after a restart', async () => {
  const backend = await open();
  await backend.write([row(1)]);
  function* broken(): Generator<Write> {
    for (let at = 2; at < 5_000; at++) yield row(at);
    throw new Error('no more');
  }
  await expect(backend.write({ [Symbol.iterator]: broken })).rejects.toThrow('no more');
  for (let turns = 0; turns < 50; turns++) await setImmediate();
  expect(backend.range('latest', { start: '', end: undefined, limit: 10 }).map(({ key }) => key)).toEqual([
    'k1',
  ]);
  await backend.close();
});
