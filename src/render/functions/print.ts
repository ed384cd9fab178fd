import { sprint, sprintf, sprintln } from './fmt/printf.js';
import { define, type FunctionContext, FunctionError } from './types.js';
import { Float64, isAbsent, isList, isMap, type Value } from './values.js';

/** Go's printing and escaping. */
export const printFunctions = [
  define({
    name: 'printf',
    params: ['text'],
    rest: 'any',
    yields: 'text',
    run: (context, format, ...args) => {
      if (context.language === 'go') return sprintf(format, args).text;
      const { text, faults } = sprintf(format, args, loosely);
      if (faults.length > 0)
        throw new FunctionError(`${JSON.stringify(format)} doesn't fit its arguments: ${faults[0]}`);
      return text;
    },
  }),
  define({ name: 'print', params: [], rest: 'any', yields: 'text', run: (_, ...args) => sprint(args) }),
  define({ name: 'println', params: [], rest: 'any', yields: 'text', run: (_, ...args) => sprintln(args) }),
  define({
    name: 'html',
    params: [],
    rest: 'any',
    yields: 'text',
    run: (context, ...args) => oneText(context, args).replace(/[\0"'&<>]/g, (char) => HTML.get(char) ?? char),
  }),
  define({
    name: 'js',
    params: [],
    rest: 'any',
    yields: 'text',
    run: (context, ...args) =>
      oneText(context, args).replace(
        /[\\'"<>&=\p{C}\p{Zl}\p{Zp}]/gu,
        (char) =>
          JS.get(char) ?? `\\u${(char.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}`,
      ),
  }),
  define({
    name: 'urlquery',
    params: [],
    rest: 'any',
    yields: 'text',
    run: (context, ...args) =>
      encodeURIComponent(oneText(context, args).replace(/\p{Cs}/gu, '\ufffd'))
        .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
        .replaceAll('%20', '+'),
  }),
];

function oneText(context: FunctionContext, args: readonly Value[]): string {
  const text = sprint(args);
  context.reserve(text.length);
  return text;
}

/** In Handlebars a store's text is a number where a number is asked for, and a number prints as text. */
function loosely(verb: string, value: Value): Value {
  if ('bcdoOU'.includes(verb)) {
    const whole = value instanceof Float64 ? value.value : value;
    if (typeof whole === 'string' && /^[+-]?[0-9]+$/.test(whole) && Number.isSafeInteger(Number(whole)))
      return Number(whole);
    return typeof whole === 'number' && Number.isSafeInteger(whole) ? whole : value;
  }
  if ('eEfFgG'.includes(verb)) {
    if (typeof value === 'number') return new Float64(value);
    return typeof value === 'string' && /^[+-]?[0-9]+(\.[0-9]+)?$/.test(value)
      ? new Float64(Number(value))
      : value;
  }
  if (verb === 's' || verb === 'v' || verb === 'q') {
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    if (value instanceof Float64) return String(value.value);
    if (isAbsent(value) || isList(value) || isMap(value)) return value;
  }
  return value;
}

const HTML = new Map([
  ['\0', '\ufffd'],
  ['"', '&#34;'],
  ["'", '&#39;'],
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
]);

const JS = new Map([
  ['\\', '\\\\'],
  ["'", "\\'"],
  ['"', '\\"'],
  ['<', '\\u003C'],
  ['>', '\\u003E'],
  ['&', '\\u0026'],
  ['=', '\\u003D'],
]);
