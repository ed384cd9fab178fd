import { basename, dirname } from 'node:path';
import type { Attributes, FileNow, RenderFiles } from '../../../src/render/files.js';

interface Inode {
  content: Uint8Array;
  mode: number;
  uid: number;
  gid: number;
}

/** What survives: everything (the process was killed), or only synced names, by folder (the power failed). */
export type Survivors = 'all' | ((folder: string) => boolean);

/**
 * A file system in memory that can stop dead before any step. A step that is reached after that never ends, as for a
 * process that is gone.
 */
export class MemoryFiles implements RenderFiles {
  readonly #folders = new Set<string>(['/']);
  #names = new Map<string, Inode>();
  /** Names as of the last sync of their folder. */
  readonly #durable = new Map<string, Inode>();
  /** Links to files. */
  readonly links = new Map<string, string>();
  /** As after a restart in a container: the same number each time. */
  readonly process = 1;
  /** Other processes that run. */
  readonly running = new Set<number>();
  /** Steps so far. */
  steps = 0;
  /** The step that isn't reached. */
  crashAt = Number.POSITIVE_INFINITY;
  /** Resolves when that happens. */
  crashed: Promise<void>;
  #onCrash = (): void => {};
  /** Thrown in place of a step, if it answers an error. */
  fail: (step: string, path: string) => Error | undefined = () => undefined;
  /** Every content that a path was ever seen with by others. */
  readonly seen = new Map<string, Set<string>>();

  constructor(folders: readonly string[]) {
    for (const folder of folders) this.#folders.add(folder);
    this.crashed = new Promise((resolve) => {
      this.#onCrash = resolve;
    });
  }

  isRunning(process: number): boolean {
    return this.running.has(process);
  }

  put(path: string, content: string, mode = 0o644): void {
    const inode = { content: Buffer.from(content), mode, uid: 0, gid: 0 };
    this.#names.set(path, inode);
    this.#durable.set(path, inode);
  }

  text(path: string): string | undefined {
    return textOf(this.#names.get(path)?.content);
  }

  mode(path: string): number | undefined {
    return this.#names.get(path)?.mode;
  }

  paths(folder: string): string[] {
    return [...this.#names.keys()].filter((path) => dirname(path) === folder).sort();
  }

  makeFolderNow(folder: string): void {
    this.#folders.add(folder);
  }

  /** The file system that the next start finds. */
  reboot(survivors: Survivors): MemoryFiles {
    const next = new MemoryFiles([...this.#folders]);
    const keep = (names: ReadonlyMap<string, Inode>, folder: string): void => {
      for (const [path, inode] of names) {
        if (dirname(path) === folder) next.put(path, textOf(inode.content) ?? '', inode.mode);
      }
    };
    for (const folder of this.#folders) {
      keep(survivors === 'all' || survivors(folder) ? this.#names : this.#durable, folder);
    }
    return next;
  }

  /** One step of this world, also for what isn't a file: commands. */
  async step(name: string, path: string): Promise<void> {
    await Promise.resolve();
    if (this.steps >= this.crashAt) {
      this.#onCrash();
      await new Promise(() => {});
    }
    this.steps++;
    const error = this.fail(name, path);
    if (error !== undefined) throw error;
  }

  async resolve(path: string): Promise<string> {
    const real = this.links.get(path) ?? path;
    if (!this.#folders.has(dirname(real))) throw systemError('ENOENT', real);
    return real;
  }

  async read(path: string): Promise<FileNow | undefined> {
    await this.step('read', path);
    const inode = this.#names.get(path);
    return inode === undefined ? undefined : { ...inode, content: Buffer.from(inode.content) };
  }

  async create(path: string, attributes: Attributes, content: Buffer): Promise<void> {
    await this.step('create', path);
    if (!this.#folders.has(dirname(path))) throw systemError('ENOENT', path);
    if (this.#names.has(path)) throw systemError('EEXIST', path);
    const inode: Inode = {
      content: Buffer.alloc(0),
      mode: attributes.mode,
      uid: attributes.uid ?? 0,
      gid: attributes.gid ?? 0,
    };
    this.#names.set(path, inode);
    try {
      await this.step('write half', path);
      inode.content = content.subarray(0, content.length >> 1);
      await this.step('write', path);
      inode.content = content;
      await this.step('sync', path);
    } catch (error) {
      // As the contract of `create` is: what failed leaves nothing.
      this.#names.delete(path);
      throw error;
    }
  }

  async overwrite(path: string, attributes: Attributes, content: Buffer): Promise<void> {
    await this.step('overwrite', path);
    const inode = this.#names.get(path);
    if (inode === undefined) throw systemError('ENOENT', path);
    inode.content = content;
    inode.mode = attributes.mode;
    this.#saw(path);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.step('rename', to);
    const inode = this.#names.get(from);
    if (inode === undefined) throw systemError('ENOENT', from);
    this.#names.delete(from);
    this.#names.set(to, inode);
    this.#saw(to);
  }

  async syncFolder(folder: string): Promise<void> {
    await this.step('sync folder', folder);
    for (const path of this.#durable.keys()) if (dirname(path) === folder) this.#durable.delete(path);
    for (const [path, inode] of this.#names) if (dirname(path) === folder) this.#durable.set(path, inode);
  }

  async remove(path: string): Promise<void> {
    await this.step('remove', path);
    this.#names.delete(path);
  }

  async list(folder: string): Promise<readonly string[]> {
    return this.paths(folder).map((path) => basename(path));
  }

  async version(path: string): Promise<string> {
    return this.text(path) ?? 'missing';
  }

  async makeFolder(folder: string): Promise<void> {
    for (let at = folder; at !== '/'; at = dirname(at)) this.#folders.add(at);
  }

  #saw(path: string): void {
    const seen = this.seen.get(path) ?? new Set();
    seen.add(this.text(path) ?? '');
    this.seen.set(path, seen);
  }
}

function textOf(content: Uint8Array | undefined): string | undefined {
  return content === undefined ? undefined : Buffer.from(content).toString();
}

export function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
