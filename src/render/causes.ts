import type { Mirror } from '../source/mirror.js';
import { cleanKey } from '../source/subtree.js';
import type { ChangeBatch } from '../source/types.js';
import type { Cause, ChangedKey } from './history.js';

/** Changed keys that are remembered of one cause. */
const MAX_KEYS = 10;

/** One batch of changes, for those whom it matters to. */
export interface Changes {
  readonly names: ReadonlySet<string>;
  readonly revision: number;
  /** Unix milliseconds of the commit. */
  readonly at: number;
  /** What became of one of the names. */
  of(name: string): ChangedKey;
}

/** A batch that the mirror has just taken up, and the names that are another pair by it. */
export function changesOf(
  batch: ChangeBatch,
  names: ReadonlySet<string>,
  at: number,
  mirror: Pick<Mirror, 'get'>,
): Changes {
  return {
    names,
    revision: batch.revision,
    at,
    of(name) {
      const pair = mirror.get(name);
      if (pair !== undefined) return { key: name, revision: pair.modRevision, deleted: false };
      const deletion = batch.changes.findLast(
        (change) => change.type === 'delete' && cleanKey(change.key) === name,
      );
      const revision = deletion?.type === 'delete' ? deletion.modRevision : 0;
      return { key: name, revision, deleted: true };
    },
  };
}

/** The changes that gather for one target's next pass. */
export class Causes {
  #count = 0;
  #revision = 0;
  #at = 0;
  #newest: readonly ChangedKey[] = [];

  /** `names`: those of the changes that matter, in their order. */
  add(changes: Changes, names: readonly string[]): void {
    this.#count += names.length;
    this.#revision = changes.revision;
    this.#at = changes.at;
    const newer = names
      .slice(-MAX_KEYS)
      .map((name) => changes.of(name))
      .sort((a, b) => b.revision - a.revision);
    this.#newest = [...newer, ...this.#newest].slice(0, MAX_KEYS);
  }

  /** Undefined: nothing has gathered. */
  get cause(): Cause | undefined {
    if (this.#count === 0) return undefined;
    return { revision: this.#revision, at: this.#at, count: this.#count, keys: this.#newest };
  }
}
