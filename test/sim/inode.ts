import type { Prng } from '../../src/base/prng.js';

/** What a disk writes whole or not at all, bytes. */
const SECTOR = 512;

/** A change of a file's content that the disk may not have yet. */
export type Change =
  | { readonly kind: 'write'; readonly position: number; readonly data: Buffer }
  | { readonly kind: 'truncate'; readonly length: number };

const NOTHING: Change = { kind: 'write', position: 0, data: Buffer.alloc(0) };

/** Bytes that grow, zeros where nothing was written. */
class Content {
  size = 0;
  #bytes = Buffer.alloc(0);

  /** The bytes in `[from, to)`, no more than there are. */
  read(from: number, to: number): Buffer {
    return Buffer.from(this.#bytes.subarray(Math.min(from, this.size), Math.min(to, this.size)));
  }

  write(position: number, data: Buffer): void {
    const end = position + data.length;
    this.#room(end);
    data.copy(this.#bytes, position);
    this.size = Math.max(this.size, end);
  }

  truncate(length: number): void {
    this.#room(length);
    this.#bytes.fill(0, Math.min(length, this.size), Math.max(length, this.size));
    this.size = length;
  }

  copyFrom(other: Content): void {
    this.#bytes = Buffer.from(other.#bytes.subarray(0, other.size));
    this.size = other.size;
  }

  #room(bytes: number): void {
    if (bytes <= this.#bytes.length) return;
    const grown = Buffer.alloc(Math.max(bytes, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.size);
    this.#bytes = grown;
  }
}

/**
 * A file's content twice: as the system shows it, and as the disk holds it, with the changes in between. Names are
 * the folders' matter.
 */
export class FileNode {
  readonly kind = 'file';
  readonly #current = new Content();
  readonly #durable = new Content();
  #pending: Change[] = [];
  /** Changes made durable, or lost, so far. */
  #settled = 0;
  #forgot = false;

  get size(): number {
    return this.#current.size;
  }

  /** What a sync that begins now will make durable, for {@link syncTo}. */
  get mark(): number {
    return this.#settled + this.#pending.length;
  }

  read(position: number, length: number): Buffer {
    return this.#current.read(position, position + length);
  }

  /** `data` is kept, not copied. Answers the change, for {@link settle}. */
  write(position: number, data: Buffer): Change {
    this.#current.write(position, data);
    const change: Change = { kind: 'write', position, data };
    this.#pending.push(change);
    return change;
  }

  /** Makes one change durable, and none that came before it: what O_DSYNC promises and no more. */
  settle(change: Change): void {
    const at = this.#pending.lastIndexOf(change);
    if (at < 0) return;
    apply(this.#durable, change);
    // It keeps its place, which marks count by.
    this.#pending[at] = NOTHING;
  }

  /**
   * A sync of this change has failed: it never gets to the disk, whatever is synced later, because Linux takes the pages
   * of a failed sync for clean. This process is still shown it.
   */
  forget(change: Change): void {
    const at = this.#pending.lastIndexOf(change);
    if (at >= 0) this.#pending[at] = NOTHING;
    this.#forgot = true;
  }

  /** As {@link forget}, of all changes from before `mark`. */
  forgetTo(mark: number): void {
    this.#pending.fill(NOTHING, 0, Math.max(mark - this.#settled, 0));
    this.#forgot = true;
  }

  /** The next process is shown what is on the disk, or will be. */
  reread(): void {
    if (!this.#forgot) return;
    this.#forgot = false;
    this.#current.copyFrom(this.#durable);
    for (const change of this.#pending) apply(this.#current, change);
  }

  truncate(length: number): void {
    this.#current.truncate(length);
    this.#pending.push({ kind: 'truncate', length });
  }

  /** Makes the changes from before `mark` durable. */
  syncTo(mark: number): void {
    const changes = this.#pending.splice(0, Math.max(mark - this.#settled, 0));
    for (const change of changes) apply(this.#durable, change);
    this.#settled += changes.length;
  }

  /**
   * What a power loss leaves: each unsynced change is kept, lost or torn, on its own. Torn means that each 512-byte
   * sector of it is kept or lost. A sector that is kept holds all that was written to it before as well: what the
   * system hands to the disk is the page as it is then, never one write's bytes alone.
   */
  losePower(prng: Prng): void {
    const lastKept = new Map<number, number>();
    let size = this.#durable.size;
    for (const [at, change] of this.#pending.entries()) {
      const fate = prng.below(3);
      const survives = () => fate === 0 || (fate === 1 && prng.chance(0.5));
      const [from, to] =
        change.kind === 'write'
          ? [change.position, change.position + change.data.length]
          : [change.length, Math.max(change.length, this.#current.size, this.#durable.size)];
      for (let sector = Math.floor(from / SECTOR); sector * SECTOR < to; sector++) {
        if (survives()) lastKept.set(sector, at);
      }
      if (survives()) size = change.kind === 'write' ? Math.max(size, to) : change.length;
    }
    const sectorsOf = new Map<number, number[]>();
    for (const [sector, at] of lastKept) {
      const sectors = sectorsOf.get(at);
      if (sectors === undefined) sectorsOf.set(at, [sector]);
      else sectors.push(sector);
    }
    const kept = new Content();
    kept.copyFrom(this.#durable);
    const all = new Content();
    all.copyFrom(this.#durable);
    for (const [at, change] of this.#pending.entries()) {
      apply(all, change);
      for (const sector of sectorsOf.get(at) ?? []) {
        kept.write(sector * SECTOR, all.read(sector * SECTOR, (sector + 1) * SECTOR));
      }
    }
    kept.truncate(size);
    this.#durable.copyFrom(kept);
    this.#current.copyFrom(kept);
    this.#settled += this.#pending.length;
    this.#pending = [];
  }
}

function apply(content: Content, change: Change): void {
  if (change.kind === 'write') content.write(change.position, change.data);
  else content.truncate(change.length);
}

export type Node = FileNode | FolderNode;

/** A change of a folder's names that the disk may not have yet. */
type Renaming =
  | { readonly kind: 'add'; readonly name: string; readonly node: Node }
  | { readonly kind: 'remove'; readonly name: string; readonly node: Node }
  | { readonly kind: 'move'; readonly to: string; readonly node: Node };

/** A folder's names twice: as the system shows them, and as the disk holds them. */
export class FolderNode {
  readonly kind = 'folder';
  readonly names = new Map<string, Node>();
  readonly #durable = new Map<string, Node>();
  #pending: Renaming[] = [];
  #settled = 0;

  /** As {@link FileNode.mark}. */
  get mark(): number {
    return this.#settled + this.#pending.length;
  }

  add(name: string, node: Node): void {
    this.#change({ kind: 'add', name, node });
  }

  remove(name: string, node: Node): void {
    this.#change({ kind: 'remove', name, node });
  }

  /** Renames a node within this folder, replacing what `to` was. */
  move(to: string, node: Node): void {
    this.#change({ kind: 'move', to, node });
  }

  syncTo(mark: number): void {
    const changes = this.#pending.splice(0, Math.max(mark - this.#settled, 0));
    for (const change of changes) rename(this.#durable, change);
    this.#settled += changes.length;
  }

  /** What a power loss leaves: each unsynced change of a name happened or didn't, whole and on its own. */
  losePower(prng: Prng): void {
    for (const change of this.#pending) {
      if (prng.chance(0.5)) rename(this.#durable, change);
    }
    this.#settled += this.#pending.length;
    this.#pending = [];
    this.names.clear();
    for (const [name, node] of this.#durable) {
      this.names.set(name, node);
      node.losePower(prng);
    }
  }

  /** As {@link FileNode.reread}, of all that is in it. */
  reread(): void {
    for (const node of this.names.values()) node.reread();
  }

  #change(change: Renaming): void {
    rename(this.names, change);
    this.#pending.push(change);
  }
}

function rename(names: Map<string, Node>, change: Renaming): void {
  if (change.kind === 'add') {
    names.set(change.name, change.node);
  } else if (change.kind === 'remove') {
    if (names.get(change.name) === change.node) names.delete(change.name);
  } else {
    // Whatever it was called: a file that was renamed twice, of which the first was lost, has one name.
    for (const [name, node] of names) {
      if (node === change.node) names.delete(name);
    }
    names.set(change.to, change.node);
  }
}
