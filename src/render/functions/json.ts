import { bytesOf, byteText, compareBytes, wellFormed } from '../../base/byte-text.js';
import { jsonFault, jsonKind } from './go-json.js';
import { type FunctionContext, FunctionError } from './types.js';
import {
  Complex128,
  describe,
  Float64,
  isAbsent,
  isList,
  KeyValue,
  newMap,
  ServiceRecord,
  Time,
  Uint,
  type Value,
  type ValueMap,
} from './values.js';

/**
 * JSON text as values: numbers are {@link Float64}, objects maps without a prototype. `kind`: what the text must be, if
 * not null. Errors are Go's for Go templates.
 */
export function parseJson(text: string, language: Language, kind?: 'object' | 'array'): Value {
  let parsed: unknown;
  try {
    // As Go reads it: a byte that is no character becomes U+FFFD.
    parsed = JSON.parse(wellFormed(text));
  } catch (error) {
    const { sentence, at } = jsonFault(text);
    // The text may be a secret: its place is what helps.
    throw new FunctionError(language === 'go' ? sentence : `not valid JSON${place(text, at)}`, {
      cause: error,
    });
  }
  const found = jsonKind(parsed);
  const value = shallow(parsed);
  if (kind === undefined || found === kind || found === 'null') return value;
  if (language === 'go') {
    const type = kind === 'object' ? 'map[string]interface {}' : '[]interface {}';
    throw new FunctionError(`json: cannot unmarshal ${found} into Go value of type ${type}`);
  }
  throw new FunctionError(`a JSON ${kind} was expected, not ${describe(value)}`);
}

/** ` at line 1, column 6`, of a byte's offset; in characters, from 1. */
function place(text: string, at: number | undefined): string {
  if (at === undefined) return ': it ends too early';
  const before = byteText(bytesOf(text).subarray(0, at)).split('\n');
  return ` at line ${before.length}, column ${Array.from(before.at(-1) ?? '').length + 1}`;
}

type Language = FunctionContext['language'];

/** Nesting that would end the stack is refused, as Go refuses it. */
function shallow(parsed: unknown): Value {
  try {
    return toValue(parsed);
  } catch (error) {
    throw error instanceof RangeError ? new FunctionError('exceeded max depth', { cause: error }) : error;
  }
}

function toValue(parsed: unknown): Value {
  if (typeof parsed === 'number') {
    if (!Number.isFinite(parsed))
      throw new FunctionError('json: cannot unmarshal number into Go value of type float64');
    return new Float64(parsed);
  }
  if (typeof parsed === 'string' || typeof parsed === 'boolean' || parsed === null) return parsed;
  if (Array.isArray(parsed)) return parsed.map(toValue);
  return newMap(Object.entries(parsed as object).map(([key, value]) => [key, toValue(value)] as const));
}

/** As Go's json.Marshal writes it: keys sorted, `<`, `>`, `&` and the line separators escaped. */
export function writeJson(context: FunctionContext, value: Value, pad = ''): string {
  let size = 0;
  // Small values that hold one another many times over can be huge.
  const count = (text: string): string => {
    size += text.length;
    context.reserve(size);
    context.tick();
    return text;
  };
  return write(value, pad, '\n', count);
}

function write(value: Value, pad: string, newline: string, count: (text: string) => string): string {
  if (isAbsent(value)) return 'null';
  if (typeof value === 'string') return text(value);
  if (typeof value === 'number') return number(value);
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (value instanceof Float64 || value instanceof Uint) return number(value.value);
  if (value instanceof Complex128) throw new FunctionError('json: unsupported type: complex128');
  if (value instanceof Time) return text(new Date(value.unixMs).toISOString().replace(/\.?0*Z$/, 'Z'));
  const inner = newline + pad;
  if (isList(value)) {
    const items = value.map((item) => count(write(item, pad, inner, count)));
    return wrap('[', ']', items, pad, newline);
  }
  const entries = entriesOf(value).map(
    ([key, item]) => `${text(key)}:${pad === '' ? '' : ' '}${count(write(item, pad, inner, count))}`,
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
  return Object.entries(value).sort(([a], [b]) => compareBytes(a, b));
}

function text(value: string): string {
  const quoted = JSON.stringify(value).replace(
    // Bytes that are no character; behind a backslash of the text's own the same letters are text.
    /\\(?:u[dD][89a-fA-F][0-9a-fA-F]{2}|.)/gs,
    (found) => (found.length > 2 ? '\\ufffd' : found),
  );
  return quoted.replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Go turns to an exponent below 1e-6 and from 1e21 on, as JavaScript does, but writes e-07 as e-7 too. */
function number(value: number): string {
  if (!Number.isFinite(value)) throw new FunctionError(`JSON has no number for ${value}`);
  return Object.is(value, -0) ? '-0' : String(value);
}
