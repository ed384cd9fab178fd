import type { ByteString } from '../base/bytes.js';
import type { Row, RowRange, TableName } from './backend/backend.js';
import { type Chunk, Overlay } from './overlay.js';
import type { Tables } from './tables.js';

/** Rows to read and write. */
export interface TableAccess {
  get(table: TableName, key: ByteString): Buffer | undefined;
  /** Rows in order, no more than the limit. They are of this moment: a caller that yields starts again from a key. */
  range(table: TableName, range: RowRange): Row[];
  /** A part of it in a bounded number of steps, whatever was removed there; forwards only. */
  chunk(table: TableName, range: RowRange): Chunk;
  put(table: TableName, key: ByteString, value: Buffer): void;
  remove(table: TableName, key: ByteString): void;
}

/**
 * The tables as an entry sees them that is applied over several turns: its own writes lie apart until it ends, so that
 * nobody else sees any of them before. Given up, it leaves nothing behind.
 */
export class Layer implements TableAccess {
  readonly overlay = new Overlay();
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** The state below was closed or replaced: what is written here is nobody's. */
  get isOver(): boolean {
    return this.#tables.ended;
  }

  get(table: TableName, key: ByteString): Buffer | undefined {
    const own = this.overlay.get(table, key);
    return own === undefined ? this.#tables.get(table, key) : (own ?? undefined);
  }

  range(table: TableName, range: RowRange): Row[] {
    return this.#tables.range(table, range, this.overlay);
  }

  chunk(table: TableName, range: RowRange): Chunk {
    return this.#tables.chunk(table, range, this.overlay);
  }

  put(table: TableName, key: ByteString, value: Buffer): void {
    this.overlay.set(table, key, value);
  }

  remove(table: TableName, key: ByteString): void {
    this.overlay.set(table, key, null);
  }
}
