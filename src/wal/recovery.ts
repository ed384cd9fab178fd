import { crc32c } from '../base/crc32c.js';
import { ConfetdError } from '../base/errors.js';
import type { Disk, DiskFile } from '../io/disk.js';
import { HardState } from '../proto/generated/raft.js';
import { Metadata } from '../proto/generated/wal.js';
import type { EntryIndex, Place } from './entry-index.js';
import { corrupt } from './errors.js';
import { type RawRecord, RecordType, readEntry, readEntryHead, readSnapshot } from './record.js';
import { Replay } from './replay.js';
import { endOfData, scanFrames } from './scanner.js';
import { isStageName, parentFolder, parseSegmentName, type Segment } from './segment.js';
import { WAL_FORMAT, type WalContents } from './types.js';
import { fillZeros } from './zeros.js';

/** What {@link recover} found: the contents, and what writing needs to go on. */
export interface Recovered {
  readonly contents: WalContents;
  readonly segments: Segment[];
  /** The encoded metadata, which every segment repeats. */
  readonly metadata: Buffer;
  /** The last segment: how far it is used, and its size, bytes. */
  readonly tail: { readonly used: number; readonly size: number };
  /** CRC of the chain up to there. */
  readonly crc: number;
  /** Where the retained entries lie. */
  readonly index: EntryIndex;
}

/** The segments in a folder, oldest first. Refuses a folder with none, and a missing one between two others. */
export async function listSegments(disk: Disk, folder: string): Promise<Segment[]> {
  const names = await disk.list(folder);
  const segments = names.map(parseSegmentName).filter((segment) => segment !== undefined);
  segments.sort((a, b) => a.sequence - b.sequence);
  if (segments.length === 0) {
    throw new ConfetdError(
      'data_folder',
      `${folder} holds no log (*.wal): restore the data folder from a backup, or remove what is left of it to ` +
        'begin a new member',
    );
  }
  for (const [at, segment] of segments.entries()) {
    const before = segments[at - 1];
    if (before !== undefined && segment.sequence !== before.sequence + 1) {
      throw corrupt(`${folder}/${segment.name}`, 0, `the segment between it and ${before.name} is missing`);
    }
  }
  return segments;
}

/**
 * Reads a whole log: checks every frame of every segment, keeps the entries after `afterIndex`, and repairs a torn
 * tail. What it returns is durable: the last segment, the folder and its parent are synced, since a process that was killed
 * may have left bytes and names that had not reached the disk.
 *
 * Refuses with `wal_corrupt` (naming file and byte) what no interrupted write explains, and with `data_folder` a log
 * in a newer format.
 */
export async function recover(disk: Disk, folder: string, afterIndex: number): Promise<Recovered> {
  const segments = await listSegments(disk, folder);
  const replay = new Replay(afterIndex, (segments[0] as Segment).firstIndex);
  const chain: Chain = { crc: undefined, metadata: undefined, replay };
  const last = segments.at(-1) as Segment;
  for (const segment of segments.slice(0, -1)) {
    const path = `${folder}/${segment.name}`;
    const file = await disk.open(path, 'read');
    try {
      const end = await scanSegment(file, await file.size(), path, segment, chain);
      if (end.problem !== undefined) throw corrupt(path, end.offset, end.problem);
    } finally {
      await file.close();
    }
  }

  const path = `${folder}/${last.name}`;
  const file = await disk.open(path, 'write');
  try {
    const size = await file.size();
    const end = await scanSegment(file, size, path, last, chain);
    const dataEnd = await endOfData(file, end.offset, size);
    if (dataEnd > end.offset) {
      if (!end.torn) throw corrupt(path, end.offset, end.problem ?? 'an empty length with data after it');
      await fillZeros(file, end.offset, dataEnd);
    }
    const contents = contentsOf(path, chain, afterIndex, dataEnd - end.offset);
    await file.sync();
    for (const name of await disk.list(folder)) {
      if (isStageName(name)) await disk.remove(`${folder}/${name}`);
    }
    await disk.syncFolder(folder);
    await disk.syncFolder(parentFolder(folder));
    return {
      contents,
      segments,
      metadata: chain.metadata as Buffer,
      tail: { used: end.offset, size },
      crc: chain.crc ?? 0,
      index: replay.index,
    };
  } finally {
    await file.close();
  }
}

/** What goes from segment to segment. */
interface Chain {
  /** Rolling CRC; undefined before the first record. */
  crc: number | undefined;
  metadata: Buffer | undefined;
  readonly replay: Replay;
}

