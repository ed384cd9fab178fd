import { crc32c } from '../base/crc32c.js';
import { varintBytes, writeVarint, writeVarint64 } from '../base/varint.js';
import { ConfState, type Entry, type HardState, type SnapshotMetadata } from '../proto/generated/raft.js';
import { frameBytes, LENGTH_BYTES, padBytes, writeLength } from './frame.js';
import { RecordType } from './record.js';

/** No frame adds more than this to the bytes it carries: length field, record and entry fields, padding. */
export const FRAME_OVERHEAD = 64;

const FIRST_BYTES = 256 * 1024;
/** A buffer that one huge batch has grown beyond this many bytes is given back after it. */
const KEPT_BYTES = 8 * 1024 * 1024;
/** Tag and varint of a crc as wide as it gets. */
const CRC_FIELD_BYTES = 6;

/**
 * Gathers frames into one buffer that is used again for every batch, and carries the chain's rolling CRC. Fields are
 * written as etcd does (zero values too), by hand: the generated codec makes a BigInt for each number and copies each
 * entry three times.
 */
export class Encoder {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;
  #crc: number;

  constructor(crc: number) {
    this.#crc = crc;
  }

  /** The CRC over all data encoded so far, in this batch and before. */
  get crc(): number {
    return this.#crc;
  }

  /** Bytes that were added since {@link reset}. */
  get length(): number {
    return this.#length;
  }

  /** What was added since {@link reset}, valid until then. */
  get batch(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Forgets the batch; the CRC goes on. */
  reset(): void {
    this.#length = 0;
    if (this.#buffer.length > KEPT_BYTES) this.#buffer = Buffer.allocUnsafe(FIRST_BYTES);
  }

  /** Opens a segment: its CRC goes on from the last one's. */
  addCrc(): void {
    const at = this.#reserve(0);
    this.#finish(at, at + LENGTH_BYTES + 2 + CRC_FIELD_BYTES, RecordType.crc, 0);
  }

  /** Adds encoded {@link Metadata}. */
  addMetadata(data: Uint8Array): void {
    this.#addBytes(RecordType.metadata, data);
  }

  addEntry(entry: Entry): void {
    const { type, term, index, data } = entry;
    const head = 2 + 1 + varintBytes(term) + 1 + varintBytes(index);
    const bytes = head + (data.length === 0 ? 0 : 1 + varintBytes(data.length) + data.length);
    const at = this.#reserve(bytes);
    const buffer = this.#buffer;
    const start = this.#openData(at, bytes);
    let end = start;
    buffer[end++] = 0x08;
    buffer[end++] = type;
    buffer[end++] = 0x10;
    end = writeVarint(buffer, end, term);
    buffer[end++] = 0x18;
    end = writeVarint(buffer, end, index);
    if (data.length > 0) {
      buffer[end++] = 0x22;
      end = writeVarint(buffer, end, data.length);
      buffer.set(data, end);
    }
    this.#finish(at, start, RecordType.entry, bytes);
  }

  addHardState(state: HardState): void {
    const data = Buffer.allocUnsafe(FRAME_OVERHEAD);
    data[0] = 0x08;
    let end = writeVarint(data, 1, state.term);
    data[end++] = 0x10;
    end = writeVarint64(data, end, state.vote);
    data[end++] = 0x18;
    end = writeVarint(data, end, state.commit);
    this.#addBytes(RecordType.hardState, data.subarray(0, end));
  }

  /** walpb.Snapshot: index 1, term 2, conf_state 3, unlike raftpb's order. */
  addSnapshot(snapshot: SnapshotMetadata): void {
    const conf = snapshot.confState === undefined ? undefined : ConfState.encode(snapshot.confState).finish();
    const data = Buffer.allocUnsafe(FRAME_OVERHEAD + (conf?.length ?? 0));
    data[0] = 0x08;
    let end = writeVarint(data, 1, snapshot.index);
    data[end++] = 0x10;
    end = writeVarint(data, end, snapshot.term);
    if (conf !== undefined) {
      data[end++] = 0x1a;
      end = writeVarint(data, end, conf.length);
      data.set(conf, end);
      end += conf.length;
    }
    this.#addBytes(RecordType.snapshot, data.subarray(0, end));
  }

  #addBytes(type: number, data: Uint8Array): void {
    const at = this.#reserve(data.length);
    const start = this.#openData(at, data.length);
    this.#buffer.set(data, start);
    this.#finish(at, start, type, data.length);
  }

  /** Makes room for a frame with `bytes` of data; returns where it begins. */
  #reserve(bytes: number): number {
    const needed = this.#length + bytes + FRAME_OVERHEAD;
    if (needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.copy(grown, 0, 0, this.#length);
      this.#buffer = grown;
    }
    return this.#length;
  }

  /** Writes the tag and length of the record's data, as if the CRC before it took five bytes; returns where data goes. */
  #openData(at: number, bytes: number): number {
    const field = at + LENGTH_BYTES + 2 + CRC_FIELD_BYTES;
    this.#buffer[field] = 0x1a;
    return writeVarint(this.#buffer, field + 1, bytes);
  }

  /** Rolls the CRC over the data at `start` and writes what goes before it and after it. */
  #finish(at: number, start: number, type: number, bytes: number): void {
    const buffer = this.#buffer;
    this.#crc = crc32c(this.#crc, buffer, start, start + bytes);
    const field = at + LENGTH_BYTES + 2 + CRC_FIELD_BYTES;
    const head = at + LENGTH_BYTES;
    buffer[head] = 0x08;
    buffer[head + 1] = type;
    buffer[head + 2] = 0x10;
    const crcEnd = writeVarint(buffer, head + 3, this.#crc);
    // One CRC in sixteen is shorter than five bytes: then what follows moves up.
    if (crcEnd !== field) buffer.copyWithin(crcEnd, field, start + bytes);
    const end = crcEnd + (start - field) + bytes;
    const recordBytes = end - head;
    writeLength(buffer, at, recordBytes);
    buffer.fill(0, end, end + padBytes(recordBytes));
    this.#length = at + frameBytes(recordBytes);
  }
}
