import { define, FunctionError } from './types.js';

/** Whole numbers, as in confd. Go's wrap at 64 bits; these refuse what passes 2^53. */
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
    name: 'atoi',
    params: ['text'],
    yields: 'number',
    run: (_, text) => {
      if (!/^[+-]?[0-9]+$/.test(text)) {
        throw new FunctionError(
          `parsing ${JSON.stringify(text)}: invalid syntax: a whole decimal number was expected`,
        );
      }
      const number = Number(text);
      if (!Number.isSafeInteger(number)) {
        throw new FunctionError(`parsing ${JSON.stringify(text)}: value out of range`);
      }
      return whole(number);
    },
  }),
];

function whole(number: number): number {
  if (!Number.isSafeInteger(number)) throw new FunctionError('the result passes 2^53 and would not be exact');
  // -0 prints as 0, but is another value.
  return number + 0;
}
