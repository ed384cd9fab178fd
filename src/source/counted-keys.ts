import { inSubtrees } from './subtree.js';
import type { Change, Pair, Snapshot, Subtree } from './types.js';

/** The keys of a store without revisions, with revisions that count the changes this process has seen, from 1. */
export class CountedKeys {
  readonly #origin: string;
  #pairs: ReadonlyMap<string, Pair> = new Map();
  #revision = 0;

  constructor(origin: string) {
    this.#origin = origin;
  }

  /** 0: nothing was adopted yet. */
  get revision(): number {
    return this.#revision;
  }

  /** Makes the keys the present state, as the next revision if they differ, and answers the differences. */
  adopt(keys: ReadonlyMap<string, string>): readonly Change[] {
    const revision = this.#revision + 1;
    const pairs = new Map<string, Pair>();
    const changes: Change[] = [];
    // In the mirror's order, which it is loaded fastest from.
    for (const [key, value] of [...keys].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const before = this.#pairs.get(key);
      const pair = before?.value === value ? before : { key, value, modRevision: revision };
      pairs.set(key, pair);
      if (pair !== before) changes.push({ type: 'put', pair });
    }
    for (const key of this.#pairs.keys()) {
      if (!pairs.has(key)) changes.push({ type: 'delete', key, modRevision: revision });
    }
    if (changes.length > 0 || this.#revision === 0) {
      this.#pairs = pairs;
      this.#revision = revision;
    }
    return changes;
  }

  /** All that was adopted, or what of it lies in some subtrees. */
  snapshot(subtrees?: readonly Subtree[]): Snapshot {
    const all = [...this.#pairs.values()];
    const pairs = subtrees === undefined ? all : all.filter(({ key }) => inSubtrees(subtrees, key));
    return { origin: this.#origin, revision: this.#revision, pairs };
  }
}
