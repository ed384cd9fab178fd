import type { Pair } from './types.js';

/** Keys that aren't clean (`/a//b`, `/a/`), by the name they clean to, and whether one of them is what that name shows. */
export class Aliases {
  readonly #byName: Map<string, ReadonlyMap<string, Pair>>;
  readonly #shown: Set<string>;

  constructor(byName: Iterable<[string, ReadonlyMap<string, Pair>]> = [], shown: Iterable<string> = []) {
    this.#byName = new Map(byName);
    this.#shown = new Set(shown);
  }

  add(name: string, pair: Pair): void {
    this.#byName.set(name, new Map(this.#byName.get(name)).set(pair.key, pair));
  }

  /** False: there was no such key. */
  remove(name: string, key: string): boolean {
    const keys = new Map(this.#byName.get(name));
    if (!keys.delete(key)) return false;
    if (keys.size === 0) this.#byName.delete(name);
    else this.#byName.set(name, keys);
    return true;
  }

  shown(name: string): boolean {
    return this.#shown.has(name);
  }

  /** A key of that very name exists now. */
  hide(name: string): void {
    this.#shown.delete(name);
  }

  /** The pair that the name shows from now on: of the smallest key. Undefined: there is none, and nothing is shown. */
  show(name: string): Pair | undefined {
    let first: Pair | undefined;
    for (const pair of this.#byName.get(name)?.values() ?? []) {
      if (first === undefined || pair.key < first.key) first = pair;
    }
    if (first === undefined) this.#shown.delete(name);
    else this.#shown.add(name);
    return first;
  }

  clone(): Aliases {
    return new Aliases(this.#byName, this.#shown);
  }
}
