import type { ByteString } from '../base/bytes.js';
import { type Bounds, latestBounds } from './keys.js';
import type { TableAccess } from './layer.js';
import { createRevisionOf, decodeRecord, EMPTY_VALUE, modRevisionOf, visibleAt } from './record.js';
import type { KeyValue, RangeQuery, RangeResult, SortTarget } from './types.js';
import { VersionScan } from './version-scan.js';

/** Rows read at once from a table: fewer where they are large. */
const CHUNK_ROWS = 250;
const FIRST_CHUNK_ROWS = 32;
const CHUNK_BYTES = 1024 * 1024;
/** Bytes taken before a slice ends early. */
const SLICE_BYTES = 4 * 1024 * 1024;
/** More matches than this beyond the limit, and a sorted read drops what can't be in its answer. */
const PRUNE_SLACK = 1_000;

/** The answer to a read of a single key: `kv` is what it holds at the revision asked for. */
export function singleResult(
  query: RangeQuery,
  kv: KeyValue | undefined,
  storeRevision: number,
): RangeResult {
  const { countOnly, keysOnly } = query;
  const kvs: KeyValue[] = [];
  if (kv !== undefined && !countOnly && withinBounds(query, kv.modRevision, kv.createRevision)) {
    kvs.push(keysOnly ? { ...kv, value: EMPTY_VALUE } : kv);
  }
  return { kvs, count: kv === undefined ? 0 : 1, more: false, revision: storeRevision };
}

function withinBounds(query: RangeQuery, modified: number, created: number): boolean {
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = query;
  return (
    (minModRevision === 0 || modified >= minModRevision) &&
    (maxModRevision === 0 || modified <= maxModRevision) &&
    (minCreateRevision === 0 || created >= minCreateRevision) &&
    (maxCreateRevision === 0 || created <= maxCreateRevision)
  );
}

/** One range of keys read at one revision, in as many slices as it takes. */
export class RangeScan {
  readonly #tables: TableAccess;
  readonly #query: RangeQuery;
  readonly #revision: number;
  readonly #storeRevision: number;
  readonly #bounds: Bounds;
  readonly #filtered: boolean;
  readonly #compare: ((a: KeyValue, b: KeyValue) => number) | undefined;
  #versions: VersionScan | undefined;
  #next: ByteString;
  #done = false;
  #count = 0;
  #matches = 0;
  #kvs: KeyValue[] = [];
  #sliceBytes = 0;
  #chunkRows = FIRST_CHUNK_ROWS;

  /** `revision` is the one to read at, `storeRevision` the newest one now. */
  constructor(tables: TableAccess, query: RangeQuery, revision: number, storeRevision: number) {
    this.#tables = tables;
    this.#query = query;
    this.#revision = revision;
    this.#storeRevision = storeRevision;
    this.#bounds = latestBounds(query.key, query.end);
    this.#next = this.#bounds.start;
    this.#filtered =
      query.minModRevision > 0 ||
      query.maxModRevision > 0 ||
      query.minCreateRevision > 0 ||
      query.maxCreateRevision > 0;
    this.#compare = comparator(query);
  }

  get done(): boolean {
    return this.#done;
  }

  /** Goes on for about so many rows, and answers how many; `storeRevision` is the newest revision now. */
  slice(rows: number, storeRevision: number): number {
    this.#sliceBytes = 0;
    let visited = 0;
    while (!this.#done && visited < rows && this.#sliceBytes < SLICE_BYTES) {
      const limit = Math.min(this.#chunkRows, rows - visited);
      visited += storeRevision === this.#revision ? this.#readLatest(limit) : this.#readVersions(limit);
      if (this.#query.uncounted === true && this.#satisfied) this.#done = true;
    }
    return visited;
  }

  result(): RangeResult {
    const { limit, countOnly, keysOnly } = this.#query;
    if (this.#compare !== undefined) this.#kvs.sort(this.#compare);
    const kvs = limit > 0 ? this.#kvs.slice(0, limit) : this.#kvs;
    return {
      kvs: keysOnly ? kvs.map((kv) => ({ ...kv, value: EMPTY_VALUE })) : kvs,
      count: this.#count,
      more: !countOnly && limit > 0 && this.#matches > limit,
      revision: this.#storeRevision,
    };
  }

  /** At the newest revision: every row of `latest` counts, and where it is only counted its value isn't read. */
  #readLatest(limit: number): number {
    const keysOnly = this.#query.countOnly || this.#satisfied;
    const { end } = this.#bounds;
    const { rows, cut } = this.#tables.chunk('latest', { start: this.#next, end, limit, keysOnly });
    for (const { key, value } of rows) {
      if (keysOnly) this.#count++;
      else this.#take(key, value);
    }
    this.#sizeChunks(rows, ({ value }) => value);
    if (cut === undefined) this.#done = true;
    else this.#next = `${cut}\0`;
    return cut === undefined ? Math.max(rows.length, 1) : limit;
  }

  /** At an older one, or once the store has moved on since the read began. */
  #readVersions(limit: number): number {
    this.#versions ??= new VersionScan(this.#tables, { start: this.#next, end: this.#bounds.end });
    const versions = this.#versions.slice(limit);
    for (const { key, record } of versions) {
      if (visibleAt(record, this.#revision)) this.#take(key, record);
    }
    this.#sizeChunks(versions, ({ record }) => record);
    this.#done = this.#versions.done;
    return this.#done ? Math.max(versions.length, 1) : limit;
  }

  #sizeChunks<T>(read: readonly T[], bytesOf: (row: T) => Buffer): void {
    const bytes = read.reduce((sum, row) => sum + bytesOf(row).length, 0);
    this.#sliceBytes += bytes;
    const average = Math.max(bytes / Math.max(read.length, 1), 1);
    this.#chunkRows = Math.min(Math.max(Math.floor(CHUNK_BYTES / average), 1), CHUNK_ROWS);
  }

  /** No row to come can alter the answer but for the count. */
  get #satisfied(): boolean {
    const { limit } = this.#query;
    return limit > 0 && this.#matches > limit && this.#compare === undefined;
  }

  #take(key: ByteString, record: Buffer): void {
    this.#count++;
    const { countOnly, limit, keysOnly } = this.#query;
    if (countOnly || this.#satisfied || !this.#passes(record)) return;
    this.#matches++;
    if (this.#compare === undefined && limit > 0 && this.#matches > limit) return;
    const byValue = this.#query.target === 'value' && this.#compare !== undefined;
    const kv = decodeRecord(key, record, !keysOnly || byValue);
    this.#kvs.push(kv);
    if (this.#compare !== undefined && limit > 0 && this.#kvs.length >= 2 * limit + PRUNE_SLACK) {
      this.#kvs.sort(this.#compare).length = limit;
    }
  }

  #passes(record: Buffer): boolean {
    return !this.#filtered || withinBounds(this.#query, modRevisionOf(record), createRevisionOf(record));
  }
}

const COMPARE: Record<SortTarget, (a: KeyValue, b: KeyValue) => number> = {
  key: (a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0),
  version: (a, b) => a.version - b.version,
  create: (a, b) => a.createRevision - b.createRevision,
  mod: (a, b) => a.modRevision - b.modRevision,
  value: (a, b) => a.value.compare(b.value),
};

/** Undefined: the order of the keys, in which they are read anyway. Another target without an order ascends (etcd). */
function comparator({ order, target }: RangeQuery): ((a: KeyValue, b: KeyValue) => number) | undefined {
  if (target === 'key' && order !== 'descend') return undefined;
  const compare = COMPARE[target];
  return order === 'descend' ? (a, b) => compare(b, a) : compare;
}
