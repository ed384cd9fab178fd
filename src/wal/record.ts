import { VarintReader } from '../base/varint.js';
import { ConfState, type Entry, type SnapshotMetadata } from '../proto/generated/raft.js';

/** walpb.Record's types. */
export const RecordType = { metadata: 1, entry: 2, hardState: 3, crc: 4, snapshot: 5 } as const;

/** A record as it lies in a buffer: its data is `buffer[start, end)`. */
export interface RawRecord {
  readonly type: number;
  readonly crc: number;
  readonly start: number;
  readonly end: number;
}

/** Reads walpb.Record from `buffer[at, end)`; undefined unless it is type, crc and data in order, as writers make it. */
export function readRecord(buffer: Buffer, at: number, end: number): RawRecord | undefined {
  const reader = new VarintReader(buffer, at, end);
  if (reader.next() !== 0x08) return undefined;
  const type = reader.next();
  if (reader.next() !== 0x10) return undefined;
  const crc = reader.next();
  if (reader.failed) return undefined;
  if (reader.done) return { type, crc, start: end, end };
  if (reader.next() !== 0x1a) return undefined;
  const data = reader.skip();
  return reader.failed || !reader.done ? undefined : { type, crc, ...data };
}

/** Term and index of the raftpb.Entry in `buffer[start, end)`; undefined for none. Most entries need no more. */
export function readEntryHead(
  buffer: Buffer,
  start: number,
  end: number,
): { term: number; index: number } | undefined {
  const reader = new VarintReader(buffer, start, end);
  let term = 0;
  let index = 0;
  while (!reader.done) {
    const tag = reader.next();
    if (tag === 0x08) reader.next();
    else if (tag === 0x10) term = reader.next();
    else if (tag === 0x18) index = reader.next();
    else if (tag === 0x22) reader.skip();
    else return undefined;
  }
  return reader.failed ? undefined : { term, index };
}

/** Reads a raftpb.Entry that {@link readEntryHead} has accepted; its data is copied. */
export function readEntry(buffer: Buffer, start: number, end: number): Entry {
  const reader = new VarintReader(buffer, start, end);
  const entry: Entry = { type: 0, term: 0, index: 0, data: EMPTY };
  while (!reader.done) {
    const tag = reader.next();
    if (tag === 0x08) entry.type = reader.next();
    else if (tag === 0x10) entry.term = reader.next();
    else if (tag === 0x18) entry.index = reader.next();
    else {
      const data = reader.skip();
      entry.data = Buffer.from(buffer.subarray(data.start, data.end));
    }
  }
  return entry;
}

const EMPTY = Buffer.alloc(0);

/** Reads a walpb.Snapshot; undefined (or a throw of the codec) for bytes that aren't one. */
export function readSnapshot(buffer: Buffer, start: number, end: number): SnapshotMetadata | undefined {
  const reader = new VarintReader(buffer, start, end);
  let index = 0;
  let term = 0;
  let confState: ConfState | undefined;
  while (!reader.done) {
    switch (reader.next()) {
      case 0x08:
        index = reader.next();
        break;
      case 0x10:
        term = reader.next();
        break;
      case 0x1a: {
        const field = reader.skip();
        confState = ConfState.decode(buffer.subarray(field.start, field.end));
        break;
      }
      default:
        return undefined;
    }
  }
  return reader.failed ? undefined : { index, term, confState };
}
