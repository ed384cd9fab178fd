import { Float64, isAbsent, isList, KeyValue, ServiceRecord, Time, type Value } from '../values.js';
import { formatFloat } from './float.js';
import { goQuote, goQuoteRune } from './quote.js';
import { formatTime } from './time.js';

/** The flags, width and precision of one verb; undefined: not given. */
export interface Spec {
  readonly verb: string;
  readonly plus: boolean;
  readonly minus: boolean;
  readonly sharp: boolean;
  readonly space: boolean;
  readonly zero: boolean;
  readonly width: number | undefined;
  readonly precision: number | undefined;
}

/** `faults`: verbs that don't fit their argument, as Go writes them (`%!d(string=x)`). */
export interface Formatted {
  readonly text: string;
  readonly faults: readonly string[];
}

/** One argument under one verb, as Go's fmt package formats it. */
export function formatValue(spec: Spec, value: Value): Formatted {
  const faults: string[] = [];
  const text = format(spec, value, faults, 0);
  return { text, faults };
}

/** `%v`. */
export function formatPlain(value: Value): string {
  return formatValue(PLAIN, value).text;
}

const PLAIN: Spec = {
  verb: 'v',
  plus: false,
  minus: false,
  sharp: false,
  space: false,
  zero: false,
  width: undefined,
  precision: undefined,
};

function format(spec: Spec, value: Value, faults: string[], depth: number): string {
  if (spec.verb === 'T') return pad(spec, typeName(value));
  if (isAbsent(value)) return spec.verb === 'v' ? pad(spec, '<nil>') : fault(spec, value, faults);
  if (typeof value === 'string') return formatText(spec, value, faults);
  if (typeof value === 'number') {
    return Number.isInteger(value) ? formatInt(spec, value, faults) : formatNumber(spec, value, faults);
  }
  if (typeof value === 'boolean') {
    return spec.verb === 'v' || spec.verb === 't' ? pad(spec, String(value)) : fault(spec, value, faults);
  }
  if (value instanceof Float64) return formatNumber(spec, value.value, faults);
  if (value instanceof Time) {
    return 'vsq'.includes(spec.verb)
      ? formatText(spec, formatTime(value.unixMs), faults)
      : fault(spec, value, faults);
  }
  if (depth >= MAX_DEPTH) return '…';
  const inner = (item: Value): string => format(spec, item, faults, depth + 1);
  if (isList(value)) return `[${value.map(inner).join(' ')}]`;
  const fields = fieldsOf(value);
  if (value instanceof KeyValue || value instanceof ServiceRecord) {
    const named = spec.verb === 'v' && spec.plus;
    return `{${fields.map(([name, item]) => (named ? `${name}:${inner(item)}` : inner(item))).join(' ')}}`;
  }
  return `map[${fields.map(([name, item]) => `${inner(name)}:${inner(item)}`).join(' ')}]`;
}

/** Go's fields of a struct in their order, or a map's entries by key. */
function fieldsOf(value: object): (readonly [string, Value])[] {
  if (value instanceof KeyValue) {
    return [
      ['Key', value.key],
      ['Value', value.value],
    ];
  }
  if (value instanceof ServiceRecord) {
    const { target, port, priority, weight } = value;
    return [
      ['Target', target],
      ['Port', port],
      ['Priority', priority],
      ['Weight', weight],
    ];
  }
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
}

