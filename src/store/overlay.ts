import type { ByteString } from '../base/bytes.js';
import type { Row, RowRange, TableName, Write } from './backend/backend.js';
import { type OrderedMap, orderedMap } from './backend/ordered.js';
import { EMPTY_VALUE } from './record.js';

/** What a row costs in memory beyond its bytes, roughly. */
const ROW_OVERHEAD_BYTES = 100;

/** Changes that aren't in the backend yet, in order: one generation of the memtable. `null` is a removed row. */
export class Overlay {
  readonly #tables = new Map<TableName, OrderedMap<Buffer | null>>();
  /** Rows; a row written twice counts once. */
  #rows = 0;
  #bytes = 0;

  get rows(): number {
    return this.#rows;
  }

  /** Memory held, about. */
  get bytes(): number {
    return this.#bytes;
  }

  get(table: TableName, key: ByteString): Buffer | null | undefined {
    return this.#tables.get(table)?.get(key);
  }

  set(name: TableName, key: ByteString, value: Buffer | null): void {
    let table = this.#tables.get(name);
    if (table === undefined) {
      table = orderedMap();
      this.#tables.set(name, table);
    }
    if (table.set(key, value)) {
      this.#rows++;
      this.#bytes += key.length + ROW_OVERHEAD_BYTES;
    }
    // An overwritten value stays counted: a bound, not an account.
    this.#bytes += value?.length ?? 0;
  }

  /** Everything, as one batch. */
  writes(): Write[] {
    const writes: Write[] = [];
    for (const [table, rows] of this.#tables) {
      rows.forEachPair((key, value) => {
        writes.push({ table, key, value: value ?? undefined });
      });
    }
    return writes;
  }

  /** The same one by one, for whom all at once would take too long. Nothing may be set meanwhile. */
  *eachWrite(): Generator<Write, void, void> {
    for (const [table, rows] of this.#tables) {
      for (const [key, value] of rows.entries()) yield { table, key, value: value ?? undefined };
    }
  }

  /** A cursor over a table's rows; undefined: it has none. */
  cursor(
    table: TableName,
    start: ByteString,
    end: ByteString | undefined,
    reverse: boolean,
  ): Cursor | undefined {
    const rows = this.#tables.get(table);
    return rows === undefined ? undefined : new OverlayCursor(rows, start, end, reverse);
  }
}

/** Walks rows in order. `value` null: removed here, whatever lies below. */
export interface Cursor {
  /** Undefined: at the end. */
  readonly key: ByteString | undefined;
  readonly value: Buffer | null;
  advance(): void;
}

class OverlayCursor implements Cursor {
  key: ByteString | undefined;
  value: Buffer | null = null;
  readonly #pairs: IterableIterator<[ByteString, Buffer | null]>;
  readonly #beyond: (key: ByteString) => boolean;

  constructor(
    rows: OrderedMap<Buffer | null>,
    start: ByteString,
    end: ByteString | undefined,
    reverse: boolean,
  ) {
    this.#pairs = reverse ? rows.entriesReversed(end, undefined, true) : rows.entries(start);
    this.#beyond = reverse ? (key) => key < start : (key) => end !== undefined && key >= end;
    this.advance();
  }

  advance(): void {
    const next = this.#pairs.next();
    if (next.done === true || this.#beyond(next.value[0])) {
      this.key = undefined;
      return;
    }
    [this.key, this.value] = next.value;
  }
}

/** Rows of a source that is read in chunks. */
export class ChunkCursor implements Cursor {
  key: ByteString | undefined;
  value: Buffer | null = null;
  readonly #read: (after: ByteString | undefined) => readonly Row[];
  #chunk: readonly Row[];
  #at = -1;

  /** `read` answers the first chunk, then the ones after a key; an empty one ends it. */
  constructor(read: (after: ByteString | undefined) => readonly Row[]) {
    this.#read = read;
    this.#chunk = read(undefined);
    this.advance();
  }

  advance(): void {
    if (++this.#at === this.#chunk.length && this.#at > 0) {
      this.#chunk = this.#read(this.#chunk[this.#at - 1]?.key);
      this.#at = 0;
    }
    const row = this.#chunk[this.#at];
    this.key = row?.key;
    this.value = row?.value ?? null;
  }
}

/** The rows of overlays (the newest first) and of what lies below them, in order, no more than the limit. */
export function rangeOver(
  overlays: readonly Overlay[],
  below: RowSource,
  table: TableName,
  range: RowRange,
): Row[] {
  const cursors = cursorsOf(overlays, below, table, range);
  if (cursors === undefined) return below.range(table, range);
  return merge(cursors, range, Number.POSITIVE_INFINITY).rows;
}

/** A part of a range that was looked at in a bounded number of steps, rows removed above those below them included. */
export interface Chunk {
  readonly rows: readonly Row[];
  /** The last key looked at: there may be more behind it. Undefined: all of the range was. */
  readonly cut: ByteString | undefined;
}

/**
 * The first rows of a range, where no more than `limit` of either side are looked at: a hundred thousand removed rows
 * that aren't in the backend yet are passed over in as many steps as there would be rows.
 */
export function chunkOver(
  overlays: readonly Overlay[],
  below: RowSource,
  table: TableName,
  range: RowRange,
): Chunk {
  const cursors = cursorsOf(overlays, below, table, range);
  if (cursors !== undefined) return merge(cursors, range, range.limit);
  const rows = below.range(table, range);
  return { rows, cut: rows.length < range.limit ? undefined : rows.at(-1)?.key };
}

/** What an overlay lies over. */
interface RowSource {
  range(table: TableName, range: RowRange): Row[];
}

/** Undefined: no overlay has anything there. */
function cursorsOf(
  overlays: readonly Overlay[],
  below: RowSource,
  table: TableName,
  range: RowRange,
): readonly Cursor[] | undefined {
  const { start, end, limit, reverse = false } = range;
  const cursors: Cursor[] = [];
  for (const overlay of overlays) {
    const cursor = overlay.cursor(table, start, end, reverse);
    if (cursor?.key !== undefined) cursors.push(cursor);
  }
  if (cursors.length === 0) return undefined;
  let ended = false;
  cursors.push(
    new ChunkCursor((after) => {
      if (ended) return [];
      const from =
        after === undefined ? range : { ...range, ...(reverse ? { end: after } : { start: `${after}\0` }) };
      const rows = below.range(table, from);
      ended = rows.length < limit;
      return rows;
    }),
  );
  return cursors;
}

/** Rows of several cursors in order, of at most so many keys; of equal keys the first cursor's counts. */
function merge(
  cursors: readonly Cursor[],
  { limit, reverse = false, keysOnly = false }: RowRange,
  steps: number,
): Chunk & { readonly rows: Row[] } {
  const rows: Row[] = [];
  let cut: ByteString | undefined;
  for (let step = 0; rows.length < limit && step < steps; step++) {
    let key: ByteString | undefined;
    let value: Buffer | null = null;
    for (const cursor of cursors) {
      if (cursor.key === undefined) continue;
      if (key === undefined || (reverse ? cursor.key > key : cursor.key < key)) {
        key = cursor.key;
        value = cursor.value;
      }
    }
    if (key === undefined) return { rows, cut: undefined };
    for (const cursor of cursors) if (cursor.key === key) cursor.advance();
    if (value !== null) rows.push({ key, value: keysOnly ? EMPTY_VALUE : value });
    cut = key;
  }
  return { rows, cut };
}
