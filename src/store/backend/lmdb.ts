import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Database, RootDatabase, RootDatabaseOptionsWithPath } from 'lmdb';
import { type ByteString, toBytes } from '../../base/bytes.js';
import { ConfetdError, messageOf } from '../../base/errors.js';
import type { Disk } from '../../io/disk.js';
import { EMPTY_VALUE } from '../record.js';
import type { Backend, BackendCopy, Row, RowRange, TableName, Write } from './backend.js';
import { BackendFullError, TABLES } from './backend.js';
import { CopyCheck } from './copy-check.js';
import { causeOf, fullMessage, isFull } from './lmdb-errors.js';
import { makeLockFile } from './lock-file.js';
import { removeDatabase } from './remove-database.js';
import { WriteStart } from './write-start.js';

type Table = Database<Buffer, Buffer>;

interface PreparedWrite {
  readonly table: Table;
  readonly key: Buffer;
  readonly value: Buffer | undefined;
}

/** What ranges answer by {@link READING}. */
interface Reading {
  getRange(range: object): Iterable<Row>;
  getKeys(range: object): Iterable<ByteString>;
}

const GIBIBYTE = 2 ** 30;
/** A state of gigabytes synced at once would hold up the log's syncs on the same disk for as long. */
const IMPORT_SYNC_BYTES = 4 * 1024 * 1024;
const DATA_FILE = 'data.mdb';

/** Rows of a batch that is handed to lmdb in one turn: about two milliseconds. */
const WHOLE_WRITES = 2_500;
/** Of a longer one, the rows of each turn after that. Below 1,000, where lmdb may make its caller wait. */
const SLICE_WRITES = 500;
const TIDY_MS = 1;
/** From the end of a transfer: its receiver takes in what the log holds since, in haste. */
const BEFORE_REMOVAL_MS = 3_000;
/** Between two steps of removing a copy: 45 of them in a row held up the log's syncs by 20 ms and more. */
const REMOVAL_REST_MS = 40;

const BEFORE_ALL = Buffer.from([0]);

/** Above every stored key, which are shorter: where a reverse read of a whole table begins. LMDB wants a key there. */
const AFTER_ALL = Buffer.alloc(1_970, 0xff);

function copied(bytes: Uint8Array, length: number): Buffer {
  const copy = Buffer.allocUnsafe(length);
  copy.set(new Uint8Array(bytes.buffer, bytes.byteOffset, length));
  return copy;
}

/**
 * How a range reads its rows: where lmdb's encoders put theirs, which it doesn't declare. Its own make two buffers a
 * row outside of the heap, and then half of the time goes to collecting them. Writing is left as it is: that counts on
 * a buffer to throw where a key is too long.
 */
const READING = {
  readKey: (bytes: Buffer, start: number, end: number): ByteString => bytes.toString('latin1', start, end),
  decoder: { decode: copied },
  decoderCopies: true,
};

export interface LmdbOptions {
  /** Folder of the database; made where it is missing. */
  readonly folder: string;
  /** The member's quota in bytes; the address space reserved is four times as much, and 16 GiB at least. */
  readonly quotaBytes: number;
  /** Where copies are read from and removed. */
  readonly disk: Disk;
}

/** The state in LMDB. Opened as experiments on power loss say it must be: see docs/decisions. */
export class LmdbBackend implements Backend {
  readonly #root: RootDatabase<Buffer, Buffer>;
  readonly #tables: Readonly<Record<TableName, Table>>;
  readonly #options: LmdbOptions;
  readonly #start: WriteStart;
  #copies = 0;
  /** Settles when no copy is being made. */
  #backups: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;
  /** How the last write ended; `unsynced`: a sync failed, or never ended. */
  #state: 'sound' | 'writing' | 'failed' | 'unsynced' = 'sound';

  private constructor(root: RootDatabase<Buffer, Buffer>, options: LmdbOptions) {
    this.#root = root;
    this.#options = options;
    this.#start = new WriteStart(root);
    const open = (name: TableName): Table =>
      root.openDB<Buffer, Buffer>({ name, encoding: 'binary', keyEncoding: 'binary' });
    const tables = Object.fromEntries(TABLES.map((name) => [name, open(name)])) as Record<TableName, Table>;
    for (const table of Object.values(tables)) Object.assign(table, READING);
    this.#tables = tables;
  }

  /** Throws `data_folder` where LMDB can't open or make the database. */
  static async open(options: LmdbOptions): Promise<LmdbBackend> {
    const lmdb = await import('lmdb');
    try {
      await makeLockFile(options.disk, options.folder);
      const root = lmdb.open<Buffer, Buffer>(openOptions(options));
      return new LmdbBackend(root, options);
    } catch (error) {
      throw new ConfetdError(
        'data_folder',
        `can't open the database in ${options.folder}: ${messageOf(error)}; check its owner, mode and free space`,
        { cause: error },
      );
    }
  }

