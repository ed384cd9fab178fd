import { FunctionError } from '../../../functions/types.js';
import { asInt, type Value } from '../../../functions/values.js';
import type { GoFunction } from './go-function.js';

/** Go's int wraps around at 64 bits. */
function int64(
  name: string,
  fast: (a: number, b: number) => number,
  exact: (a: bigint, b: bigint) => bigint,
): GoFunction {
  return {
    name,
    fixed: ['int', 'int'],
    variadic: undefined,
    run: (_, [a, b]): Value => {
      if (typeof a === 'number' && typeof b === 'number') {
        const result = fast(a, b);
        // -0 is another value than 0.
        if (Number.isSafeInteger(result)) return result + 0;
      }
      return asInt(BigInt.asIntN(64, exact(BigInt(a as number | bigint), BigInt(b as number | bigint))));
    },
  };
}

function refuseZero(divisor: number | bigint): void {
  if (divisor === 0 || divisor === 0n) throw new FunctionError('runtime error: integer divide by zero');
}

export const arithmeticBuiltins: readonly GoFunction[] = [
  int64(
    'add',
    (a, b) => a + b,
    (a, b) => a + b,
  ),
  int64(
    'sub',
    (a, b) => a - b,
    (a, b) => a - b,
  ),
  int64(
    'mul',
    (a, b) => a * b,
    (a, b) => a * b,
  ),
  int64(
    'div',
    (a, b) => {
      refuseZero(b);
      return Math.trunc(a / b);
    },
    (a, b) => {
      refuseZero(b);
      return a / b;
    },
  ),
  int64(
    'mod',
    (a, b) => {
      refuseZero(b);
      return a % b;
    },
    (a, b) => {
      refuseZero(b);
      return a % b;
    },
  ),
];
