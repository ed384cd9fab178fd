import { compareBytes } from '../../base/byte-text.js';
import { define, type FunctionContext, FunctionError } from './types.js';
import { describe, Float64, isAbsent, isTrue, type Value } from './values.js';

/** Choosing and comparing. From `and` on they are Handlebars': Go templates have their own (engines/gotemplate/builtins). */
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
    run: (_, first, ...others) => others.some((other) => same(first, other)),
  }),
  define({
    name: 'ne',
    kind: 'boolean',
    params: ['any', 'any'],
    yields: 'boolean',
    run: (_, a, b) => !same(a, b),
  }),
  ...(['lt', 'le', 'gt', 'ge'] as const).map((name) =>
    define({
      name,
      kind: 'boolean',
      params: ['any', 'any'],
      yields: 'boolean',
      run: (_, a, b) => {
        const order = compare(a, b);
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

type Basic = 'text' | 'number' | 'boolean' | 'absent' | 'other';

/** Go's two kinds of numbers are one here. */
function basic(value: Value): Basic {
  if (typeof value === 'string') return 'text';
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'number' || value instanceof Float64) return 'number';
  return isAbsent(value) ? 'absent' : 'other';
}

function same(a: Value, b: Value): boolean {
  const kind = basic(a);
  const other = basic(b);
  if (kind === 'other' || other === 'other') {
    throw new FunctionError(
      `${describe(kind === 'other' ? a : b)} can't be compared: only text, numbers and booleans can`,
    );
  }
  if (kind === 'absent' || other === 'absent') return kind === other;
  if (kind !== other) throw mixed(a, b);
  return plain(a) === plain(b);
}

function compare(a: Value, b: Value): number {
  if (basic(a) !== basic(b)) throw mixed(a, b);
  const left = plain(a);
  const right = plain(b);
  if (typeof left === 'string' && typeof right === 'string') return compareBytes(left, right);
  if (typeof left === 'number' && typeof right === 'number') return left < right ? -1 : Number(left > right);
  throw new FunctionError(`invalid type for comparison: ${describe(a)} has no order`);
}

function mixed(a: Value, b: Value): FunctionError {
  return new FunctionError(
    `${describe(a)} can't be compared with ${describe(b)}: make them alike, with (atoi …) or with quotes`,
  );
}

function plain(value: Value): Value {
  return value instanceof Float64 ? value.value : value;
}
