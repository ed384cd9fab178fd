import { Prng } from '../../../src/base/prng.js';
import type { Clock } from '../../../src/io/clock.js';
import type { Entry, HardState } from '../../../src/proto/generated/raft.js';
import { Wal } from '../../../src/wal/wal.js';
import { VirtualClock } from '../../sim/clock.js';
import { SimDisk } from '../../sim/disk.js';

export const FOLDER = '/data/wal';
export const METADATA = { nodeId: 0xfeed_0000_0000_0001n, clusterId: 0xbeef_0000_0000_0002n };

/** An entry whose data tells what it is. */
export function entry(index: number, term = 1, bytes = 40): Entry {
  return { type: 0, term, index, data: Buffer.alloc(bytes, `${term}/${index};`) };
}

export function entries(from: number, to: number, term = 1, bytes = 40): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, at) => entry(from + at, term, bytes));
}

export function state(term: number, commit: number, vote = 1n): HardState {
  return { term, vote, commit };
}

/** An empty machine with the data folder made, durably. */
export async function machine(seed = 1): Promise<SimDisk> {
  const disk = new SimDisk(new Prng(seed));
  await disk.makeFolder('/data');
  await disk.syncFolder('/');
  return disk;
}

export const SEGMENT = 4096;

export function createLog(
  disk: SimDisk,
  clock: Clock = new VirtualClock(),
  segmentBytes = SEGMENT,
): Promise<Wal> {
  return Wal.create(disk, FOLDER, METADATA, { clock, segmentBytes });
}

export function openLog(disk: SimDisk, afterIndex = 0, clock: Clock = new VirtualClock()) {
  return Wal.open(disk, FOLDER, afterIndex, { clock, segmentBytes: SEGMENT });
}