  get(table: TableName, key: ByteString): Buffer | undefined {
    const found = this.#tables[table].getBinaryFast(toBytes(key));
    if (found === undefined) return undefined;
    // In lmdb's own buffer until the next read, and longer than its length says: copied into Node's pool, which costs
    // less than half of the buffer of its own that `getBinary` makes.
    return copied(found, found.length);
  }

  range(table: TableName, range: RowRange): Row[] {
    const { limit, keysOnly = false } = range;
    const database = this.#tables[table] as unknown as Reading;
    const rows: Row[] = [];
    // Read to the end in this turn, so that no cursor or read transaction stays open.
    if (keysOnly) {
      for (const key of database.getKeys({ ...bounds(range), limit })) {
        rows.push({ key, value: EMPTY_VALUE });
      }
    } else {
      for (const { key, value } of database.getRange({ ...bounds(range), limit })) {
        rows.push({ key, value });
      }
    }
    return rows;
  }

  async write(writes: Iterable<Write>): Promise<void> {
    const source = writes[Symbol.iterator]();
    const before = this.#lastTransaction();
    const first = this.#prepare(source, WHOLE_WRITES);
    if (first.length === 0) return;
    const isLong = first.length === WHOLE_WRITES;
    const isHeld = isLong && this.#start.hold();
    const committed = [this.#queue(first)];
    this.#state = 'writing';
    if (isLong) await this.#queueRest(source, isHeld, committed);
    try {
      const written = Promise.all([...committed, this.#root.flushed]);
      // Beside it: a failure must be heard of in the turn in which it happens.
      if (isLong) void this.#tidyUntil(written);
      await written;
    } catch (error) {
      const cause = await causeOf(error);
      // What readers can see was written, and then not synced: its pages may be lost, and nothing makes up for that.
      const visible = this.#lastTransaction() !== before;
      this.#state = visible ? 'unsynced' : 'failed';
      throw !visible && isFull(cause) ? new BackendFullError(fullMessage(cause), { cause }) : cause;
    }
    this.#state = 'sound';
    this.#root.resetReadTxn();
  }

  /** A slice of a batch. */
  #prepare(source: Iterator<Write>, most: number): PreparedWrite[] {
    const prepared: PreparedWrite[] = [];
    while (prepared.length < most) {
      const next = source.next();
      if (next.done === true) break;
      const { table, key, value } = next.value;
      prepared.push({ table: this.#tables[table], key: toBytes(key), value });
    }
    return prepared;
  }

  #queue(prepared: readonly PreparedWrite[]): Promise<boolean> {
    // A throw in here would commit what came before it: the callback only replays.
    let last: Promise<boolean> | undefined;
    return this.#root.batch(() => {
      for (const { table, key, value } of prepared) {
        const written = value === undefined ? table.remove(key) : table.put(key, value);
        // A full disk fails each of them: told once, by the batch; unheard, it would end the process instead.
        if (written !== last) written.catch(() => {});
        last = written;
      }
    });
  }

  /**
   * The rest of a long batch, slice by slice, in the same transaction: see {@link WriteStart}. Should listing it fail,
   * the thread is never sent, nothing is written, and the batch never ends well.
   */
  async #queueRest(source: Iterator<Write>, isHeld: boolean, committed: Promise<boolean>[]): Promise<void> {
    for (;;) {
      if (isHeld) await setImmediate();
      const more = this.#prepare(source, SLICE_WRITES);
      if (more.length === 0) break;
      const slice = this.#queue(more);
      if (slice !== committed.at(-1)) committed.push(slice);
    }
    this.#start.release();
  }

