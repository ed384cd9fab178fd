import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { ConfetdError, messageOf, systemCode } from '../base/errors.js';
import type { Item } from '../confdir/types.js';
import type { Log } from '../io/log.js';
import type { Attributes, FileNow, RenderFiles } from './files.js';

/** How a command's last run ended. */
export interface CommandRecord {
  /** Unix milliseconds. */
  readonly at: number;
  readonly ok: boolean;
  readonly outcome: string;
  readonly durationMs: number;
}

/** What a file was made from. `@revision` and `datetime` stand at these until a dependency changes. */
export interface Stamp {
  readonly revision: number;
  readonly nowMs: number;
  /** Of the text, in hex. */
  readonly sha256: string;
}

/** A swap that was begun and isn't known to be verified and reloaded: recorded before the rename. */
export interface BegunSwap extends Stamp {
  readonly origin: string;
  /** What was there before: the attributes, if its content was kept beside the state; `none`: no file; else unknown. */
  readonly former: Attributes | 'none' | undefined;
  /** What `reload` was before. */
  readonly reloadBefore: 'pending' | 'none';
}

/**
 * What is known of one destination across restarts. A crash between any two steps of a swap leaves a record from which
 * the next start does one reload too many at most, never one too few.
 */
export interface DestinationState {
  readonly version: 1;
  readonly dest: string;
  /** Whose revisions; '' before the first swap, and after `accept`. */
  origin: string;
  applied: Stamp | undefined;
  /** Mode and owner as the resource asked for them when it was applied. */
  asked: string;
  /** Nothing was there before the first swap: the file may be removed with its item. */
  made: boolean;
  /** The item of a `for_each` that it was made for. */
  item: Item | undefined;
  swap: BegunSwap | undefined;
  reload: 'pending' | 'none';
  check: CommandRecord | undefined;
  verify: CommandRecord | undefined;
  lastReload: CommandRecord | undefined;
}

export function newState(dest: string): DestinationState {
  return {
    version: 1,
    dest,
    origin: '',
    applied: undefined,
    asked: '',
    made: false,
    item: undefined,
    swap: undefined,
    reload: 'none',
    check: undefined,
    verify: undefined,
    lastReload: undefined,
  };
}

/** One JSON file a destination, in one folder; without a folder nothing outlives the process. */
export class StateFolder {
  readonly #files: RenderFiles;
  readonly #folder: string | undefined;
  readonly #log: Log;
  /** Former files that earlier processes have left. */
  readonly #left = new Set<string>();

  constructor(files: RenderFiles, folder: string | undefined, log: Log) {
    this.#files = files;
    this.#folder = folder;
    this.#log = log;
  }

  /** Whether states outlive the process. */
  get lasting(): boolean {
    return this.#folder !== undefined;
  }

  /** Makes the folder, and removes what a crash left half written. */
  async open(): Promise<void> {
    const folder = this.#folder;
    if (folder === undefined) return;
    await this.#files.makeFolder(folder, 0o700);
    for (const name of await this.#files.list(folder)) {
      const path = join(folder, name);
      if (name.endsWith('.tmp')) await this.#files.remove(path);
      else if (name.endsWith('.former')) this.#left.add(path);
    }
  }

  /**
   * A destination's state, a new one where there is none. One that can't be understood counts as a reload that may be
   * due; one of a newer version fails with a `data_folder` error. A former file that isn't needed any more is removed.
   */
  async load(dest: string): Promise<DestinationState> {
    const state = await this.#load(dest);
    const former = this.#path(dest, 'former') ?? '';
    if (this.#left.delete(former) && typeof state.swap?.former !== 'object') await this.#files.remove(former);
    return state;
  }

  async #load(dest: string): Promise<DestinationState> {
    const path = this.#path(dest, 'json');
    const file = path === undefined ? undefined : await this.#files.read(path);
    if (file === undefined) return newState(dest);
    let parsed: unknown;
    try {
      parsed = JSON.parse(file.content.toString('utf8'));
    } catch (error) {
      this.#log.warn({ path, dest, error: messageOf(error) }, 'render state is damaged: reloading once more');
    }
    if (!isRecord(parsed)) return { ...newState(dest), reload: 'pending' };
    if (parsed.version !== 1) {
      throw new ConfetdError(
        'data_folder',
        `${path} is of version ${String(parsed.version)}, this confetd knows version 1: run the newer one, or remove the file`,
      );
    }
    return fromJson(dest, parsed);
  }

  /** Replaces the state durably. Of one destination, one call at a time. */
  async save(state: DestinationState): Promise<void> {
    const path = this.#path(state.dest, 'json');
    if (path === undefined) return;
    await this.#replace(path, Buffer.from(`${JSON.stringify(state)}\n`));
  }

