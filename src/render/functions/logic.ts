import { define, type FunctionContext, FunctionError } from './types.js';
import { describe, Float64, isAbsent, isTrue, type Value } from './values.js';

/** Choosing and comparing. In Handlebars all arguments are computed first; Go's engine cuts `and` and `or` short. */
export const logicFunctions = [
  define({
    name: 'default',
    params: ['any', 'any'],
    takesAbsent: true,
    run: (_, fallback, value) => (isTrue(value) ? value : fallback),
  }),
  define({
    name: 'coalesce',
    params: [],
    rest: 'any',
    takesAbsent: true,
    run: (_, ...values) => values.find(isTrue),
  }),
  define({
    name: 'empty',
    kind: 'boolean',
    params: ['any'],
    takesAbsent: true,
    yields: 'boolean',
    run: (_, value) => !isTrue(value),
  }),
  define({
    name: 'ternary',
    params: ['any', 'any', 'bool'],
    run: (_, whenTrue, whenFalse, condition) => (condition ? whenTrue : whenFalse),
  }),
  define({
    name: 'and',
    kind: 'boolean',
    params: ['any'],
    rest: 'any',
    run: (context, ...values) => {
      const at = values.findIndex((value) => !truth(context, value));
      return values.at(at);
    },
  }),
  define({
    name: 'or',
    kind: 'boolean',
    params: ['any'],
    rest: 'any',
    run: (context, ...values) => {
      const at = values.findIndex((value) => truth(context, value));
      return values.at(at);
    },
  }),
  define({
    name: 'not',
    kind: 'boolean',
    params: ['any'],
    yields: 'boolean',
    run: (context, value) => !truth(context, value),
  }),
  define({
    name: 'eq',
    kind: 'boolean',
    params: ['any', 'any'],
    rest: 'any',
    yields: 'boolean',
    run: (context, first, ...others) => others.some((other) => same(context, first, other)),
  }),
  define({
    name: 'ne',
    kind: 'boolean',
    params: ['any', 'any'],
    yields: 'boolean',
    run: (context, a, b) => !same(context, a, b),
  }),
  ...(['lt', 'le', 'gt', 'ge'] as const).map((name) =>
    define({
      name,
      kind: 'boolean',
      params: ['any', 'any'],
      yields: 'boolean',
      run: (context, a, b) => {
        const order = compare(context, a, b);
        if (name === 'lt') return order < 0;
        if (name === 'le') return order <= 0;
        return name === 'gt' ? order > 0 : order >= 0;
      },
    }),
  ),
];

/** Truth as `if` has it. In Handlebars the texts `false` and `0` are refused: they are true, and nobody means that. */
export function truth(context: Pick<FunctionContext, 'language'>, value: Value): boolean {
  if (context.language === 'handlebars' && (value === 'false' || value === '0')) {
    throw new FunctionError(
      `the text "${value}" counts as true: write (parseBool …) for its meaning or (eq … "${value}") to compare it`,
    );
  }
  return isTrue(value);
}

type Basic = 'text' | 'number' | 'float' | 'boolean' | 'absent' | 'other';

function basic(context: FunctionContext, value: Value): Basic {
  if (typeof value === 'string') return 'text';
  if (typeof value === 'boolean') return 'boolean';
  // Go tells its two kinds of numbers apart; for Handlebars there is one.
  if (value instanceof Float64) return context.language === 'go' ? 'float' : 'number';
  if (typeof value === 'number')
    return context.language === 'go' && !Number.isInteger(value) ? 'float' : 'number';
  return isAbsent(value) ? 'absent' : 'other';
}

function same(context: FunctionContext, a: Value, b: Value): boolean {
  const kind = basic(context, a);
  const other = basic(context, b);
  if (kind === 'other' || other === 'other') {
    throw new FunctionError(
      `${describe(kind === 'other' ? a : b)} can't be compared: only text, numbers and booleans can`,
    );
  }
  if (kind === 'absent' || other === 'absent') return kind === other;
  if (kind !== other) throw mixed(context, a, b);
  return plain(a) === plain(b);
}

function compare(context: FunctionContext, a: Value, b: Value): number {
  const kind = basic(context, a);
  if (kind !== basic(context, b)) throw mixed(context, a, b);
  const left = plain(a);
  const right = plain(b);
  if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : Number(left > right);
  if (typeof left === 'number' && typeof right === 'number') return left < right ? -1 : Number(left > right);
  throw new FunctionError(`invalid type for comparison: ${describe(a)} has no order`);
}

function mixed(context: FunctionContext, a: Value, b: Value): FunctionError {
  if (context.language === 'go') return new FunctionError('incompatible types for comparison');
  return new FunctionError(
    `${describe(a)} can't be compared with ${describe(b)}: make them alike, with (atoi …) or with quotes`,
  );
}

function plain(value: Value): Value {
  return value instanceof Float64 ? value.value : value;
}
