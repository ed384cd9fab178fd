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
 * The block parameters that a loop passes, in order: the item (also `this`), the second one (a list's index, a map's
 * key), and the variables. Only as many are passed as are used.
 */
const LOOP_PARAMS = ['item', 'second', 'index', 'key', 'first', 'last'] as const;

/**
 * The names visible at a place. Every value of a block is a block parameter of the compiled template with a name that
 * is unique in the file and that nobody can write: so `../` means the block that surrounds it in the file, whatever
 * the data, and no name hides another.
 */
export class Scope {
  readonly #outer: Scope | undefined;
  readonly #names: ReadonlyMap<string, Reference>;
  readonly #kind: 'root' | 'loop' | 'with' | 'aside';
  readonly #id: number;
  #params = 1;
  readonly self: Reference;
  /** Blocks around. */
  readonly depth: number;

  private constructor(
    outer: Scope | undefined,
    kind: 'root' | 'loop' | 'with' | 'aside',
    id: number,
    self: Reference,
    names: ReadonlyMap<string, Reference>,
  ) {
    this.#outer = outer;
    this.#kind = kind;
    this.#id = id;
    this.self = self;
    this.#names = names;
    this.depth = outer === undefined ? 0 : outer.depth + 1;
  }

  static root(type: Static): Scope {
    return new Scope(undefined, 'root', 0, { param: undefined, type }, new Map());
  }

  /** Inside an `each`; `id` is unique in the file. */
  loop(id: number, names: readonly string[], item: Static): Scope {
    const self: Reference = { param: `#item${id}`, type: item };
    const [first, second] = names;
    const known = new Map<string, Reference>();
    if (first !== undefined) known.set(first, self);
    if (second !== undefined) known.set(second, { param: `#second${id}`, type: 'unknown' });
    const scope = new Scope(this, 'loop', id, self, known);
    if (second !== undefined) scope.#params = 2;
    return scope;
  }

  /** Inside a `with`. */
  with(id: number, names: readonly string[], type: Static): Scope {
    const self: Reference = { param: `#item${id}`, type };
    return new Scope(this, 'with', id, self, new Map(names.map((name) => [name, self] as const)));
  }

  /** Inside an `if`, or after an `else`: nothing new, one block deeper. */
  aside(): Scope {
    return new Scope(this, 'aside', 0, this.self, new Map());
  }

  /** A block parameter. */
  find(name: string): Reference | undefined {
    return this.#names.get(name) ?? this.#outer?.find(name);
  }

  /** `..` is 1 level up. */
  up(levels: number): Scope | undefined {
    if (this.#kind === 'aside') return this.#outer?.up(levels);
    return levels === 0 ? this : this.#outer?.up(levels - 1);
  }

  /** The block parameter that holds a variable of the innermost loop around. */
  loopVariable(name: LoopVariable): string | undefined {
    if (this.#kind !== 'loop') return this.#outer?.loopVariable(name);
    this.#params = Math.max(this.#params, LOOP_PARAMS.indexOf(name) + 1);
    return `#${name}${this.#id}`;
  }

  /** The block parameters to pass; known once the whole block was seen. */
  params(): string[] {
    if (this.#kind === 'loop') return LOOP_PARAMS.slice(0, this.#params).map((name) => `#${name}${this.#id}`);
    return this.#kind === 'with' ? [`#item${this.#id}`] : [];
  }

  /** All block parameters, for suggestions. */
  names(): string[] {
    return [...this.#names.keys(), ...(this.#outer?.names() ?? [])];
  }
}
