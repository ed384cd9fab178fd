import { assert } from '../../src/base/assert.js';
import type { Prng } from '../../src/base/prng.js';
import { type Clock, sleep } from '../../src/io/clock.js';
import type { Disk, DiskFile, OpenMode } from '../../src/io/disk.js';
import { type Change, FileNode, FolderNode, type Node } from './inode.js';

const STREAM_BYTES = 4096;

/** The operations that count, for faults and crashes: those that change the disk or make it durable. */
export type DiskOperation =
  | 'create'
  | 'write'
  | 'truncate'
  | 'sync'
  | 'rename'
  | 'remove'
  | 'makeFolder'
  | 'syncFolder';

/** An operation as it is about to happen. */
export interface DiskStep {
  /** Counts up from 1 over the life of the machine. */
  readonly number: number;
  readonly operation: DiskOperation;
  readonly path: string;
}

/** A step that fails with a system error in place of happening; undefined lets it happen. */
export type Fault = (step: DiskStep) => string | undefined;

/** How answers get into the process that asked: not while it is paused. */
export interface Gate {
  enter(task: () => void): void;
}

const OPEN: Gate = { enter: (task) => task() };

/** What outlives processes: the files, and the faults in force. */
class Machine {
  readonly root = new FolderNode();
  readonly prng: Prng;
  readonly clock: Clock | undefined;
  maxLatencyMs: number;
  fault: Fault | undefined;
  capacity = Number.POSITIVE_INFINITY;
  steps = 0;
  crash: { readonly step: number; readonly happened: () => void } | undefined;

  constructor(prng: Prng, clock: Clock | undefined, maxLatencyMs: number) {
    this.prng = prng;
    this.clock = clock;
    this.maxLatencyMs = maxLatencyMs;
  }

  /** How long an operation takes; without a clock, a microtask. */
  delay(): Promise<void> {
    return this.clock === undefined
      ? Promise.resolve()
      : sleep(this.clock, this.prng.float() * this.maxLatencyMs);
  }

  /** Bytes that all files take. */
  get used(): number {
    const bytes = (node: Node): number =>
      node.kind === 'file' ? node.size : [...node.names.values()].reduce((sum, each) => sum + bytes(each), 0);
    return bytes(this.root);
  }
}

/**
 * A disk in memory that keeps exactly what POSIX promises, decided by a seed. One object is one process's view:
 * {@link crashProcess} and {@link losePower} end it (no promise of it settles any more, no call has an effect) and
 * return the next process's. Paths are absolute; every folder but the root has to be made. Renames stay in a folder.
 */
export class SimDisk implements Disk {
  readonly #machine: Machine;
  readonly #process: Gate;
  #dead = false;

  /** With a clock, every operation takes up to `maxLatencyMs` (default 1) of its time; without, a microtask. */
  constructor(
    source: Prng | Machine,
    options: { clock?: Clock; maxLatencyMs?: number; process?: Gate | undefined } = {},
  ) {
    this.#machine =
      source instanceof Machine ? source : new Machine(source, options.clock, options.maxLatencyMs ?? 1);
    this.#process = options.process ?? OPEN;
  }

  /** Operations that counted so far, over all processes. */
  get steps(): number {
    return this.#machine.steps;
  }

  /** Decides for each step from now on whether it fails; it outlives the process. */
  failWhen(fault: Fault | undefined): void {
    this.#machine.fault = fault;
  }

  /** The files may take so many bytes; what is above them fails with ENOSPC, after as much as fits was written. */
  setCapacity(bytes: number): void {
    this.#machine.capacity = bytes;
  }

  /** Bytes the files take now. */
  get used(): number {
    return this.#machine.used;
  }

  /** From now on every operation takes up to so long. */
  setMaxLatency(ms: number): void {
    this.#machine.maxLatencyMs = ms;
  }

  /**
   * Ends this process at the step with that number, which then may have happened or not. Resolves when it has come;
   * {@link crashProcess} or {@link losePower} say what kind of end it was.
   */
  crashAtStep(step: number): Promise<void> {
    return new Promise((resolve) => {
      this.#machine.crash = { step, happened: resolve };
    });
  }

