import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../../../src/base/crc32c.js';
import { Entry, HardState } from '../../../src/proto/generated/raft.js';
import { Record } from '../../../src/proto/generated/wal.js';
import { Encoder, FRAME_OVERHEAD } from '../../../src/wal/encoder.js';
import { RecordType, readEntry, readEntryHead, readRecord, readSnapshot } from '../../../src/wal/record.js';

const safe = fc.maxSafeNat();
const u64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
const entryOf = fc.record({
  type: fc.constantFrom(0, 1),
  term: safe,
  index: safe,
  data: fc.uint8Array({ maxLength: 700 }).map((bytes) => Buffer.from(bytes)),
});

/** The records of a batch, as the generated codec reads them; checks frames and the rolling CRC on the way. */
function records(batch: Buffer, crc: number): Record[] {
  const found: Record[] = [];
  let rolling = crc;
  let at = 0;
  while (at < batch.length) {
    const field = batch.readBigUInt64LE(at);
    const pad = Number(field >> 63n) === 1 ? Number((field >> 56n) & 0x7fn) : 0;
    const length = Number(field & 0xff_ffff_ffff_ffffn);
    expect((length + pad) % 8).toBe(0);
    const record = Record.decode(batch.subarray(at + 8, at + 8 + length));
    expect([...batch.subarray(at + 8 + length, at + 8 + length + pad)]).toEqual(Array(pad).fill(0));
    rolling = crc32c(rolling, record.data);
    expect(record.crc).toBe(rolling);
    found.push(record);
    at += 8 + length + pad;
  }
  expect(at).toBe(batch.length);
  return found;
}

describe('Encoder', () => {
  it('writes entries that the generated codec reads back, within the bytes reckoned for them', () => {
    fc.assert(
      fc.property(fc.array(entryOf, { maxLength: 20 }), fc.nat(0xffff_ffff), (entries, crc) => {
        const encoder = new Encoder(crc);
        for (const entry of entries) encoder.addEntry(entry);
        const found = records(encoder.batch, crc);
        expect(found.map((record) => record.type)).toEqual(entries.map(() => RecordType.entry));
        expect(found.map((record) => Entry.decode(record.data))).toEqual(entries);
        const reckoned = entries.reduce((sum, entry) => sum + entry.data.length + FRAME_OVERHEAD, 0);
        expect(encoder.batch.length).toBeLessThanOrEqual(reckoned);
      }),
    );
  });

  it('writes hard states of any 64-bit vote', () => {
    fc.assert(
      fc.property(safe, u64, safe, (term, vote, commit) => {
        const encoder = new Encoder(0);
        encoder.addHardState({ term, vote, commit });
        const [record] = records(encoder.batch, 0);
        expect(HardState.decode(record?.data as Buffer)).toEqual({ term, vote, commit });
        expect(encoder.batch.length).toBeLessThanOrEqual(FRAME_OVERHEAD);
      }),
    );
  });

  it('writes frames byte for byte as etcd does', () => {
    // Made by hand from walpb and raftpb: every field written, data left out when empty.
    const encoder = new Encoder(0);
    encoder.addCrc();
    expect(encoder.batch.toString('hex')).toBe('0400000000000084' + '08041000' + '00000000');
    encoder.reset();
    encoder.addEntry({ type: 0, term: 1, index: 2, data: Buffer.alloc(0) });
    const data = Buffer.from('080010011802', 'hex');
    const crc = crc32c(0, data);
    const varint: number[] = [];
    for (let rest = crc; ; rest >>>= 7) {
      if (rest < 0x80) {
        varint.push(rest);
        break;
      }
      varint.push((rest & 0x7f) | 0x80);
    }
    const record = Buffer.concat([
      Buffer.from('080210', 'hex'),
      Buffer.from(varint),
      Buffer.from('1a06', 'hex'),
      data,
    ]);
    const pad = (8 - (record.length % 8)) % 8;
    const length = Buffer.from([record.length, 0, 0, 0, 0, 0, 0, pad === 0 ? 0 : 0x80 | pad]);
    expect(encoder.batch).toEqual(Buffer.concat([length, record, Buffer.alloc(pad)]));
  });

  it('its records are read back by the readers of recovery', () => {
    fc.assert(
      fc.property(entryOf, safe, safe, fc.array(u64, { maxLength: 5 }), (entry, index, term, voters) => {
        const encoder = new Encoder(0);
        encoder.addEntry(entry);
        const [record] = records(encoder.batch, 0);
        const bytes = Record.encode(record as Record).finish();
        const raw = readRecord(Buffer.from(bytes), 0, bytes.length);
        if (entry.data.length > 0) expect(raw).toMatchObject({ type: RecordType.entry });
        const data = (record as Record).data;
        expect(readEntryHead(data, 0, data.length)).toEqual({ term: entry.term, index: entry.index });
        expect(readEntry(data, 0, data.length)).toEqual(entry);

        encoder.reset();
        const before = encoder.crc;
        const snapshot = { index, term, confState: { voters, learners: [7n] } };
        encoder.addSnapshot(snapshot);
        const [second] = records(encoder.batch, before);
        const snapshotData = (second as Record).data;
        expect(readSnapshot(snapshotData, 0, snapshotData.length)).toEqual(snapshot);
      }),
    );
  });

  it('one buffer serves all batches: a batch of many megabytes leaves the next ones right', () => {
    const encoder = new Encoder(0);
    encoder.addEntry({ type: 0, term: 1, index: 1, data: Buffer.alloc(9 * 1024 * 1024, 3) });
    expect(records(encoder.batch, 0)).toHaveLength(1);
    const { crc } = encoder;
    encoder.reset();
    encoder.addEntry({ type: 0, term: 1, index: 2, data: Buffer.from('x') });
    expect(records(encoder.batch, crc)).toHaveLength(1);
  });
});
