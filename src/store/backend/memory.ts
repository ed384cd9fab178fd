import { assert } from '../../base/assert.js';
import { toByteString, toBytes } from '../../base/bytes.js';
import { ConfetdError } from '../../base/errors.js';
import { EMPTY_VALUE } from '../record.js';
import type { Backend, BackendCopy, Row, RowRange, TableName, Write } from './backend.js';
import { TABLES } from './backend.js';
import { type OrderedMap, orderedMap } from './ordered.js';

const CHUNK_BYTES = 64 * 1024;

export interface MemoryBackendOptions {
  /** How long a write takes. Nothing of it is there before; a process that ends meanwhile has lost it. */
  readonly writing?: () => Promise<void>;
}

/** The state in memory, for simulation and tests. It outlives the stores opened on it, as a disk does. */
export class MemoryBackend implements Backend {
  readonly #tables = new Map<TableName, OrderedMap<Buffer>>(TABLES.map((name) => [name, orderedMap()]));
  readonly #writing: () => Promise<void>;
  #bytes = 0;

  constructor(options: MemoryBackendOptions = {}) {
    this.#writing = options.writing ?? (() => Promise.resolve());
  }

  get(table: TableName, key: string): Buffer | undefined {
    return this.#table(table).get(key);
  }

  range(table: TableName, { start, end, limit, reverse = false, keysOnly = false }: RowRange): Row[] {
    const rows: Row[] = [];
    const tree = this.#table(table);
    const pairs = reverse ? tree.entriesReversed(end, undefined, true) : tree.entries(start);
    for (const [key, value] of pairs) {
      if (rows.length >= limit || (reverse ? key < start : end !== undefined && key >= end)) break;
      rows.push({ key, value: keysOnly ? EMPTY_VALUE : value });
    }
    return rows;
  }

  async write(writes: Iterable<Write>): Promise<void> {
    await this.#writing();
    for (const { table, key, value } of writes) this.#set(table, key, value);
  }

  size(): { total: number; inUse: number } {
    return { total: this.#bytes, inUse: this.#bytes };
  }

  async copy(): Promise<BackendCopy> {
    const frames: Buffer[] = [];
    let bytes = 0;
    for (const [at, name] of TABLES.entries()) {
      for (const [key, value] of this.#table(name).entries()) {
        const head = Buffer.alloc(9);
        head[0] = at;
        head.writeUInt32BE(key.length, 1);
        head.writeUInt32BE(value.length, 5);
        frames.push(head, toBytes(key), value);
        bytes += head.length + key.length + value.length;
      }
    }
    const all = Buffer.concat(frames);
    return {
      bytes,
      async *chunks() {
        for (let at = 0; at < all.length; at += CHUNK_BYTES) yield all.subarray(at, at + CHUNK_BYTES);
      },
      async close() {},
    };
  }

  async close(): Promise<void> {}

  /** The state that a {@link copy} holds. */
  static async import(
    chunks: AsyncIterable<Buffer>,
    options: MemoryBackendOptions = {},
  ): Promise<MemoryBackend> {
    const backend = new MemoryBackend(options);
    const parts: Buffer[] = [];
    for await (const chunk of chunks) parts.push(Buffer.from(chunk));
    const all = Buffer.concat(parts);
    let at = 0;
    while (at < all.length) {
      const name = TABLES[all[at] ?? TABLES.length];
      const valueAt = at + 9 + (at + 9 <= all.length ? all.readUInt32BE(at + 1) : 0);
      const end = valueAt + (at + 9 <= all.length ? all.readUInt32BE(at + 5) : 0);
      if (name === undefined || at + 9 > all.length || end > all.length) {
        throw new ConfetdError(
          'data_loss',
          `the snapshot is damaged or cut off at byte ${at}; send it again`,
        );
      }
      backend.#set(name, toByteString(all.subarray(at + 9, valueAt)), all.subarray(valueAt, end));
      at = end;
    }
    return backend;
  }

  #table(name: TableName): OrderedMap<Buffer> {
    const table = this.#tables.get(name);
    assert(table !== undefined, `no table ${name}`);
    return table;
  }

  #set(name: TableName, key: string, value: Buffer | undefined): void {
    assert(key.length > 0, `an empty key in table ${name}`);
    const table = this.#table(name);
    const old = table.get(key);
    if (old !== undefined) this.#bytes -= key.length + old.length;
    if (value === undefined) {
      table.delete(key);
    } else {
      table.set(key, value);
      this.#bytes += key.length + value.length;
    }
  }
}