function formatText(spec: Spec, value: string, faults: string[]): string {
  const cut = spec.precision === undefined ? value : Array.from(value).slice(0, spec.precision).join('');
  switch (spec.verb) {
    case 'v':
    case 's':
      return pad(spec, spec.verb === 'v' && spec.sharp ? goQuote(cut) : cut);
    case 'q':
      return pad(
        spec,
        spec.sharp && !/[`\p{Cc}\ufeff]/u.test(cut.replaceAll('\t', ''))
          ? `\`${cut}\``
          : goQuote(cut, spec.plus),
      );
    case 'x':
    case 'X': {
      const bytes = Buffer.from(value).subarray(0, spec.precision);
      const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'));
      const prefix = spec.sharp && hex.length > 0 ? '0x' : '';
      const text = spec.space ? hex.map((pair) => prefix + pair).join(' ') : prefix + hex.join('');
      return pad(spec, spec.verb === 'X' ? text.toUpperCase() : text);
    }
    default:
      return fault(spec, value, faults);
  }
}

function formatInt(spec: Spec, value: number, faults: string[]): string {
  switch (spec.verb) {
    case 'v':
    case 'd':
      return padInt(spec, value, 10, '');
    case 'b':
      return padInt(spec, value, 2, spec.sharp ? '0b' : '');
    case 'o':
      return padInt(spec, value, 8, spec.sharp ? '0' : '');
    case 'O':
      return padInt(spec, value, 8, '0o');
    case 'x':
      return padInt(spec, value, 16, spec.sharp ? '0x' : '');
    case 'X':
      return padInt(spec, value, 16, spec.sharp ? '0X' : '').replace(/[a-f]/g, (digit) =>
        digit.toUpperCase(),
      );
    case 'c':
      return pad(spec, codePoint(value));
    case 'q':
      return pad(spec, goQuoteRune(value, spec.plus));
    case 'U': {
      const text = `U+${value
        .toString(16)
        .toUpperCase()
        .padStart(Math.max(spec.precision ?? 4, 4), '0')}`;
      return pad({ ...spec, zero: false }, spec.sharp ? `${text} '${codePoint(value)}'` : text);
    }
    default:
      return fault(spec, value, faults);
  }
}

function formatNumber(spec: Spec, value: number, faults: string[]): string {
  let { verb } = spec;
  if (verb === 'v') verb = 'g';
  if (verb === 'F') verb = 'f';
  if (verb !== 'e' && verb !== 'E' && verb !== 'f' && verb !== 'g' && verb !== 'G') {
    return fault(spec, new Float64(value), faults);
  }
  const precision = spec.precision ?? (verb === 'g' || verb === 'G' ? -1 : 6);
  let text = formatFloat(value, verb, precision, spec.sharp && spec.verb !== 'v');
  if (!text.startsWith('-') && !text.startsWith('+')) text = `+${text}`;
  const sign = text[0] === '-' || spec.plus ? text[0] : spec.space ? ' ' : '';
  const digits = text.slice(1);
  const finite = Number.isFinite(value);
  if (spec.zero && !spec.minus && finite && spec.width !== undefined) {
    return sign + digits.padStart(spec.width - (sign?.length ?? 0), '0');
  }
  return pad(
    { ...spec, zero: false },
    sign + (finite ? digits : text === '+Inf' && spec.plus ? 'Inf' : infinite(text)),
  );
}

/** %v writes +Inf with its sign, and NaN without one. */
function infinite(text: string): string {
  if (text === '+NaN') return 'NaN';
  return text === '-Inf' ? 'Inf' : '+Inf';
}

function padInt(spec: Spec, value: number, base: number, prefix: string): string {
  const sign = value < 0 ? '-' : spec.plus ? '+' : spec.space ? ' ' : '';
  let digits = Math.abs(value).toString(base);
  if (spec.precision !== undefined) {
    // A precision of 0 prints nothing for 0; any precision turns the flag 0 off.
    digits = spec.precision === 0 && value === 0 ? '' : digits.padStart(spec.precision, '0');
    return pad({ ...spec, zero: false }, digits === '' ? '' : sign + prefix + digits);
  }
  if (spec.zero && !spec.minus && spec.width !== undefined) {
    digits = digits.padStart(spec.width - sign.length, '0');
  }
  return pad({ ...spec, zero: false }, sign + prefix + digits);
}

/** To the width, in code points. */
function pad(spec: Spec, text: string): string {
  const missing = (spec.width ?? 0) - (spec.width === undefined ? 0 : Array.from(text).length);
  if (missing <= 0) return text;
  if (spec.minus) return text + ' '.repeat(missing);
  return (spec.zero ? '0' : ' ').repeat(missing) + text;
}

function fault(spec: Spec, value: Value, faults: string[]): string {
  const text = isAbsent(value)
    ? `%!${spec.verb}(<nil>)`
    : `%!${spec.verb}(${typeName(value)}=${formatPlain(value)})`;
  faults.push(text);
  return text;
}

function codePoint(value: number): string {
  const valid = value >= 0 && value <= 0x10ffff && !(value >= 0xd800 && value <= 0xdfff);
  return valid ? String.fromCodePoint(value) : '\ufffd';
}

/** The Go type that confd would hold here. */
export function typeName(value: Value): string {
  if (isAbsent(value)) return '<nil>';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float64';
  if (typeof value === 'boolean') return 'bool';
  if (value instanceof Float64) return 'float64';
  if (value instanceof Time) return 'time.Time';
  if (value instanceof KeyValue) return 'memkv.KVPair';
  if (value instanceof ServiceRecord) return '*net.SRV';
  if (!isList(value)) return 'map[string]interface {}';
  const [first] = value;
  const same = value.every((item) => typeName(item) === typeName(first));
  return same && (typeof first === 'string' || typeof first === 'number' || first instanceof KeyValue)
    ? `[]${typeName(first)}`
    : '[]interface {}';
}

/** Lists in lists: deeper than any sane value, and far from a stack's end. */
const MAX_DEPTH = 100;
