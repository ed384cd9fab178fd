import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfetdError } from '../../../../src/base/errors.js';
import { Prng } from '../../../../src/base/prng.js';
import { NodeDisk } from '../../../../src/io/node/disk.js';
import { TABLES } from '../../../../src/store/backend/backend.js';
import { CopyCheck } from '../../../../src/store/backend/copy-check.js';
import { LmdbBackend } from '../../../../src/store/backend/lmdb.js';
import { makePlace, type Place, removePlace } from '../backends.js';

const PAGE_BYTES = 4096;

async function* chunksOf(bytes: Buffer, size = 100_000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function isSound(bytes: Buffer, size: number): boolean {
  const check = new CopyCheck();
  try {
    for (let at = 0; at < bytes.length; at += size) check.add(bytes.subarray(at, at + size));
    check.end();
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'data_loss' });
    return false;
  }
}

describe('check of a copy', () => {
  let place: Place;
  let copy: Buffer;

  beforeEach(async () => {
    place = await makePlace();
    const backend = await LmdbBackend.open({
      folder: join(place.folder, 'state'),
      quotaBytes: 2 ** 30,
      disk: new NodeDisk(),
    });
    const rows = Array.from({ length: 4_000 }, (_, at) => ({
      table: at % 3 === 0 ? ('past' as const) : ('latest' as const),
      key: `key${at}`.repeat(1 + (at % 9)),
      value: Buffer.alloc(at % 200 === 0 ? 20_000 : at % 300, at),
    }));
    await backend.write(rows);
    await backend.write(rows.filter((_, at) => at % 5 === 0).map((row) => ({ ...row, value: undefined })));
    const made = await backend.copy();
    const parts: Buffer[] = [];
    for await (const chunk of made.chunks()) parts.push(Buffer.from(chunk));
    await made.close();
    await backend.close();
    copy = Buffer.concat(parts);
  });

  afterEach(() => removePlace(place));

  it('takes a whole copy, in chunks of any size', () => {
    for (const size of [1_000, 4_096, 5_000, 1 << 20]) expect(isSound(copy, size)).toBe(true);
  });

  it('refuses one that ends early or goes on, wherever', () => {
    for (let bytes = 0; bytes < copy.length; bytes += 1_024) {
      expect(isSound(copy.subarray(0, bytes), PAGE_BYTES)).toBe(false);
    }
    expect(isSound(Buffer.concat([copy, Buffer.alloc(PAGE_BYTES)]), PAGE_BYTES)).toBe(false);
  });

  it('refuses bytes that are no copy at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 3 * PAGE_BYTES }), (bytes) => {
        expect(isSound(Buffer.from(bytes), PAGE_BYTES)).toBe(false);
      }),
    );
  });

  it('refuses pages that were lost, moved or overwritten with others', () => {
    const pages = copy.length / PAGE_BYTES;
    const isHeaded = (page: number): boolean => copy.readUInt32LE(page * PAGE_BYTES) === page;
    for (let page = 2; page < pages; page++) {
      if (!isHeaded(page)) continue;
      const lost = Buffer.from(copy);
      lost.fill(0, page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
      expect(isSound(lost, PAGE_BYTES)).toBe(false);
      const moved = Buffer.from(copy);
      copy.copy(moved, page * PAGE_BYTES, (page - 1) * PAGE_BYTES, page * PAGE_BYTES);
      expect(isSound(moved, PAGE_BYTES)).toBe(false);
    }
  });

  it('keeps from LMDB what would end the process: damaged copies are refused, or can be read', async () => {
    const draw = new Prng(7);
    let refused = 0;
    for (let round = 0; round < 120; round++) {
      let bytes = Buffer.from(copy);
      if (round % 3 === 0) bytes = bytes.subarray(0, draw.below(bytes.length));
      else {
        // A run of other bytes: within a page, or over several.
        const from = draw.below(bytes.length);
        const until = Math.min(from + 1 + draw.below(round % 3 === 1 ? 8 : 3 * PAGE_BYTES), bytes.length);
        for (let at = from; at < until; at++) bytes[at] = draw.below(256);
      }
      try {
        const backend = await LmdbBackend.import(chunksOf(bytes), {
          folder: join(place.folder, `import-${round}`),
          quotaBytes: 2 ** 30,
          disk: new NodeDisk(),
        });
        for (const table of TABLES) backend.range(table, { start: '', end: undefined, limit: 10_000 });
        await backend.close();
      } catch (error) {
        refused++;
        expect(error).toBeInstanceOf(ConfetdError);
      }
    }
    expect(refused).toBeGreaterThan(40);
    expect(refused).toBeLessThan(120);
  });
});
