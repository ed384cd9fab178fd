import { ConfetdError, messageOf } from '../base/errors.js';
import { type Disk, readFile } from '../io/disk.js';
import type { Log } from '../io/log.js';
import { ConfState } from '../proto/generated/raft.js';
import type { Backend, Write } from '../store/backend/backend.js';
import { CONF_STATE_ROW, readApplied } from '../store/meta.js';

/** Rows of table `meta` that are this member's own: a state from another member holds that one's. */
export const LOCAL_META_ROWS = ['identity', 'boot', 'instances'] as const;

const FIRST = 'db';
/** Holds the live state's name and a newline; missing until the first snapshot is installed. */
const CURRENT = 'CURRENT';
const CURRENT_STAGE = 'CURRENT.tmp';
const STAGE = 'db.tmp';
const NAME = /^db(-[0-9a-f]{16})?$/;
/** What this class, or a backend's copy, may have left behind. */
const LEFTOVER = /^(db(-[0-9a-f]{16})?(\.copy-\d+)?|db\.tmp(\.copy-\d+)?|CURRENT\.tmp)$/;

export interface StateFolderPorts {
  readonly disk: Disk;
  readonly log: Log;
  /** Opens the state at a path, made where it is missing. */
  openBackend(path: string): Promise<Backend>;
  /** Writes a copy into a new folder, durably, and opens it; throws where it isn't whole. */
  importBackend(path: string, chunks: AsyncIterable<Buffer>): Promise<Backend>;
  /** Removes the state at a path, which must be closed; one that is missing is fine. */
  removeBackend(path: string): Promise<void>;
}

/** A state received from another member: durable, and not in use yet. What it says of itself is read from it. */
export interface Staged {
  readonly index: number;
  readonly term: number;
  readonly revision: number;
  readonly confState: ConfState;
}

interface StagedState extends Staged {
  readonly name: string;
}

/**
 * The folder `member/snap`, which holds the live state, and for a while the one that replaces it. Installing a snapshot
 * takes three steps with the log's record of it in between, each durable before the next begins:
 *
 * 1. {@link stage} writes the state under a name of its own, `db-<index>`;
 * 2. the log's snapshot record, the caller's, says that the state must be installed;
 * 3. {@link install} gives it this member's own rows, and names it in `CURRENT`.
 *
 * After a crash {@link settle} finishes what the record asks for, or removes what it doesn't.
 */
export class StateFolder {
  readonly #folder: string;
  readonly #ports: StateFolderPorts;
  #live: string;
  #backend: Backend;
  #staged: StagedState | undefined;
  /** The log may speak of what is staged: nothing else may take its place. */
  #accepted = false;
  /** Replaced by an install; its files stay until its backend is closed. */
  #former: string | undefined;
  #staging = false;

  private constructor(folder: string, ports: StateFolderPorts, live: string, backend: Backend) {
    this.#folder = folder;
    this.#ports = ports;
    this.#live = live;
    this.#backend = backend;
  }

  /** Opens the live state. Fails with `data_folder` where there is none; {@link settle} must follow. */
  static async open(folder: string, ports: StateFolderPorts): Promise<StateFolder> {
    // A process that was killed may have renamed `CURRENT` and not synced the name; from here on it is relied on.
    await ports.disk.syncFolder(folder);
    const live = await currentName(folder, ports.disk);
    if (!(await ports.disk.exists(`${folder}/${live}`))) {
      throw new ConfetdError(
        'data_folder',
        `the state ${folder}/${live} is missing: restore the whole data folder from one backup, or give --data-dir another folder`,
      );
    }
    return new StateFolder(folder, ports, live, await ports.openBackend(`${folder}/${live}`));
  }

  /** The live state. */
  get backend(): Backend {
    return this.#backend;
  }

