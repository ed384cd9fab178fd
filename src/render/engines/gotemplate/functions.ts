import { functions } from '../../functions/registry.js';
import type { ParamType, TemplateFunction } from '../../functions/types.js';
import { isList, typedList, type Value } from '../../functions/values.js';
import { arithmeticBuiltins } from './builtins/arithmetic.js';
import { collectionBuiltins } from './builtins/collections.js';
import { compareBuiltins } from './builtins/compare.js';
import type { GoFunction } from './builtins/go-function.js';
import { textBuiltins } from './builtins/text.js';
import type { GoType } from './go-types.js';

const PARAMS: Readonly<Record<ParamType, GoType>> = {
  text: 'string',
  int: 'int',
  bool: 'bool',
  list: 'list',
  map: 'map[string]interface {}',
  any: 'interface {}',
};

/** Parameters that are typed slices in Go, or looser than in Handlebars. */
const TYPED: Readonly<Record<string, readonly GoType[]>> = {
  join: ['[]string', 'string'],
  sortByLength: ['[]string'],
  sortKVByLength: ['[]memkv.KVPair'],
  explode: ['[]memkv.KVPair'],
  byKey: ['[]memkv.KVPair'],
  append: ['[]interface {}', 'interface {}'],
  reverse: ['interface {}'],
};

/** Types of the lists that functions answer. */
const YIELDS: Readonly<Record<string, string>> = {
  texts: '[]string',
  numbers: '[]int',
  pairs: '[]memkv.KVPair',
};
const LISTS: Readonly<Record<string, string>> = { gets: 'memkv.KVPairs', lookupSRV: '[]*net.SRV' };

/** A function of the registry. Where Handlebars may leave arguments out, Go takes any number of them. */
function adapted(known: TemplateFunction): GoFunction {
  const { name, arity, yields } = known;
  const typeAt = (index: number): GoType => TYPED[name]?.[index] ?? PARAMS[known.param(index)];
  const list = LISTS[name] ?? (yields === undefined ? undefined : YIELDS[yields]);
  return {
    name,
    fixed: Array.from({ length: arity.min }, (_, index) => typeAt(index)),
    variadic: arity.max > arity.min ? typeAt(arity.min) : undefined,
    run: (run, args): Value => {
      const given = args.length > arity.max ? args.slice(0, arity.max) : args;
      const result = known.run(
        run,
        given.some(isHuge) ? given.map((arg, index) => small(known, index, arg)) : given,
      );
      return list !== undefined && isList(result) ? typedList(list, result) : result;
    },
  };
}

function isHuge(value: Value): boolean {
  return typeof value === 'bigint';
}

/** Where a count is wanted, one beyond 2^53 is as good as 2^53. */
function small(known: TemplateFunction, index: number, value: Value): Value {
  if (typeof value !== 'bigint' || known.param(index) !== 'int') return value;
  return value < 0 ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER;
}

/** Every function of Go templates: Go's own builtins, confd's, its fork's and consul-template's. */
export const goFunctions: ReadonlyMap<string, GoFunction> = new Map(
  [
    ...[...functions.values()].map(adapted),
    ...arithmeticBuiltins,
    ...collectionBuiltins,
    ...compareBuiltins,
    ...textBuiltins,
  ].map((entry) => [entry.name, entry]),
);

export function isFunction(name: string): boolean {
  return goFunctions.has(name) || name === 'and' || name === 'or';
}
