import { assert } from '../base/assert.js';
import { crc32c } from '../base/crc32c.js';
import type { Disk } from '../io/disk.js';
import type { Entry } from '../proto/generated/raft.js';
import type { Extent } from './entry-index.js';
import { corrupt, readFailed } from './errors.js';
import { type RawRecord, RecordType, readEntry, readEntryHead } from './record.js';
import { scanFrames } from './scanner.js';
import type { TermRuns } from './term-runs.js';

/** A window of entries to be made is a millisecond or two of work. */
const WINDOW_BYTES = 128 * 1024;

/**
 * Reads an extent's entries from its segment, a window at a time. Each frame's CRC is checked, as it goes on from the
 * CRC stored in the frame before it; the first one's is taken from `seed`'s frame as it stands there, where a damaged
 * one shows in the next frame. Rejects with `wal_corrupt` or `disk`, with file and byte.
 */
export async function readExtent(
  disk: Disk,
  path: string,
  extent: Extent,
  terms: TermRuns,
): Promise<Entry[]> {
  const entries: Entry[] = [];
  let chain: number | undefined;
  const check = (record: RawRecord, buffer: Buffer, offset: number): string | undefined => {
    if (chain === undefined) {
      chain = record.crc;
      return undefined;
    }
    chain = crc32c(chain, buffer, record.start, record.end);
    if (chain !== record.crc) return 'its CRC does not match its data';
    // Between the wanted frames lie hard states, and entries that others have replaced.
    if (offset !== (extent.offsets[entries.length] ?? -1) * 8) return undefined;
    const index = extent.first + entries.length;
    const head =
      record.type === RecordType.entry ? readEntryHead(buffer, record.start, record.end) : undefined;
    if (head?.index !== index || head.term !== terms.at(index)) {
      return `not entry ${index} of term ${terms.at(index)}`;
    }
    entries.push(readEntry(buffer, record.start, record.end));
    return undefined;
  };
  const file = await disk.open(path, 'read').catch((error: unknown) => {
    throw readFailed(path, error);
  });
  try {
    const size = await file.size();
    const range = { from: extent.seed, size: Math.min(size, extent.end), windowBytes: WINDOW_BYTES };
    const end = await scanFrames(file, range, check);
    const found = entries.length;
    if (end.problem !== undefined || found < extent.offsets.length) {
      throw corrupt(path, end.offset, end.problem ?? `entry ${extent.first + found} is missing`);
    }
  } catch (error) {
    throw readFailed(path, error);
  } finally {
    await file.close();
  }
  assert(entries.length === extent.offsets.length, 'more entries were read than there are');
  return entries;
}
