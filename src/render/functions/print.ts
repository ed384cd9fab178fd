import { bytesOf, hasLoneBytes } from '../../base/byte-text.js';
import { formatPlain } from './fmt/format.js';
import { sprintf } from './fmt/printf.js';
import { define, type FunctionContext, FunctionError } from './types.js';
import { Float64, isAbsent, isList, isMap, type Value } from './values.js';

/** Go's printing and escaping, as Handlebars has them; Go templates have theirs (engines/gotemplate/builtins). */
export const printFunctions = [
  define({
    name: 'printf',
    params: ['text'],
    rest: 'any',
    yields: 'text',
    run: (context, format, ...args) => {
      const { text, faults } = sprintf(format, args, loosely, maxSize(context));
      if (faults.length > 0)
        throw new FunctionError(`${JSON.stringify(format)} doesn't fit its arguments: ${faults[0]}`);
      return text;
    },
  }),
  define({
    name: 'print',
    params: [],
    rest: 'any',
    yields: 'text',
    run: (context, ...args) => written(context, args, false),
  }),
  define({
    name: 'println',
    params: [],
    rest: 'any',
    yields: 'text',
    run: (context, ...args) => `${written(context, args, true)}\n`,
  }),
  ...(
    [
      ['html', escapeHtml],
      ['js', escapeJs],
      ['urlquery', escapeQuery],
    ] as const
  ).map(([name, encode]) =>
    define({
      name,
      params: [],
      rest: 'any',
      yields: 'text',
      run: (context, ...args) => encode(oneText(context, args)),
    }),
  ),
];

/** Go's HTMLEscapeString. */
export function escapeHtml(text: string): string {
  return text.replace(/[\0"'&<>]/g, (char) => HTML.get(char) ?? char);
}

/** Go's JSEscapeString. */
export function escapeJs(text: string): string {
  return text.replace(/[\\'"<>&=\p{C}\p{Z}]/gu, (char) => {
    if (char === ' ') return char;
    const known = JS.get(char);
    if (known !== undefined) return known;
    const code = char.codePointAt(0) as number;
    // What is no UTF-8 is the replacement character, which can be printed.
    if (code >= 0xd800 && code <= 0xdfff) return '\ufffd';
    return `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`;
  });
}

/** Go's url.QueryEscape. */
export function escapeQuery(text: string): string {
  if (hasLoneBytes(text)) return Array.from(bytesOf(text), (byte) => QUERY[byte]).join('');
  return encodeURIComponent(text.replace(/\p{Cs}/gu, '\ufffd'))
    .replace(/[!'()*]/g, (char) => QUERY[char.charCodeAt(0)] ?? char)
    .replaceAll('%20', '+');
}

/** What each byte becomes. */
const QUERY: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte);
  if (char === ' ') return '+';
  return /[A-Za-z0-9_.~-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
});

/** Go's Sprint, or with `spaced` its Sprintln; but a number is written as `{{x}}` writes it. */
function written(context: FunctionContext, args: readonly Value[], spaced: boolean): string {
  const limit = maxSize(context);
  let text = '';
  args.forEach((arg, index) => {
    const besideText = typeof arg === 'string' || typeof args[index - 1] === 'string';
    if (index > 0 && (spaced || !besideText)) text += ' ';
    const number = arg instanceof Float64 ? arg.value : arg;
    text += typeof number === 'number' ? String(number) : formatPlain(arg, limit - text.length);
  });
  return text;
}

function oneText(context: FunctionContext, args: readonly Value[]): string {
  const text = written(context, args, false);
  context.reserve(text.length);
  return text;
}

function maxSize(context: FunctionContext): number {
  return context.maxSize ?? DEFAULT_MAX_SIZE;
}

/** Characters of one text, where the engine has no limit of its own. */
const DEFAULT_MAX_SIZE = 64 * 1024 * 1024;

/** In Handlebars a store's text is a number where a number is asked for, and a number prints as text. */
function loosely(verb: string, value: Value): Value {
  // Text under x and X is its bytes, as in Go.
  const takesText = 'bcdoOU'.includes(verb);
  if (takesText || ((verb === 'x' || verb === 'X') && typeof value !== 'string')) {
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