  /** The process ends (kill -9): what it wrote stays, synced or not. The next one's answers enter by `process`. */
  crashProcess(process?: Gate): SimDisk {
    this.#dead = true;
    this.#machine.crash = undefined;
    this.#machine.root.reread();
    return new SimDisk(this.#machine, { process });
  }

  /** The machine ends: of what wasn't synced each change is kept, lost or torn, on its own. */
  losePower(process?: Gate): SimDisk {
    this.#machine.root.losePower(this.#machine.prng);
    return this.crashProcess(process);
  }

  list(folder: string): Promise<string[]> {
    return this.#run(undefined, folder, () => [...this.#folder(folder).names.keys()].sort());
  }

  exists(path: string): Promise<boolean> {
    return this.#run(undefined, path, () => this.#find(path) !== undefined);
  }

  makeFolder(path: string): Promise<void> {
    return this.#run('makeFolder', path, () => {
      let folder = this.#machine.root;
      for (const name of partsOf(path)) {
        let next = folder.names.get(name);
        if (next === undefined) {
          next = new FolderNode();
          folder.add(name, next);
        }
        if (next.kind === 'file') throw systemError('ENOTDIR', path);
        folder = next;
      }
    });
  }

  open(path: string, how: OpenMode): Promise<DiskFile> {
    return this.#run(how === 'create' ? 'create' : undefined, path, () => {
      const { folder, name } = this.#place(path);
      const found = folder.names.get(name);
      if (how === 'create') {
        if (found !== undefined) throw systemError('EEXIST', path);
        const node = new FileNode();
        folder.add(name, node);
        return this.#file(path, node, how);
      }
      if (found === undefined) throw systemError('ENOENT', path);
      if (found.kind === 'folder') throw systemError('EISDIR', path);
      return this.#file(path, found, how);
    });
  }

  async *stream(path: string): AsyncGenerator<Buffer, void, undefined> {
    const file = await this.open(path, 'read');
    const room = Buffer.alloc(STREAM_BYTES);
    try {
      for (let at = 0, read = room; read.length === room.length; at += read.length) {
        read = room.subarray(0, (await file.read(at, room.length)).copy(room));
        yield read;
      }
    } finally {
      await file.close();
    }
  }

  rename(from: string, to: string): Promise<void> {
    return this.#run('rename', from, () => {
      const source = this.#place(from);
      const target = this.#place(to);
      assert(
        source.folder === target.folder,
        `not modelled: a rename from one folder to another (${from}, ${to})`,
      );
      const node = source.folder.names.get(source.name);
      if (node === undefined) throw systemError('ENOENT', from);
      const replaced = target.folder.names.get(target.name);
      if (replaced?.kind === 'folder' && replaced.names.size > 0) throw systemError('ENOTEMPTY', to);
      if (replaced !== node) source.folder.move(target.name, node);
    });
  }

  remove(path: string): Promise<void> {
    return this.#run('remove', path, () => {
      const found = this.#find(path);
      if (found === undefined) return;
      const { folder, name } = this.#place(path);
      folder.remove(name, found);
    });
  }

  syncFolder(folder: string): Promise<void> {
    const found = this.#dead ? undefined : this.#find(folder);
    const mark = found?.mark ?? 0;
    return this.#run(
      'syncFolder',
      folder,
      () => this.#folder(folder),
      (node) => node.syncTo(mark),
    ).then(() => undefined);
  }

  #file(path: string, node: FileNode, how: OpenMode): DiskFile {
    let open = true;
    const writable = how !== 'read';
    const handle = <T>(act: () => T, writes = false) => {
      return () => {
        if (!open || (writes && !writable)) throw systemError('EBADF', path);
        return act();
      };
    };
    return {
      size: () =>
        this.#run(
          undefined,
          path,
          handle(() => node.size),
        ),
      read: (position, length) =>
        this.#run(
          undefined,
          path,
          handle(() => node.read(position, length)),
        ),
      write: (position, data) => {
        const copy = Buffer.from(data);
        const check = () => assert(copy.equals(data), `${path}: the bytes changed while they were written`);
        const written = this.#run(
          'write',
          path,
          handle(() => this.#write(path, node, position, copy), true),
        );
        if (how !== 'durable') return written.then(check);
        return written
          .then((change) =>
            this.#run(
              'sync',
              path,
              handle(() => undefined),
              () => node.settle(change),
              () => node.forget(change),
            ),
          )
          .then(check);
      },
      truncate: (length) =>
        this.#run(
          'truncate',
          path,
          handle(() => node.truncate(length), true),
        ),
      sync: () => {
        const { mark } = node;
        return this.#run(
          'sync',
          path,
          handle(() => undefined),
          () => node.syncTo(mark),
          () => node.forgetTo(mark),
        );
      },
      close: () =>
        this.#run(
          undefined,
          path,
          handle(() => {
            open = false;
          }),
        ),
    };
  }

  #write(path: string, node: FileNode, position: number, data: Buffer): Change {
    const grows = Math.max(position + data.length - node.size, 0);
    const { capacity } = this.#machine;
    const room = capacity === Number.POSITIVE_INFINITY ? grows : Math.max(capacity - this.#machine.used, 0);
    if (grows <= room) {
      return node.write(position, data);
    }
    const fits = data.length - (grows - room);
    if (fits > 0) node.write(position, data.subarray(0, fits));
    throw systemError('ENOSPC', path);
  }

  /**
   * One operation: `act` at the call, `finish` when the time it takes is over; `fail` where a fault takes its place.
   * What is never settled is what a process that has ended would have waited for.
   */
  #run<T>(
    operation: DiskOperation | undefined,
    path: string,
    act: () => T,
    finish: (result: T) => void = () => {},
    fail: () => void = () => {},
  ): Promise<T> {
    const machine = this.#machine;
    return new Promise<T>((resolve, reject) => {
      if (this.#dead) return;
      let outcome: { readonly result: T } | { readonly error: unknown };
      try {
        if (operation !== undefined && this.#count(operation, path, act, finish, fail)) return;
        outcome = { result: act() };
      } catch (error) {
        outcome = { error };
      }
      void machine.delay().then(() => {
        if (this.#dead) return;
        if ('error' in outcome) {
          const { error } = outcome;
          this.#process.enter(() => reject(error as Error));
          return;
        }
        const { result } = outcome;
        finish(result);
        this.#process.enter(() => resolve(result));
      });
    });
  }

  /** Counts a step. True: the process ended at it. Throws the error that a fault makes of it. */
  #count<T>(
    operation: DiskOperation,
    path: string,
    act: () => T,
    finish: (result: T) => void,
    fail: () => void,
  ): boolean {
    const machine = this.#machine;
    const step = { number: ++machine.steps, operation, path };
    if (machine.crash?.step === step.number) {
      this.#dead = true;
      const { happened } = machine.crash;
      try {
        if (machine.prng.chance(0.5)) finish(act());
      } finally {
        happened();
      }
      return true;
    }
    const code = machine.fault?.(step);
    if (code !== undefined) {
      fail();
      throw systemError(code, path);
    }
    return false;
  }

  #find(path: string): Node | undefined {
    let node: Node = this.#machine.root;
    for (const name of partsOf(path)) {
      const next: Node | undefined = node.kind === 'folder' ? node.names.get(name) : undefined;
      if (next === undefined) return undefined;
      node = next;
    }
    return node;
  }

  #folder(path: string): FolderNode {
    const node = this.#find(path);
    if (node === undefined) throw systemError('ENOENT', path);
    if (node.kind === 'file') throw systemError('ENOTDIR', path);
    return node;
  }

  #place(path: string): { folder: FolderNode; name: string } {
    const parts = partsOf(path);
    const name = parts.pop();
    assert(name !== undefined, 'the root has no name');
    return { folder: this.#folder(`/${parts.join('/')}`), name };
  }
}

function partsOf(path: string): string[] {
  assert(path.startsWith('/'), `a path of this disk is absolute: ${path}`);
  return path.split('/').filter((part) => part !== '');
}

function systemError(code: string, path: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(`${code}: '${path}'`);
  error.code = code;
  error.path = path;
  return error;
}