  async #tidyUntil(written: Promise<unknown>): Promise<void> {
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    written.then(over, over);
    while (!isOver) {
      await setTimeout(TIDY_MS);
      if (!isOver) this.#start.tidy();
    }
  }

  /** Of what readers see; undefined where LMDB says that it can't go on. */
  #lastTransaction(): number | undefined {
    try {
      this.#root.resetReadTxn();
      return statsOf(this.#root).lastTxnId;
    } catch {
      return undefined;
    }
  }

  size(): { total: number; inUse: number } {
    const { lastPageNumber, pageSize } = statsOf(this.#root);
    let pages = 2;
    for (const table of [this.#root, ...Object.values(this.#tables)]) {
      const stats = statsOf(table);
      pages += stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages;
    }
    const total = (lastPageNumber + 1) * pageSize;
    return { total, inUse: Math.min(total, pages * pageSize) };
  }

  async copy(): Promise<BackendCopy> {
    const { disk, folder } = this.#options;
    if (this.#closing !== undefined)
      throw new ConfetdError('unavailable', 'the state was closed or replaced; ask again');
    const target = `${folder}.copy-${++this.#copies}`;
    await LmdbBackend.remove(target, disk);
    try {
      await disk.makeFolder(target);
      if (this.#closing !== undefined) throw new Error('it was closed');
      // Compacting, in a thread: writes go on meanwhile. Closing waits for it.
      const backup = this.#root.backup(target, true);
      this.#backups = Promise.allSettled([this.#backups, backup]);
      await backup;
      return await openCopy(disk, target);
    } catch (error) {
      await LmdbBackend.remove(target, disk);
      throw new ConfetdError(
        'disk',
        `can't copy the state to ${target}: ${messageOf(error)}; it needs about as much room as the state takes`,
        { cause: error },
      );
    }
  }

  /** Removes the database in a folder, which must be closed; one that is missing is fine. */
  static remove(folder: string, disk: Disk): Promise<void> {
    return removeDatabase(disk, folder, DATA_FILE);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#backups;
    // Closing would sync again, and vouch for what the first sync may have lost.
    if (this.#state === 'unsynced' || this.#state === 'writing') return;
    // lmdb waits for all batches to be flushed, also for one that failed, which never is.
    if (this.#state === 'failed') Object.assign(this.#root, { _endWrites: undefined });
    await this.#root.close();
  }

  /**
   * Writes a {@link copy} into a new folder and opens it. The file is synced, and the folder; the folder's own name is
   * the caller's to make durable. Throws `data_loss` where it isn't such a copy; the folder then is the caller's to
   * remove. Holds a chunk at a time.
   */
  static async import(chunks: AsyncIterable<Buffer>, options: LmdbOptions): Promise<LmdbBackend> {
    const { disk, folder } = options;
    const check = new CopyCheck();
    await disk.makeFolder(folder);
    const file = await disk.open(`${folder}/${DATA_FILE}`, 'create');
    try {
      let at = 0;
      let synced = 0;
      for await (const chunk of chunks) {
        check.add(chunk);
        await file.write(at, chunk);
        at += chunk.length;
        if (at - synced < IMPORT_SYNC_BYTES) continue;
        await file.sync();
        synced = at;
      }
      check.end();
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.syncFolder(folder);
    const backend = await LmdbBackend.open(options);
    try {
      for (const table of TABLES) backend.range(table, { start: '', end: undefined, limit: 1 });
      return backend;
    } catch (error) {
      await backend.close();
      throw new ConfetdError('data_loss', `the snapshot can't be read: ${messageOf(error)}; send it again`, {
        cause: error,
      });
    }
  }
}

async function openCopy(disk: Disk, folder: string): Promise<BackendCopy> {
  const path = `${folder}/${DATA_FILE}`;
  const file = await disk.open(path, 'read');
  const bytes = await file.size();
  await file.close();
  return {
    bytes,
    chunks: () => disk.stream(path),
    close: async (rest) => {
      await rest?.(BEFORE_REMOVAL_MS);
      await removeDatabase(disk, folder, DATA_FILE, () => rest?.(REMOVAL_REST_MS));
    },
  };
}

/** As the experiments on power loss say: `safeRestore`, which lmdb doesn't declare, counts only what was flushed. */
function openOptions(options: LmdbOptions): RootDatabaseOptionsWithPath & { safeRestore: boolean } {
  return {
    path: options.folder,
    // A folder, even where its name has a dot.
    noSubdir: false,
    mapSize: Math.max(16 * GIBIBYTE, 4 * options.quotaBytes),
    maxDbs: TABLES.length + 3,
    encoding: 'binary',
    keyEncoding: 'binary',
    overlappingSync: true,
    safeRestore: true,
    // Every write is a batch of its own. An event turn's batch around it has a promise that nobody is given, and whose
    // rejection by a full disk would end the process.
    eventTurnBatching: false,
  };
}

interface Stats {
  readonly lastTxnId: number;
  readonly pageSize: number;
  readonly lastPageNumber: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

function statsOf(table: Table): Stats {
  return table.getStats() as Stats;
}

function bounds({ start, end, reverse = false }: RowRange): object {
  if (!reverse) {
    const from = start === '' ? undefined : toBytes(start);
    return {
      ...(from !== undefined && { start: from }),
      ...(end !== undefined && { end: toBytes(end) }),
    };
  }
  return {
    reverse: true,
    start: end === undefined ? AFTER_ALL : toBytes(end),
    exclusiveStart: true,
    end: start === '' ? BEFORE_ALL : toBytes(start),
    inclusiveEnd: true,
  };
}
