import { bytesOf, compareBytes } from '../../../base/byte-text.js';
import { FunctionError } from '../types.js';
import {
  Complex128,
  Float64,
  isAbsent,
  isList,
  KeyValue,
  listType,
  ServiceRecord,
  Time,
  Uint,
  type Value,
} from '../values.js';
import { formatComplex, formatInt, formatReal } from './numbers.js';
import { goQuote } from './quote.js';
import { PLAIN, pad, type Spec } from './spec.js';
import { formatTime } from './time.js';

/** `faults`: verbs that don't fit their argument, as Go writes them (`%!d(string=x)`). */
export interface Formatted {
  readonly text: string;
  readonly faults: readonly string[];
}

/**
 * One argument under one verb, as Go's fmt package formats it. Throws a FunctionError where lists and maps come to more
 * than `maxSize` characters: small values that hold one another many times over can be huge.
 */
export function formatValue(spec: Spec, value: Value, maxSize = Number.POSITIVE_INFINITY): Formatted {
  const under: Under = { faults: [], left: maxSize };
  return { text: format(spec, value, under, 0), faults: under.faults };
}

/** `%v`. */
export function formatPlain(value: Value, maxSize = Number.POSITIVE_INFINITY): string {
  if (typeof value === 'string') return value;
  return format(PLAIN, value, { faults: [], left: maxSize }, 0);
}

/** The formatting of one argument. */
interface Under {
  readonly faults: string[];
  /** Characters that its parts may still come to. */
  left: number;
}

function format(spec: Spec, value: Value, under: Under, depth: number): string {
  if (depth === 0 && spec.verb === 'T') {
    return pad(spec, isAbsent(value) ? '<nil>' : cut(spec, typeName(value)));
  }
  if (isAbsent(value)) {
    if (depth > 0) return spec.source ? 'interface {}(nil)' : '<nil>';
    return spec.verb === 'v' ? pad(spec, '<nil>') : fault(spec, value, under, depth);
  }
  const text = formatBasic(spec, value);
  if (text !== null) return text ?? fault(spec, value, under, depth);
  if (spec.verb === 'p') return fault(spec, value, under, depth);
  if (depth >= MAX_DEPTH) return '…';
  const inner = (item: Value): string => {
    const part = format(spec, item, under, depth + 1);
    under.left -= part.length + 1;
    if (under.left < 0) throw new FunctionError('a value passes the limit on output');
    return part;
  };
  const source = spec.source ? typeName(value) : '';
  if (isList(value)) {
    const items = value.map(inner);
    return spec.source ? `${source}{${items.join(', ')}}` : `[${items.join(' ')}]`;
  }
  if (value instanceof KeyValue || value instanceof ServiceRecord) {
    const named = spec.named || spec.source;
    const fields = fieldsOf(value).map(([name, item]) => (named ? `${name}:${inner(item)}` : inner(item)));
    return `${source}{${fields.join(spec.source ? ', ' : ' ')}}`;
  }
  const entries = sortedEntries(value as object).map(([name, item]) => `${inner(name)}:${inner(item)}`);
  return spec.source ? `${source}{${entries.join(', ')}}` : `map[${entries.join(' ')}]`;
}

/** undefined: the verb doesn't fit; null: the value has parts. */
function formatBasic(spec: Spec, value: Value): string | undefined | null {
  if (typeof value === 'string') return formatText(spec, value);
  if (typeof value === 'number') {
    return Number.isInteger(value) ? formatInt(spec, value) : formatReal(spec, value);
  }
  if (typeof value === 'bigint') return formatInt(spec, value);
  if (typeof value === 'boolean') {
    return spec.verb === 'v' || spec.verb === 't' ? pad(spec, String(value)) : undefined;
  }
  if (value instanceof Float64) return formatReal(spec, value.value);
  if (value instanceof Uint) return formatInt(spec, value.value, false);
  if (value instanceof Complex128) return formatComplex(spec, value);
  if (value instanceof Time) return formatText(spec, formatTime(value.unixMs));
  return null;
}

/** Go's fields of a struct, in their order. */
export function fieldsOf(value: KeyValue | ServiceRecord): (readonly [string, Value])[] {
  if (value instanceof KeyValue) {
    return [
      ['Key', value.key],
      ['Value', value.value],
    ];
  }
  const { target, port, priority, weight } = value;
  return [
    ['Target', target],
    ['Port', new Uint(port, 16)],
    ['Priority', new Uint(priority, 16)],
    ['Weight', new Uint(weight, 16)],
  ];
}

/** A map's entries in the order of their keys' bytes. */
export function sortedEntries(map: object): [string, Value][] {
  return Object.entries(map).sort(([a], [b]) => compareBytes(a, b));
}

function formatText(spec: Spec, value: string): string | undefined {
  switch (spec.verb) {
    case 'v':
      return spec.source ? quoted(spec, cut(spec, value)) : pad(spec, cut(spec, value));
    case 's':
      return pad(spec, cut(spec, value));
    case 'q':
      return quoted(spec, cut(spec, value));
    case 'x':
    case 'X':
      return hexadecimal(spec, value);
    default:
      return undefined;
  }
}

function cut({ precision }: Spec, value: string): string {
  return precision === undefined || value.length <= precision
    ? value
    : Array.from(value.slice(0, 2 * precision))
        .slice(0, precision)
        .join('');
}

function quoted(spec: Spec, value: string): string {
  // The controls, the byte order mark and what is no UTF-8 can't stand between backquotes.
  const raw = spec.sharp && !/[`\p{Cc}\ufeff\ufffd\p{Cs}]/u.test(value.replaceAll('\t', ''));
  return pad(spec, raw ? `\`${value}\`` : goQuote(value, spec.plus));
}

function hexadecimal(spec: Spec, value: string): string {
  const bytes = bytesOf(value).subarray(0, spec.precision);
  const prefix = spec.sharp && bytes.length > 0 ? '0x' : '';
  const hex = bytes.toString('hex');
  const text = prefix + (spec.space ? hex.replace(/..(?=.)/g, `$& ${prefix}`) : hex);
  return pad(spec, spec.verb === 'X' ? text.toUpperCase() : text);
}

function fault(spec: Spec, value: Value, under: Under, depth: number): string {
  const text = isAbsent(value)
    ? `%!${spec.verb}(<nil>)`
    : `%!${spec.verb}(${typeName(value)}=${format({ ...spec, verb: 'v' }, value, under, depth)})`;
  under.faults.push(text);
  return text;
}

/** The Go type that confd would hold here. */
export function typeName(value: Value): string {
  if (isAbsent(value)) return '<nil>';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float64';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'boolean') return 'bool';
  if (value instanceof Float64) return 'float64';
  if (value instanceof Uint) return `uint${value.bits}`;
  if (value instanceof Complex128) return 'complex128';
  if (value instanceof Time) return 'time.Time';
  if (value instanceof KeyValue) return 'memkv.KVPair';
  if (value instanceof ServiceRecord) return '*net.SRV';
  return isList(value) ? listType(value) : 'map[string]interface {}';
}

/** Lists in lists: deeper than any sane value, and far from a stack's end. */
const MAX_DEPTH = 100;
