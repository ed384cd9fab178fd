import type { Yields } from '../../functions/types.js';

/** What is known before anything runs. `root`: the empty data a template begins with. */
export type Static = Yields | 'root' | 'unknown';

/** A value that is reachable by name: through a block parameter of the compiled template, or as its context. */
export interface Reference {
  /** Undefined: the file's own context. */
  readonly param: string | undefined;
  readonly type: Static;
}

/** The data variables of a loop. */
export type LoopVariable = 'index' | 'key' | 'first' | 'last';

/**
 * The names visible at a place. `this` and the loop's variables are block parameters with names nobody can write:
 * so `../` means the block that surrounds it in the file, whatever the data.
 */
export class Scope {
  readonly #outer: Scope | undefined;
  readonly #names: ReadonlyMap<string, Reference>;
  readonly #loop: number | undefined;
  /** Adds no context: `..` passes it by. */
  readonly #transparent: boolean;
  readonly self: Reference;
  /** Blocks around. */
  readonly depth: number;

  private constructor(
    outer: Scope | undefined,
    self: Reference,
    names: ReadonlyMap<string, Reference>,
    loop: number | undefined,
    transparent = false,
  ) {
    this.#outer = outer;
    this.self = self;
    this.#names = names;
    this.#loop = loop;
    this.#transparent = transparent;
    this.depth = outer === undefined ? 0 : outer.depth + 1;
  }

  static root(type: Static): Scope {
    return new Scope(undefined, { param: undefined, type }, new Map(), undefined);
  }

  /** Inside an `each`; `id` is unique in the file. */
  loop(id: number, names: readonly string[], item: Static): Scope {
    const known = new Map<string, Reference>();
    if (names[0] !== undefined) known.set(names[0], { param: names[0], type: item });
    if (names[1] !== undefined) known.set(names[1], { param: names[1], type: 'unknown' });
    return new Scope(this, { param: `#this${id}`, type: item }, known, id);
  }

  /** Inside a `with`. */
  with(id: number, names: readonly string[], type: Static): Scope {
    const known = new Map(names.map((name) => [name, { param: name, type }] as const));
    return new Scope(this, { param: `#this${id}`, type }, known, undefined);
  }

  /** Inside an `if`, or after an `else`: nothing new, one block deeper. */
  aside(): Scope {
    return new Scope(this, this.self, new Map(), undefined, true);
  }

  /** A block parameter. */
  find(name: string): Reference | undefined {
    return this.#names.get(name) ?? this.#outer?.find(name);
  }

  /** `..` is 1 level up. */
  up(levels: number): Scope | undefined {
    if (this.#transparent) return this.#outer?.up(levels);
    return levels === 0 ? this : this.#outer?.up(levels - 1);
  }

  /** The block parameter that holds a variable of the innermost loop around. */
  loopVariable(name: LoopVariable): string | undefined {
    return this.#loop === undefined ? this.#outer?.loopVariable(name) : `#${name}${this.#loop}`;
  }

  /** All block parameters, for suggestions. */
  names(): string[] {
    return [...this.#names.keys(), ...(this.#outer?.names() ?? [])];
  }
}

/** Names for the block parameters that `each` passes, in its order. */
export function loopParams(id: number, names: readonly string[]): string[] {
  return [
    names[0] ?? `#item${id}`,
    names[1] ?? `#second${id}`,
    `#this${id}`,
    `#index${id}`,
    `#key${id}`,
    `#first${id}`,
    `#last${id}`,
  ];
}

/** Names for the block parameters that `with` passes. */
export function withParams(id: number, names: readonly string[]): string[] {
  return [names[0] ?? `#item${id}`, `#this${id}`];
}