async function scanSegment(file: DiskFile, size: number, path: string, segment: Segment, chain: Chain) {
  let records = 0;
  const end = await scanFrames(file, { from: 0, size }, (record, buffer, offset, frameEnd) => {
    const damage = records === 0 ? openChain(record, chain) : checkCrc(record, buffer, chain);
    if (damage !== undefined) return damage;
    let problem: string | undefined;
    if (records === 1) problem = setMetadata(path, record, buffer, chain);
    else if (records > 1) {
      const place = { sequence: segment.sequence, offset, end: frameEnd };
      problem = addRecord(record, buffer, segment, place, chain.replay);
    }
    // Its CRC is right, so it is what was written: no torn write, however many zeros it holds.
    if (problem !== undefined) throw corrupt(path, offset, problem);
    records++;
    return undefined;
  });
  // A segment gets its name after its head is durable, so a torn write never explains a missing one.
  if (records < 2) throw corrupt(path, end.offset, end.problem ?? 'the head of the segment is missing');
  return end;
}

/** A segment's first record repeats the CRC of all that went before; the oldest one that is left says where to begin. */
function openChain(record: RawRecord, chain: Chain): string | undefined {
  if (record.type !== RecordType.crc) return 'the segment does not begin with a CRC';
  if (chain.crc !== undefined && record.crc !== chain.crc) {
    return `the segment continues CRC ${hex(record.crc)}, but the one before it ends with ${hex(chain.crc)}`;
  }
  chain.crc = record.crc;
  return undefined;
}

function checkCrc(record: RawRecord, buffer: Buffer, chain: Chain): string | undefined {
  const crc = crc32c(chain.crc ?? 0, buffer, record.start, record.end);
  if (crc !== record.crc) return `its CRC is ${hex(record.crc)} where the data gives ${hex(crc)}`;
  chain.crc = crc;
  return undefined;
}

function setMetadata(path: string, record: RawRecord, buffer: Buffer, chain: Chain): string | undefined {
  if (record.type !== RecordType.metadata) return 'no metadata where the segment should have it';
  const data = Buffer.from(buffer.subarray(record.start, record.end));
  if (chain.metadata !== undefined) {
    return data.equals(chain.metadata)
      ? undefined
      : 'the metadata of another log than that of the segment before';
  }
  const { format } = decoded(() => Metadata.decode(data)) ?? { format: undefined };
  if (format === undefined) return 'its data is not metadata';
  if (format > WAL_FORMAT) {
    throw new ConfetdError(
      'data_folder',
      `${path} is in log format ${format}, and this confetd knows ${WAL_FORMAT}: it was written by a newer version, ` +
        'start that one or a later one',
    );
  }
  chain.metadata = data;
  return undefined;
}

function addRecord(
  record: RawRecord,
  buffer: Buffer,
  segment: Segment,
  place: Place,
  replay: Replay,
): string | undefined {
  const { type, start, end } = record;
  switch (type) {
    case RecordType.entry: {
      const head = readEntryHead(buffer, start, end);
      if (head === undefined) return 'its data is not an entry';
      segment.maxIndex = Math.max(segment.maxIndex, head.index);
      return replay.addEntry(head.index, head.term, place, () => readEntry(buffer, start, end));
    }
    case RecordType.hardState: {
      const state = decoded(() => HardState.decode(buffer.subarray(start, end)));
      if (state === undefined) return 'its data is not a hard state';
      replay.setHardState(state);
      return undefined;
    }
    case RecordType.snapshot: {
      const snapshot = decoded(() => readSnapshot(buffer, start, end));
      if (snapshot === undefined) return 'its data is not a snapshot';
      replay.addSnapshot(snapshot, place);
      return undefined;
    }
    default:
      return `a record of type ${type} in the middle of a segment`;
  }
}

function contentsOf(path: string, chain: Chain, afterIndex: number, tornBytes: number): WalContents {
  const { replay } = chain;
  const { snapshot } = replay;
  const { firstIndex } = replay.index;
  const installed = snapshot !== undefined && snapshot.index >= firstIndex - 1;
  if (firstIndex > afterIndex + 1 && !installed) {
    throw corrupt(
      path,
      0,
      `the log begins at entry ${firstIndex}, but the state has only those up to ${afterIndex}`,
    );
  }
  return {
    metadata: Metadata.decode(chain.metadata as Buffer),
    hardState: replay.hardState,
    entries: replay.entries,
    snapshot: snapshot !== undefined && snapshot.index > 0 ? snapshot : undefined,
    tornBytes,
  };
}

function decoded<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch {
    // The codec says what is wrong in its own terms; the caller tells file and place.
    return undefined;
  }
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
