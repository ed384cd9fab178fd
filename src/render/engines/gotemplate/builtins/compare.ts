import { compareBytes } from '../../../../base/byte-text.js';
import { typeName } from '../../../functions/fmt/format.js';
import { sprintf } from '../../../functions/fmt/printf.js';
import { FunctionError } from '../../../functions/types.js';
import {
  Complex128,
  Float64,
  KeyValue,
  ServiceRecord,
  Time,
  Uint,
  type Value,
} from '../../../functions/values.js';
import { type GoFunction, variadic } from './go-function.js';

/** What Go's comparison functions tell apart. */
type Kind = 'bool' | 'complex' | 'int' | 'float' | 'string' | 'uint' | 'invalid';

function kindOf(value: Value): Kind {
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float';
  if (value instanceof Float64) return 'float';
  if (value instanceof Uint) return 'uint';
  return value instanceof Complex128 ? 'complex' : 'invalid';
}

function isNil(value: Value): value is undefined | null {
  return value === undefined || value === null;
}

function numberOf(value: Value): number | bigint {
  if (value instanceof Float64 || value instanceof Uint) return value.value;
  return value as number | bigint;
}

function equal(a: Value, b: Value): boolean {
  const kind = kindOf(a);
  const other = kindOf(b);
  if (kind !== other) {
    if (isWhole(kind) && isWhole(other)) return sameNumber(a, b);
    if (isNil(a) || isNil(b)) return false;
    throw new FunctionError('incompatible types for comparison');
  }
  if (kind === 'string' || kind === 'bool') return a === b;
  if (kind === 'complex') {
    return (
      a instanceof Complex128 && b instanceof Complex128 && a.real === b.real && a.imaginary === b.imaginary
    );
  }
  return kind === 'invalid' ? sameStruct(a, b) : sameNumber(a, b);
}

/** Structs are equal by their fields; lists and maps can't be compared but with nil. */
function sameStruct(a: Value, b: Value): boolean {
  if (isNil(a) || isNil(b)) return isNil(a) && isNil(b);
  if (shapeOf(a) !== shapeOf(b)) {
    const shown = sprintf('%s: %s, %s: %v', [a, typeName(a), typeName(b), b], undefined, MAX_SHOWN);
    throw new FunctionError(`non-comparable types ${shown.text}`);
  }
  if (a instanceof KeyValue && b instanceof KeyValue) return a.key === b.key && a.value === b.value;
  if (a instanceof Time && b instanceof Time) return a.unixMs === b.unixMs;
  if (a instanceof ServiceRecord) return a === b;
  throw new FunctionError(
    `non-comparable type ${sprintf('%s', [b], undefined, MAX_SHOWN).text}: ${typeName(b)}`,
  );
}

/** Characters of a value in an error. */
const MAX_SHOWN = 1_000_000;

/** Go's reflect kind of what isn't basic. */
function shapeOf(value: Value): string {
  if (value instanceof KeyValue || value instanceof Time) return 'struct';
  if (value instanceof ServiceRecord) return 'pointer';
  return Array.isArray(value) ? 'slice' : 'map';
}

function isWhole(kind: Kind): boolean {
  return kind === 'int' || kind === 'uint';
}

function sameNumber(a: Value, b: Value): boolean {
  // Of a number and a bigint at most one is a safe integer, so that they differ anyway.
  return numberOf(a) === numberOf(b);
}

function less(a: Value, b: Value): boolean {
  const kind = kindOf(a);
  const other = kindOf(b);
  if (kind === 'invalid' || other === 'invalid') throw new FunctionError('invalid type for comparison');
  if (kind !== other && !(isWhole(kind) && isWhole(other))) {
    throw new FunctionError('incompatible types for comparison');
  }
  if (kind === 'bool' || kind === 'complex') throw new FunctionError('invalid type for comparison');
  if (typeof a === 'string' && typeof b === 'string') return compareBytes(a, b) < 0;
  return numberOf(a) < numberOf(b);
}

const lessOrEqual = (a: Value, b: Value): boolean => less(a, b) || equal(a, b);

function pairwise(name: string, compare: (a: Value, b: Value) => boolean): GoFunction {
  return {
    name,
    fixed: ['value', 'value'],
    variadic: undefined,
    run: (_, args) => compare(args[0], args[1]),
  };
}

export const compareBuiltins: readonly GoFunction[] = [
  variadic('eq', ['value'], 'value', (_, args) => {
    if (args.length === 1) throw new FunctionError('missing argument for comparison');
    return args.some((arg, index) => index > 0 && equal(args[0], arg));
  }),
  pairwise('ne', (a, b) => !equal(a, b)),
  pairwise('lt', less),
  pairwise('le', lessOrEqual),
  pairwise('gt', (a, b) => !lessOrEqual(a, b)),
  pairwise('ge', (a, b) => !less(a, b)),
];
