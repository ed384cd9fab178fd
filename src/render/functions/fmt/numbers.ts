import type { Complex128, Int } from '../values.js';
import { type FloatVerb, formatFloat } from './float.js';
import { goQuoteRune, isPrintable } from './quote.js';
import { pad, type Spec } from './spec.js';

/** An integer under its verb; undefined: the verb isn't one for integers. `signed` false is for Go's uint kinds. */
export function formatInt(spec: Spec, value: Int, signed = true): string | undefined {
  switch (spec.verb) {
    case 'v':
      return !signed && spec.source ? digits({ ...spec, sharp: true }, value, 16) : digits(spec, value, 10);
    case 'd':
      return digits(spec, value, 10);
    case 'b':
      return digits(spec, value, 2);
    case 'o':
    case 'O':
      return digits(spec, value, 8);
    case 'x':
      return digits(spec, value, 16);
    case 'X':
      return digits(spec, value, 16).toUpperCase();
    case 'c':
      return pad(spec, character(value));
    case 'q':
      return pad(spec, goQuoteRune(value < 0 || value > 0x10ffff ? 0xfffd : Number(value), spec.plus));
    case 'U':
      return unicode(spec, value);
    default:
      return undefined;
  }
}

function digits(spec: Spec, value: Int, base: number): string {
  const { precision, width, sharp } = spec;
  const sign = value < 0 ? '-' : spec.plus ? '+' : spec.space ? ' ' : '';
  // A precision of 0 prints nothing for 0, not even the sign.
  if (precision === 0 && (value === 0 || value === 0n)) return ' '.repeat(width ?? 0);
  let text = (value < 0 ? -value : value).toString(base);
  // Zeros up to the precision or else, with the flag 0, up to the width, which doesn't count a prefix.
  if (precision !== undefined) text = text.padStart(precision, '0');
  else if (spec.zero && width !== undefined) text = text.padStart(width - sign.length, '0');
  if (sharp && base === 2) text = `0b${text}`;
  if (sharp && base === 8 && !text.startsWith('0')) text = `0${text}`;
  if (sharp && base === 16) text = `0x${text}`;
  if (spec.verb === 'O') text = `0o${text}`;
  return pad(spec, sign + text, false);
}

function unicode(spec: Spec, value: Int): string {
  const code = BigInt.asUintN(64, BigInt(value));
  const hex = code.toString(16).toUpperCase();
  const char = character(value);
  const shown = spec.sharp && code <= 0x10ffffn && isPrintable(char) ? ` '${char}'` : '';
  return pad(spec, `U+${hex.padStart(Math.max(spec.precision ?? 4, 4), '0')}${shown}`, false);
}

function character(value: Int): string {
  const valid = value >= 0 && value <= 0x10ffff && !(value >= 0xd800 && value <= 0xdfff);
  return valid ? String.fromCodePoint(Number(value)) : '\ufffd';
}

/** A float64 under its verb; undefined: the verb isn't one for floats. */
export function formatReal(spec: Spec, value: number): string | undefined {
  switch (spec.verb) {
    case 'v':
      return real(spec, value, 'g', -1);
    case 'b':
    case 'g':
    case 'G':
    case 'x':
    case 'X':
      return real(spec, value, spec.verb, -1);
    case 'e':
    case 'E':
    case 'f':
      return real(spec, value, spec.verb, 6);
    case 'F':
      return real(spec, value, 'f', 6);
    default:
      return undefined;
  }
}

function real(spec: Spec, value: number, verb: FloatVerb, usual: number): string {
  const precision = spec.precision ?? usual;
  const written = formatFloat(value, verb, precision);
  const signed = /^[+-]/.test(written) ? written : `+${written}`;
  const sign = signed.startsWith('+') && spec.space && !spec.plus ? ' ' : signed.slice(0, 1);
  let text = signed.slice(1);
  if (!Number.isFinite(value)) {
    // NaN has no sign but one that is asked for; infinity always has one.
    return pad(spec, Number.isNaN(value) && !spec.space && !spec.plus ? text : sign + text, false);
  }
  if (spec.sharp && verb !== 'b') text = withPoint(text, verb, precision);
  if (!spec.plus && sign === '+') return pad(spec, text);
  if (spec.zero && !spec.minus && spec.width !== undefined) return sign + text.padStart(spec.width - 1, '0');
  return pad(spec, sign + text);
}

/** `#`: a point always, and for %g and %x the zeros that were dropped. */
function withPoint(text: string, verb: FloatVerb, precision: number): string {
  const tailAt = text.search(verb === 'x' || verb === 'X' ? /p/i : /[ep]/i);
  let number = tailAt < 0 ? text : text.slice(0, tailAt);
  const tail = tailAt < 0 ? '' : text.slice(tailAt);
  let missing = 0;
  if ('gGx'.includes(verb)) {
    const significant = number.replace('.', '').replace(/^0+/, '').length;
    missing = (precision < 0 ? 6 : precision) - significant;
  }
  if (!number.includes('.')) {
    // The 0 of zero itself counts.
    if (number === '0') missing--;
    number += '.';
  }
  return number + '0'.repeat(Math.max(missing, 0)) + tail;
}

export function formatComplex(spec: Spec, value: Complex128): string | undefined {
  const realPart = formatReal(spec, value.real);
  const imaginary = formatReal({ ...spec, plus: true }, value.imaginary);
  return realPart === undefined || imaginary === undefined ? undefined : `(${realPart}${imaginary}i)`;
}
