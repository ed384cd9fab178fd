import { goQuote } from './fmt/quote.js';
import { parseJson } from './json.js';
import { int64 } from './numbers.js';
import { define, FunctionError, goPrefix } from './types.js';
import { Float64, newMap } from './values.js';
import { parseYaml } from './yaml.js';

/** consul-template's parsers: an empty text is 0, or an empty map. */
export const parsingFunctions = [
  define({
    name: 'parseInt',
    params: ['text'],
    yields: 'number',
    run: (context, text) => {
      if (text === '') return 0;
      const fault = `${goPrefix(context, 'parseInt')}strconv.ParseInt: parsing ${goQuote(text)}: `;
      if (!/^[+-]?[0-9]+$/.test(text)) throw new FunctionError(`${fault}invalid syntax`);
      const number = int64(text);
      if (number === undefined || (typeof number === 'bigint' && context.language !== 'go')) {
        throw new FunctionError(`${fault}value out of range`);
      }
      return number;
    },
  }),
  define({
    name: 'parseFloat',
    params: ['text'],
    yields: 'number',
    run: (context, text) => {
      if (text === '') return new Float64(0);
      const fault = `${goPrefix(context, 'parseFloat')}strconv.ParseFloat: parsing ${goQuote(text)}: `;
      const named = NAMED.get(text.toLowerCase());
      if (named !== undefined) return new Float64(named);
      if (!/^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/.test(text)) {
        throw new FunctionError(`${fault}invalid syntax`);
      }
      const number = Number(text);
      if (!Number.isFinite(number)) throw new FunctionError(`${fault}value out of range`);
      return new Float64(number);
    },
  }),
  define({
    name: 'parseJSON',
    params: ['text'],
    run: ({ language }, text) => (text === '' ? newMap([]) : parseJson(text, language)),
  }),
  define({
    name: 'parseYAML',
    params: ['text'],
    run: (context, text) => (text === '' ? newMap([]) : parseYaml(context, text)),
  }),
];

const NAMED = new Map([
  ['nan', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['+inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
  ['infinity', Number.POSITIVE_INFINITY],
  ['+infinity', Number.POSITIVE_INFINITY],
  ['-infinity', Number.NEGATIVE_INFINITY],
]);
