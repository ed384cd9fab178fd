import { goQuote } from './fmt/quote.js';
import { define, type FunctionContext, FunctionError, goPrefix, hint } from './types.js';
import { asInt, describe, Float64, type Int, type Value } from './values.js';

/** Whole numbers, as in confd, refused beyond 2^53. Go templates have arithmetic of their own, which wraps at 64 bits. */
export const numberFunctions = [
  define({ name: 'add', params: ['int', 'int'], yields: 'number', run: (_, a, b) => whole(a + b) }),
  define({ name: 'sub', params: ['int', 'int'], yields: 'number', run: (_, a, b) => whole(a - b) }),
  define({ name: 'mul', params: ['int', 'int'], yields: 'number', run: (_, a, b) => whole(a * b) }),
  define({
    name: 'div',
    params: ['int', 'int'],
    yields: 'number',
    run: (_, a, b) => {
      if (b === 0) throw new FunctionError('integer divide by zero');
      return whole(Math.trunc(a / b));
    },
  }),
  define({
    name: 'mod',
    params: ['int', 'int'],
    yields: 'number',
    run: (_, a, b) => {
      if (b === 0) throw new FunctionError('integer divide by zero');
      return whole(a % b);
    },
  }),
  define({
    name: 'seq',
    kind: 'list',
    params: ['int', 'int'],
    yields: 'numbers',
    run: (context, first, last) => {
      const length = Math.max(last - first + 1, 0);
      context.reserve(length);
      const numbers: number[] = [];
      for (let number = first; number <= last; number++) {
        context.tick();
        numbers.push(number);
      }
      return numbers;
    },
  }),
  define({
    name: 'loop',
    kind: 'list',
    params: ['any'],
    optional: ['any'],
    yields: 'numbers',
    // consul-template's: up to the number, or from the first up to the second, which is left out.
    run: (context, first, second) => {
      const from = second === undefined ? 0 : bound(context, first);
      const to = bound(context, second === undefined ? first : second);
      context.reserve(Math.max(to - from, 0));
      const numbers: number[] = [];
      for (let number = from; number < to; number++) {
        context.tick();
        numbers.push(number);
      }
      return numbers;
    },
  }),
  define({
    name: 'atoi',
    params: ['text'],
    yields: 'number',
    run: (context, text) => {
      const fault = `strconv.Atoi: parsing ${goQuote(text)}: `;
      if (!/^[+-]?[0-9]+$/.test(text)) {
        // Go gives up at the first digit too many, before it has seen the rest.
        const tooLong = context.language === 'go' && /^[+-]?0*[1-9][0-9]{20}/.test(text);
        if (tooLong) throw new FunctionError(`${fault}value out of range`);
        throw new FunctionError(
          `${fault}invalid syntax${hint(context, 'a whole decimal number was expected')}`,
        );
      }
      const number = Number(text);
      if (Number.isSafeInteger(number)) return whole(number);
      const exact = context.language === 'go' ? int64(text) : undefined;
      if (exact === undefined) throw new FunctionError(`${fault}value out of range`);
      return exact;
    },
  }),
];

/** Decimal text as a 64-bit integer; undefined: it doesn't fit. */
export function int64(text: string): Int | undefined {
  const digits = text.replace(/^([+-]?)0*(?=[0-9])/, '$1').replace('+', '');
  if (digits.length > 20) return undefined;
  const exact = BigInt(digits);
  return exact === BigInt.asIntN(64, exact) ? asInt(exact) : undefined;
}

function bound(context: FunctionContext, value: Value): number {
  const number = context.language === 'go' && value instanceof Float64 ? undefined : wholeNumber(value);
  if (number !== undefined) return number;
  throw new FunctionError(`${goPrefix(context, 'loop')}a whole number was expected, not ${describe(value)}`);
}

/** A whole number, one of JSON's too, or text that is one; undefined: it is something else. */
export function wholeNumber(value: Value): number | undefined {
  const plain = value instanceof Float64 ? value.value : value;
  const number = typeof plain === 'string' && /^[+-]?[0-9]+$/.test(plain) ? Number(plain) : plain;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number + 0 : undefined;
}

function whole(number: number): number {
  if (!Number.isSafeInteger(number)) throw new FunctionError('the result passes 2^53 and would not be exact');
  // -0 prints as 0, but is another value.
  return number + 0;
}
