import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SnapshotPart } from '../../../src/proto/generated/peer.js';
import { MessageType } from '../../../src/proto/generated/raft.js';
import { snapshotChunks, snapshotParts } from '../../../src/transport/snapshot-stream.js';
import { helloOf, message } from './harness.js';

const HEAD = { hello: helloOf(1n), to: 2n, message: message(1n, 2n, { type: MessageType.SNAP }) };

async function* from<T>(list: readonly T[]): AsyncGenerator<T> {
  for (const each of list) yield each;
}

async function partsOf(chunks: readonly Buffer[], partBytes: number): Promise<SnapshotPart[]> {
  const parts: SnapshotPart[] = [];
  for await (const part of snapshotParts(HEAD, from(chunks), partBytes)) parts.push(part);
  return parts;
}

async function read(parts: readonly SnapshotPart[]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of snapshotChunks(from(parts.slice(1)))) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const chunkLists = fc.array(fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)));

describe("a snapshot's parts", () => {
  it('give the data back, however it was cut into chunks and parts', async () => {
    await fc.assert(
      fc.asyncProperty(chunkLists, fc.integer({ min: 1, max: 50 }), async (chunks, partBytes) => {
        const parts = await partsOf(chunks, partBytes);
        expect(parts[0]).toMatchObject(HEAD);
        expect(parts.every(({ data }) => data.length <= partBytes)).toBe(true);
        expect(await read(parts)).toEqual(Buffer.concat(chunks));
      }),
    );
  });

  it('are refused when any is lost, repeated, swapped or damaged', async () => {
    await fc.assert(
      fc.asyncProperty(
        chunkLists,
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 0, max: 3 }),
        async (chunks, a, b, how) => {
          const parts = await partsOf(chunks, 7);
          const at = 1 + (a % (parts.length - 1));
          const other = 1 + (b % (parts.length - 1));
          const before = Buffer.concat(parts.map(({ data }) => data));
          const damaged = [...parts];
          const chosen = parts[at] as SnapshotPart;
          if (how === 0) damaged.splice(at, 1);
          else if (how === 1) damaged.splice(at, 0, chosen);
          else if (how === 2) {
            damaged[at] = parts[other] as SnapshotPart;
            damaged[other] = chosen;
          } else {
            const field = chosen.data.length > 0 ? 'data' : 'digest';
            const bytes = Buffer.from(chosen[field]);
            const place = b % bytes.length;
            bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place);
            damaged[at] = { ...chosen, [field]: bytes };
          }
          const isSame =
            damaged.at(-1) === parts.at(-1) &&
            damaged.slice(1, -1).every(({ digest }) => digest.length === 0) &&
            Buffer.concat(damaged.map(({ data }) => data)).equals(before);
          if (isSame) expect(await read(damaged)).toEqual(before);
          else await expect(read(damaged)).rejects.toMatchObject({ code: 'data_loss' });
        },
      ),
    );
  });

  it('let go of the copy where reading stops early', async () => {
    let released = false;
    async function* copy(): AsyncGenerator<Buffer> {
      try {
        for (;;) yield Buffer.alloc(10);
      } finally {
        released = true;
      }
    }
    for await (const part of snapshotParts(HEAD, copy(), 4)) if (part.data.length > 0) break;
    expect(released).toBe(true);
  });
});
