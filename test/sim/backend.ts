import { ConfetdError, systemCode } from '../../src/base/errors.js';
import type { Disk, DiskFile } from '../../src/io/disk.js';
import {
  type Backend,
  type BackendCopy,
  BackendFullError,
  type Row,
  type RowRange,
  type TableName,
  type Write,
} from '../../src/store/backend/backend.js';
import { MemoryBackend } from '../../src/store/backend/memory.js';

/** What a database's file holds, one sector: which state it is, and how many batches it has taken. */
const ID_DIGITS = 16;
const RECORD_BYTES = 2 * ID_DIGITS;

/** A state on a machine, with the batch that may or may not have reached the disk when its process ended. */
interface State {
  readonly memory: MemoryBackend;
  batches: number;
  pending: readonly Write[];
}

/**
 * The states of one machine. Each is kept in memory behind a small file on the machine's disk, `<path>/data`, so that
 * what happens to files and names (renames, removals, a loss of power, a fault, a full disk) happens to states too. A
 * batch counts once its file's sector is written: all of it or nothing, whenever the process or the power ends.
 */
export class SimBackends {
  readonly #states = new Map<string, State>();

  /** As LMDB: made where it is missing; a file that isn't one is refused. */
  async open(disk: Disk, path: string): Promise<SimBackend> {
    const name = `${path}/data`;
    if (!(await disk.exists(name))) {
      await disk.makeFolder(path);
      return this.#create(disk, path, new MemoryBackend());
    }
    const file = await disk.open(name, 'write');
    const record = (await file.read(0, RECORD_BYTES)).toString('latin1');
    const state = this.#states.get(record.slice(0, ID_DIGITS));
    const batches = Number.parseInt(record.slice(ID_DIGITS), 16);
    if (state === undefined || (batches !== state.batches && batches !== state.batches + 1)) {
      await file.close();
      throw new ConfetdError('data_folder', `${name} isn't a state of this machine`);
    }
    if (batches > state.batches) await state.memory.write(state.pending);
    state.batches = batches;
    state.pending = [];
    return new SimBackend(file, state, record.slice(0, ID_DIGITS));
  }

  /** A copy written into a new folder, as `LmdbBackend.import`. */
  async import(disk: Disk, path: string, chunks: AsyncIterable<Buffer>): Promise<SimBackend> {
    await disk.makeFolder(path);
    return this.#create(disk, path, await MemoryBackend.import(chunks));
  }

  async #create(disk: Disk, path: string, memory: MemoryBackend): Promise<SimBackend> {
    const id = (this.#states.size + 1).toString(16).padStart(ID_DIGITS, '0');
    const state: State = { memory, batches: 0, pending: [] };
    this.#states.set(id, state);
    const file = await disk.open(`${path}/data`, 'create');
    await file.write(0, recordOf(id, 0));
    await file.sync();
    await disk.syncFolder(path);
    return new SimBackend(file, state, id);
  }
}

function recordOf(id: string, batches: number): Buffer {
  return Buffer.from(id + batches.toString(16).padStart(ID_DIGITS, '0'), 'latin1');
}

/** One process's handle of a state. */
export class SimBackend implements Backend {
  readonly #file: DiskFile;
  readonly #state: State;
  readonly #id: string;
  #closed = false;

  constructor(file: DiskFile, state: State, id: string) {
    this.#file = file;
    this.#state = state;
    this.#id = id;
  }

  /** What it holds; tests damage it. */
  get memory(): MemoryBackend {
    return this.#state.memory;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get(table: TableName, key: string): Buffer | undefined {
    this.#check();
    return this.#state.memory.get(table, key);
  }

  range(table: TableName, range: RowRange): Row[] {
    this.#check();
    return this.#state.memory.range(table, range);
  }

  async write(writes: Iterable<Write>): Promise<void> {
    this.#check();
    const state = this.#state;
    state.pending = [...writes];
    try {
      await this.#grow();
      await this.#file.write(0, recordOf(this.#id, state.batches + 1));
    } catch (error) {
      throw systemCode(error) === 'ENOSPC' ? new BackendFullError('no space left', { cause: error }) : error;
    }
    await this.#file.sync();
    await state.memory.write(state.pending);
    state.batches++;
    state.pending = [];
  }

  size(): { total: number; inUse: number } {
    return this.#state.memory.size();
  }

  copy(): Promise<BackendCopy> {
    this.#check();
    return this.#state.memory.copy();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#file.close();
  }

  /** The file takes as much of the disk as the state does, so that the disk can be full. */
  async #grow(): Promise<void> {
    const { memory, pending } = this.#state;
    let bytes = RECORD_BYTES + memory.size().total;
    for (const { key, value } of pending) if (value !== undefined) bytes += key.length + value.length;
    const size = await this.#file.size();
    if (bytes > size) await this.#file.write(size, Buffer.alloc(bytes - size));
  }

  #check(): void {
    if (this.#closed) throw new Error('the state is closed');
  }
}
