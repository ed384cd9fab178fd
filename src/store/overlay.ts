import type { ByteString } from '../base/bytes.js';
import type { Row, TableName, Write } from './backend/backend.js';
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

/** Up to `limit` rows of several cursors in order; of equal keys the first cursor's counts. */
export function merge(
  cursors: readonly Cursor[],
  { limit, reverse, keysOnly }: { limit: number; reverse: boolean; keysOnly: boolean },
): Row[] {
  const rows: Row[] = [];
  while (rows.length < limit) {
    let key: ByteString | undefined;
    let value: Buffer | null = null;
    for (const cursor of cursors) {
      if (cursor.key === undefined) continue;
      if (key === undefined || (reverse ? cursor.key > key : cursor.key < key)) {
        key = cursor.key;
        value = cursor.value;
      }
    }
    if (key === undefined) break;
    for (const cursor of cursors) if (cursor.key === key) cursor.advance();
    if (value !== null) rows.push({ key, value: keysOnly ? EMPTY_VALUE : value });
  }
  return rows;
}