  /**
   * Receives a state. It replaces one that was staged before, unless that is {@link accept}ed: then it fails with
   * `unavailable`, as it does for a state that isn't newer than the live one, and while another is being received.
   * A copy that isn't whole fails with `data_loss`. Whatever fails leaves nothing behind.
   */
  async stage(chunks: AsyncIterable<Buffer>): Promise<Staged> {
    this.#checkFree();
    if (this.#staging) throw new ConfetdError('unavailable', 'another snapshot is being received');
    this.#staging = true;
    const { disk } = this.#ports;
    const stage = this.#path(STAGE);
    try {
      await this.#ports.removeBackend(stage);
      const staged = await this.#receive(stage, chunks);
      this.#checkFree();
      const older = this.#staged;
      this.#staged = undefined;
      if (older !== undefined) await this.#ports.removeBackend(this.#path(older.name));
      await disk.rename(stage, this.#path(staged.name));
      await disk.syncFolder(this.#folder);
      this.#staged = staged;
      return staged;
    } catch (error) {
      await this.#discard(STAGE);
      throw error;
    } finally {
      this.#staging = false;
    }
  }

  /** To be said before the log's snapshot record is written: from now on what is staged can only be installed. */
  accept(staged: Staged): void {
    this.#check(staged);
    this.#accepted = true;
  }

  /** Removes what was staged and isn't wanted: raft had no use for it. */
  async drop(staged: Staged): Promise<void> {
    if (this.#staged !== staged || this.#accepted) return;
    this.#staged = undefined;
    await this.#discard((staged as StagedState).name);
  }

  /**
   * Makes what is staged the live state, once the log's snapshot record is durable, and opens it. `localRow` reads a
   * member's own row where the live backend may not have it yet. The former state's files stay until {@link forget}.
   * Where it fails the member must halt: its next start finishes the install.
   */
  async install(
    staged: Staged,
    localRow: (key: string) => Buffer | undefined = (key) => this.#backend.get('meta', key),
  ): Promise<Backend> {
    const { name } = this.#check(staged);
    this.#accepted = true;
    const backend = await this.#switchTo(name, localRow);
    this.#former = this.#live;
    this.#live = name;
    this.#backend = backend;
    this.#staged = undefined;
    this.#accepted = false;
    return backend;
  }

  /** Removes the former state's files; its backend has been closed. */
  async forget(): Promise<void> {
    const former = this.#former;
    this.#former = undefined;
    if (former !== undefined) await this.#discard(former);
  }

  /**
   * Brings the folder in line with the log: the newest snapshot record's index (undefined: it has none) is to be given
   * before anything uses {@link backend}, which may be another one afterwards. Fails with `data_folder` where the log
   * was cut for a state that isn't here.
   */
  async settle(snapshotIndex: number | undefined): Promise<Backend> {
    const { disk } = this.#ports;
    const { index } = readApplied(this.#backend.get('meta', 'applied'));
    if (snapshotIndex !== undefined && snapshotIndex > index) {
      const name = nameOf(snapshotIndex);
      if (!(await disk.exists(this.#path(name)))) {
        throw new ConfetdError(
          'data_folder',
          `the log goes on from a snapshot at entry ${snapshotIndex}, but ${this.#path(this.#live)} holds entry ${index} and there is no ${name} beside it: restore the whole data folder from one backup, or give --data-dir another folder`,
        );
      }
      const former = this.#backend;
      this.#backend = await this.#switchTo(name, (key) => former.get('meta', key));
      this.#live = name;
      await former.close();
      this.#ports.log.info({ index: snapshotIndex }, 'finished installing a snapshot');
    }
    for (const name of await disk.list(this.#folder)) {
      if (LEFTOVER.test(name) && name !== this.#live) await this.#discard(name);
    }
    return this.#backend;
  }

  async #receive(stage: string, chunks: AsyncIterable<Buffer>): Promise<StagedState> {
    const backend = await this.#ports.importBackend(stage, chunks);
    let staged: StagedState;
    try {
      staged = describe(backend);
    } finally {
      // LMDB must not have its folder renamed underneath.
      await backend.close();
    }
    const { index } = staged;
    const live = readApplied(this.#backend.get('meta', 'applied'));
    if (index <= live.index) {
      throw new ConfetdError(
        'unavailable',
        `the snapshot ends at entry ${index}, but the state here holds ${live.index}`,
      );
    }
    return staged;
  }

  /** May be repeated after a crash at any point: until the last step the live state is the former one. */
  async #switchTo(name: string, localRow: (key: string) => Buffer | undefined): Promise<Backend> {
    const { disk } = this.#ports;
    const backend = await this.#ports.openBackend(this.#path(name));
    try {
      await backend.write(
        LOCAL_META_ROWS.map((key): Write => ({ table: 'meta', key, value: localRow(key) })),
      );
      const stage = this.#path(CURRENT_STAGE);
      await disk.remove(stage);
      const file = await disk.open(stage, 'create');
      try {
        await file.write(0, Buffer.from(`${name}\n`));
        await file.sync();
      } finally {
        await file.close();
      }
      await disk.rename(stage, this.#path(CURRENT));
      await disk.syncFolder(this.#folder);
      return backend;
    } catch (error) {
      await backend.close();
      throw error;
    }
  }

  #checkFree(): void {
    if (this.#accepted) throw new ConfetdError('unavailable', 'a snapshot is being installed');
  }

  #check(staged: Staged): StagedState {
    if (this.#staged === undefined || this.#staged !== staged) {
      throw new ConfetdError('internal', 'what is to be installed was staged, and nothing after it');
    }
    return this.#staged;
  }

  /** What can't be removed is removed by the next start. */
  async #discard(name: string): Promise<void> {
    try {
      await this.#ports.removeBackend(this.#path(name));
    } catch (error) {
      this.#ports.log.warn({ path: this.#path(name) }, `could not remove it: ${messageOf(error)}`);
    }
  }

  #path(name: string): string {
    return `${this.#folder}/${name}`;
  }
}

function nameOf(index: number): string {
  return `${FIRST}-${index.toString(16).padStart(16, '0')}`;
}

/** What a state says of itself. */
function describe(backend: Backend): StagedState {
  const row = backend.get('meta', CONF_STATE_ROW);
  if (row === undefined) {
    throw new ConfetdError('data_loss', 'the snapshot holds no configuration; send it again');
  }
  try {
    const { index, term, revision } = readApplied(backend.get('meta', 'applied'));
    return { name: nameOf(index), index, term, revision, confState: ConfState.decode(row) };
  } catch (error) {
    if (error instanceof ConfetdError) throw error;
    throw new ConfetdError(
      'data_loss',
      `the snapshot doesn't say what it holds: ${messageOf(error)}; send it again`,
      { cause: error },
    );
  }
}

async function currentName(folder: string, disk: Disk): Promise<string> {
  const path = `${folder}/${CURRENT}`;
  if (!(await disk.exists(path))) return FIRST;
  const name = (await readFile(disk, path)).toString('latin1').replace(/\n$/, '');
  if (NAME.test(name)) return name;
  throw new ConfetdError(
    'data_folder',
    `${path} should name the live state (db, or db- and 16 hexadecimal digits) and doesn't: restore the whole data folder from one backup, or give --data-dir another folder`,
  );
}
