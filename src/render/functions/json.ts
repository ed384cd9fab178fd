import { FunctionError } from './types.js';
import {
  Float64,
  isAbsent,
  isList,
  KeyValue,
  newMap,
  ServiceRecord,
  Time,
  type Value,
  type ValueMap,
} from './values.js';

/** JSON text as values: numbers are {@link Float64}, objects maps without a prototype. */
export function parseJson(text: string): Value {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    // V8's message quotes the text, which may be a secret; its position is what helps.
    const position = error instanceof Error ? /position [0-9]+/.exec(error.message)?.[0] : undefined;
    throw new FunctionError(`not valid JSON${position === undefined ? '' : ` at ${position}`}`);
  }
  return toValue(parsed);
}

function toValue(parsed: unknown): Value {
  if (typeof parsed === 'number') return new Float64(parsed);
  if (typeof parsed === 'string' || typeof parsed === 'boolean' || parsed === null) return parsed;
  if (Array.isArray(parsed)) return parsed.map(toValue);
  return newMap(Object.entries(parsed as object).map(([key, value]) => [key, toValue(value)] as const));
}

/** As Go's json.Marshal writes it: keys sorted, `<`, `>`, `&` and the line separators escaped. */
export function writeJson(value: Value, pad = ''): string {
  return write(value, pad, '\n');
}

function write(value: Value, pad: string, newline: string): string {
  if (isAbsent(value)) return 'null';
  if (typeof value === 'string') return text(value);
  if (typeof value === 'number') return number(value);
  if (typeof value === 'boolean') return String(value);
  if (value instanceof Float64) return number(value.value);
  if (value instanceof Time) return text(new Date(value.unixMs).toISOString().replace(/\.?0*Z$/, 'Z'));
  const inner = newline + pad;
  if (isList(value)) {
    const items = value.map((item) => write(item, pad, inner));
    return wrap('[', ']', items, pad, newline);
  }
  const entries = entriesOf(value).map(
    ([key, item]) => `${text(key)}:${pad === '' ? '' : ' '}${write(item, pad, inner)}`,
  );
  return wrap('{', '}', entries, pad, newline);
}

function wrap(open: string, close: string, items: readonly string[], pad: string, newline: string): string {
  if (items.length === 0) return open + close;
  if (pad === '') return open + items.join(',') + close;
  const inner = newline + pad;
  return `${open}${inner}${items.join(`,${inner}`)}${newline}${close}`;
}

function entriesOf(value: KeyValue | ServiceRecord | ValueMap): [string, Value][] {
  if (value instanceof KeyValue) {
    return [
      ['Key', value.key],
      ['Value', value.value],
    ];
  }
  if (value instanceof ServiceRecord) {
    return [
      ['Target', value.target],
      ['Port', value.port],
      ['Priority', value.priority],
      ['Weight', value.weight],
    ];
  }
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
}

function text(value: string): string {
  return JSON.stringify(value.replace(/\p{Cs}/gu, '\ufffd')).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Go turns to an exponent below 1e-6 and from 1e21 on, as JavaScript does, but writes e-07 as e-7 too. */
function number(value: number): string {
  if (!Number.isFinite(value)) throw new FunctionError(`JSON has no number for ${value}`);
  return Object.is(value, -0) ? '-0' : String(value);
}
