import type { Need } from './functions/needs.js';
import type { RenderContext } from './types.js';

/** Variables, and needs, that are remembered of one render. */
const MAX_REMEMBERED = 10_000;

/** What a render took from outside the store: variables of the environment, files, names and addresses. */
export class Inputs {
  // Most templates ask for neither.
  #variables: Set<string> | undefined;
  #needs: Map<string, Need> | undefined;

  /** Names, in the order in which they were first read. */
  get variables(): ReadonlySet<string> {
    return this.#variables ?? NONE;
  }

  get needs(): readonly Need[] {
    return [...(this.#needs?.values() ?? [])];
  }

  /** For {@link RenderContext.asked}. */
  readonly asked = (need: Need): void => {
    this.#needs ??= new Map();
    if (this.#needs.size < MAX_REMEMBERED) this.#needs.set(JSON.stringify(need), need);
  };

  /** The same environment; which variables are read of it is noted. */
  watch(env: RenderContext['env']): RenderContext['env'] {
    return new Proxy(env, {
      get: (variables, name) => {
        this.#read(name);
        return typeof name === 'string' && Object.hasOwn(variables, name) ? variables[name] : undefined;
      },
      getOwnPropertyDescriptor: (variables, name) => {
        this.#read(name);
        return Reflect.getOwnPropertyDescriptor(variables, name);
      },
    });
  }

  #read(name: string | symbol): void {
    if (typeof name !== 'string') return;
    this.#variables ??= new Set();
    if (this.#variables.size < MAX_REMEMBERED) this.#variables.add(name);
  }
}

const NONE: ReadonlySet<string> = new Set();
