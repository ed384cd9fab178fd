import { Ledger } from '../../../../src/render/functions/needs.js';
import { functions } from '../../../../src/render/functions/registry.js';
import type { FunctionContext } from '../../../../src/render/functions/types.js';
import type { Value } from '../../../../src/render/functions/values.js';
import { contextOf, type World } from '../support.js';

export function contextFor(language: 'handlebars' | 'go', world: World = {}): FunctionContext {
  const { keys, env, nowMs } = contextOf(world);
  return {
    language,
    keys,
    env,
    nowMs,
    needs: new Ledger(world.answers),
    include: (name) => `<${name}>`,
    reserve: () => {},
    tick: () => {},
  };
}

/** Calls a function as Go's engine does; its arguments have their parameters' types already. */
export function go(name: string, ...args: readonly Value[]): Value {
  return callWith(contextFor('go'), name, ...args);
}

export function callWith(context: FunctionContext, name: string, ...args: readonly Value[]): Value {
  const known = functions.get(name);
  if (known === undefined) throw new Error(`there is no function ${name}`);
  return known.run(context, args);
}