  /** Keeps a former file beside the state, for a verify command that fails after a restart. */
  async keepFormer(dest: string, content: Buffer): Promise<void> {
    const path = this.#path(dest, 'former');
    if (path !== undefined) await this.#replace(path, content);
  }

  /** The states of all files that were made for items, in no order. What can't be read is left out. */
  async ofItems(): Promise<readonly DestinationState[]> {
    const folder = this.#folder;
    if (folder === undefined) return [];
    const found: DestinationState[] = [];
    for (const name of await this.#files.list(folder)) {
      if (!name.endsWith('.json')) continue;
      try {
        const parsed: unknown = JSON.parse(
          (await this.#files.read(join(folder, name)))?.content.toString() ?? '',
        );
        if (!isRecord(parsed) || parsed.version !== 1 || !isRecord(parsed.item)) continue;
        found.push(fromJson(text(parsed.dest), parsed));
      } catch {
        // Damaged: whoever loads it says so. Nothing is removed by what it may have said.
      }
    }
    return found;
  }

  /** Forgets a destination. */
  async forget(dest: string): Promise<void> {
    for (const extension of ['former', 'json']) {
      const path = this.#path(dest, extension);
      if (path !== undefined) await this.#files.remove(path);
    }
  }

  /** Something about all destinations; undefined where there is none. */
  async note(name: string): Promise<string | undefined> {
    if (this.#folder === undefined) return undefined;
    return (await this.#files.read(join(this.#folder, name)))?.content.toString('utf8');
  }

  async saveNote(name: string, content: string): Promise<void> {
    if (this.#folder !== undefined) await this.#replace(join(this.#folder, name), Buffer.from(content));
  }

  async former(dest: string): Promise<FileNow | undefined> {
    const path = this.#path(dest, 'former');
    return path === undefined ? undefined : this.#files.read(path);
  }

  async dropFormer(dest: string): Promise<void> {
    const path = this.#path(dest, 'former');
    if (path !== undefined) await this.#files.remove(path);
  }

  async #replace(path: string, content: Buffer): Promise<void> {
    const stage = `${path}.tmp`;
    const attributes = { mode: 0o600, uid: undefined, gid: undefined };
    try {
      await this.#files.create(stage, attributes, content);
    } catch (error) {
      // A write that failed may have left it.
      if (systemCode(error) !== 'EEXIST') throw error;
      await this.#files.remove(stage);
      await this.#files.create(stage, attributes, content);
    }
    await this.#files.rename(stage, path);
    await this.#files.syncFolder(this.#folder ?? '');
  }

  #path(dest: string, extension: string): string | undefined {
    if (this.#folder === undefined) return undefined;
    return join(this.#folder, `${createHash('sha256').update(dest).digest('hex').slice(0, 32)}.${extension}`);
  }
}

type Json = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Fields that are missing or of another type are as in a new state. */
function fromJson(dest: string, json: Json): DestinationState {
  return {
    version: 1,
    dest,
    origin: text(json.origin),
    applied: stamp(json.applied),
    asked: text(json.asked),
    made: json.made === true,
    item: item(json.item),
    swap: begun(json.swap),
    reload: json.reload === 'none' ? 'none' : 'pending',
    check: record(json.check),
    verify: record(json.verify),
    lastReload: record(json.lastReload),
  };
}

function item(value: unknown): Item | undefined {
  if (!isRecord(value)) return undefined;
  return { of: text(value.of), key: text(value.key), name: text(value.name) };
}

function stamp(value: unknown): Stamp | undefined {
  if (!isRecord(value)) return undefined;
  return { revision: number(value.revision), nowMs: number(value.nowMs), sha256: text(value.sha256) };
}

function begun(value: unknown): BegunSwap | undefined {
  const made = stamp(value);
  if (made === undefined || !isRecord(value)) return undefined;
  const { former } = value;
  return {
    ...made,
    origin: text(value.origin),
    former: former === 'none' ? 'none' : attributes(former),
    reloadBefore: value.reloadBefore === 'pending' ? 'pending' : 'none',
  };
}

function attributes(value: unknown): Attributes | undefined {
  if (!isRecord(value)) return undefined;
  return { mode: number(value.mode), uid: number(value.uid), gid: number(value.gid) };
}

function record(value: unknown): CommandRecord | undefined {
  if (!isRecord(value)) return undefined;
  return {
    at: number(value.at),
    ok: value.ok === true,
    outcome: text(value.outcome),
    durationMs: number(value.durationMs),
  };
}

function number(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
