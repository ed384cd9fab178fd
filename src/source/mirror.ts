import { bulkLoad } from 'sorted-btree/extended/bulkLoad.js';
import { assert } from '../base/assert.js';
import { Aliases } from './aliases.js';
import { cleanKey } from './subtree.js';
import type { ChangeBatch, Pair, Snapshot } from './types.js';

/** Names directly under a folder, each list sorted. A name is in both where `folder/name` and `folder/name/…` exist. */
export interface Children {
  readonly leaves: readonly string[];
  readonly folders: readonly string[];
}

/**
 * The pairs of a source at one revision, ordered by key (UTF-16 code units). Names are clean: a key such as `/a//b` or
 * `/a/` shows under its clean name unless a key of that very name exists. Of several such keys the first in order shows.
 */
export class Mirror {
  #pairs: Tree;
  #aliases: Aliases;
  #origin: string;
  #revision: number;

  constructor(snapshot: Snapshot = EMPTY) {
    this.#aliases = new Aliases();
    this.#pairs = this.#build(snapshot.pairs);
    this.#origin = snapshot.origin;
    this.#revision = snapshot.revision;
  }

  /** Whose revisions these are; '' before the first snapshot. */
  get origin(): string {
    return this.#origin;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Number of names. */
  get size(): number {
    return this.#pairs.size;
  }

  /** Starts over from a snapshot, which may be of another origin or an earlier revision. */
  load(snapshot: Snapshot): void {
    this.#aliases = new Aliases();
    this.#pairs = this.#build(snapshot.pairs);
    this.#origin = snapshot.origin;
    this.#revision = snapshot.revision;
  }

  /** Moves on to the batch's revision. Answers the names whose pair is now another one, for dependencies. */
  apply(batch: ChangeBatch): ReadonlySet<string> {
    assert(
      batch.revision >= this.#revision,
      `changes of revision ${batch.revision} came after revision ${this.#revision}`,
    );
    const changed = new Set<string>();
    for (const change of batch.changes) {
      const name =
        change.type === 'put' ? this.#put(this.#pairs, change.pair) : this.#delete(this.#pairs, change.key);
      if (name !== undefined) changed.add(name);
    }
    this.#revision = batch.revision;
    return changed;
  }

  get(name: string): Pair | undefined {
    return this.#pairs.get(name);
  }

  /** Visits the pairs whose names begin with `prefix`, in order, until `visit` answers false. */
  scan(prefix: string, visit: (pair: Pair) => boolean | undefined): void {
    for (
      let pair = this.#from(prefix);
      pair?.key.startsWith(prefix);
      pair = this.#pairs.nextHigherPair(pair.key)?.[1]
    ) {
      if (visit(pair) === false) return;
    }
  }

  /** The pairs whose names begin with `prefix`, in order: what a glob with that literal beginning can match. */
  withPrefix(prefix: string): Pair[] {
    const found: Pair[] = [];
    const take = (_name: string, pair: Pair): void => {
      found.push(pair);
    };
    const end = successor(prefix);
    if (end === undefined) this.#pairs.forEachPair(take);
    else this.#pairs.forRange(prefix, end, false, take);
    return found;
  }

  /** What lies directly under a folder (`/a/b`; '' or `/`: the top). Costs by the number of names, not of pairs. */
  children(folder: string): Children {
    const base = folder.endsWith('/') ? folder : `${folder}/`;
    const leaves: string[] = [];
    const folders: string[] = [];
    let pair = this.#from(base);
    while (pair?.key.startsWith(base)) {
      const slash = pair.key.indexOf('/', base.length);
      if (slash < 0) {
        if (pair.key !== base) leaves.push(pair.key.slice(base.length));
        pair = this.#pairs.nextHigherPair(pair.key)?.[1];
      } else {
        folders.push(pair.key.slice(base.length, slash));
        pair = this.#from(`${pair.key.slice(0, slash)}${AFTER_SLASH}`);
      }
    }
    // `a-b/x` sorts before `a/x`, yet `a` before `a-b`.
    return { leaves, folders: folders.sort() };
  }

  /** A copy that stays at this revision; the tree is shared until one of the two changes. */
  clone(): Mirror {
    const copy = new Mirror();
    copy.#pairs = this.#pairs.clone();
    copy.#aliases = this.#aliases.clone();
    copy.#origin = this.#origin;
    copy.#revision = this.#revision;
    return copy;
  }

  /** The first pair at or after a name. */
  #from(name: string): Pair | undefined {
    return this.#pairs.get(name) ?? this.#pairs.nextHigherPair(name)?.[1];
  }

  #build(pairs: readonly Pair[]): Tree {
    const names: string[] = [];
    const clean: Pair[] = [];
    const unclean: Pair[] = [];
    let sorted = true;
    let last = '';
    for (const pair of pairs) {
      if (cleanKey(pair.key) !== pair.key) {
        unclean.push(pair);
        continue;
      }
      sorted &&= last < pair.key;
      last = pair.key;
      names.push(pair.key);
      clean.push(pair);
    }
    const tree = sorted ? bulkLoad(names, clean, NODE_SIZE, compare) : inserted(clean);
    for (const pair of unclean) this.#put(tree, pair);
    return tree;
  }

  #put(tree: Tree, pair: Pair): string | undefined {
    const name = cleanKey(pair.key);
    if (name === pair.key) {
      tree.set(name, pair);
      this.#aliases.hide(name);
      return name;
    }
    this.#aliases.add(name, pair);
    return this.#showAlias(tree, name);
  }

  #delete(tree: Tree, key: string): string | undefined {
    const name = cleanKey(key);
    if (name !== key) {
      if (!this.#aliases.remove(name, key)) return undefined;
    } else if (this.#aliases.shown(name) || !tree.has(name)) {
      return undefined;
    } else {
      tree.delete(name);
    }
    return this.#showAlias(tree, name);
  }

  /** Puts the first alias of a name in its place, or nothing; leaves a key of that very name alone. */
  #showAlias(tree: Tree, name: string): string | undefined {
    const before = tree.get(name);
    if (before !== undefined && !this.#aliases.shown(name)) return undefined;
    const alias = this.#aliases.show(name);
    if (alias === undefined) tree.delete(name);
    else tree.set(name, { ...alias, key: name });
    return name;
  }
}

/** sorted-btree's map; its CommonJS default export has no name that could be imported as a type. */
type Tree = ReturnType<typeof bulkLoad<string, Pair>>;

const EMPTY: Snapshot = { origin: '', revision: 0, pairs: [] };
/** Entries a node: measured best for loading and scanning among 32, 64 and 256. */
const NODE_SIZE = 64;
/** The character after the slash: `/a0` is the first name after everything under `/a/`. */
const AFTER_SLASH = '0';

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function inserted(pairs: readonly Pair[]): Tree {
  const tree = bulkLoad<string, Pair>([], [], NODE_SIZE, compare);
  for (const pair of pairs) tree.set(pair.key, pair);
  return tree;
}

/** The first text after all that begin with `prefix`; undefined: there is none. */
function successor(prefix: string): string | undefined {
  for (let at = prefix.length - 1; at >= 0; at--) {
    const unit = prefix.charCodeAt(at);
    if (unit < 0xffff) return prefix.slice(0, at) + String.fromCharCode(unit + 1);
  }
  return undefined;
}
