import { goQuote } from '../../../functions/fmt/quote.js';
import { asInt, type Int } from '../../../functions/values.js';
import { unquoteChar } from './unquote.js';

/** A number as it may be taken where one of these kinds is wanted; undefined: it doesn't fit. */
export interface NumberLiteral {
  readonly int: Int | undefined;
  readonly float: number | undefined;
  /** The imaginary part; the real one is `float`, or 0. */
  readonly complex: { readonly real: number; readonly imaginary: number } | undefined;
  /** Where no kind is asked for. `overflow`: an integer beyond 63 bits. */
  readonly kind: 'int' | 'float' | 'complex' | 'overflow';
}

/** The literal, or a sentence of why it is none. */
export function readNumber(
  text: string,
  type: 'number' | 'complex' | 'char constant',
): NumberLiteral | string {
  if (type === 'char constant') {
    const code = unquoteChar(text);
    if (code === 'invalid syntax') return code;
    if (code === 'malformed') return `malformed character constant: ${text}`;
    return { int: code, float: code, complex: undefined, kind: 'int' };
  }
  if (type === 'complex') return readComplex(text) ?? 'syntax error scanning complex number';
  if (text.endsWith('i')) {
    const imaginary = parseFloatText(text.slice(0, -1));
    if (imaginary !== undefined) return complexOf(0, imaginary);
  }
  const whole = parseInteger(text);
  if (whole !== undefined) {
    const fits = whole >= -(2n ** 63n) && whole < 2n ** 63n;
    if (fits) return { int: asInt(whole), float: Number(whole), complex: undefined, kind: 'int' };
    // Go takes an unsigned 64-bit number where one is wanted; no function here wants one.
    if (whole > 0n && whole < 2n ** 64n && !/^[+-]/.test(text)) {
      return { int: undefined, float: Number(whole), complex: undefined, kind: 'overflow' };
    }
  }
  const float = parseFloatText(text);
  if (float === undefined) return `illegal number syntax: ${goQuote(text)}`;
  if (!/[.eEpP]/.test(text)) return `integer overflow: ${goQuote(text)}`;
  return { int: wholeOf(float), float, complex: undefined, kind: 'float' };
}

/** Of a float that is one. */
function wholeOf(float: number): Int | undefined {
  return Number.isInteger(float) && float >= -(2 ** 63) && float < 2 ** 63 ? asInt(BigInt(float)) : undefined;
}

function complexOf(real: number, imaginary: number): NumberLiteral {
  const complex = { real, imaginary };
  if (imaginary !== 0) return { int: undefined, float: undefined, complex, kind: 'complex' };
  return { int: wholeOf(real), float: real, complex, kind: 'complex' };
}

/** `1+2i` */
function readComplex(text: string): NumberLiteral | undefined {
  const split = /^(.*?[^eEpP])([+-].*)i$/.exec(text);
  const real = parseFloatText(split?.[1] ?? '');
  const imaginary = parseFloatText(split?.[2] ?? '');
  return real === undefined || imaginary === undefined ? undefined : complexOf(real, imaginary);
}

const INTEGER =
  /^([+-]?)(?:(0[xX])(?:_?[0-9a-fA-F])+|(0[bB])(?:_?[01])+|(0[oO])(?:_?[0-7])+|(0)(?:_?[0-7])+|0|[1-9](?:_?[0-9])*)$/;

/** Beyond any integer of 64 bits, with leading zeros. */
const MAX_DIGITS = 1000;

/** Go's integers: decimal, 0x, 0b, 0o, octal after a 0; underscores between digits. */
function parseInteger(text: string): bigint | undefined {
  const match = INTEGER.exec(text);
  if (match === null || text.length > MAX_DIGITS) return undefined;
  const digits = text.slice(match[1]?.length ?? 0).replaceAll('_', '');
  const octal = match[5] === undefined ? digits : `0o${digits.slice(1)}`;
  const size = BigInt(octal.toLowerCase());
  return match[1] === '-' ? -size : size;
}

const FLOAT =
  /^[+-]?(?:[0-9](?:_?[0-9])*\.?(?:[0-9](?:_?[0-9])*)?|\.[0-9](?:_?[0-9])*)(?:[eE][+-]?[0-9](?:_?[0-9])*)?$/;
const HEX_FLOAT =
  /^([+-]?)0[xX]((?:_?[0-9a-fA-F])*)(?:\.((?:[0-9a-fA-F](?:_?[0-9a-fA-F])*)?))?[pP]([+-]?[0-9]+)$/;

/** Go's strconv.ParseFloat for what the lexer takes for a number; too large is no number. */
function parseFloatText(text: string): number | undefined {
  if (FLOAT.test(text)) {
    const float = Number(text.replaceAll('_', ''));
    return Number.isFinite(float) ? float : undefined;
  }
  const hex = HEX_FLOAT.exec(text);
  if (hex === null) return undefined;
  const [, sign, whole = '', fraction = '', power] = hex;
  const digits = (whole + fraction).replaceAll('_', '');
  if (digits === '') return undefined;
  const shift = Number(power) - 4 * fraction.replaceAll('_', '').length;
  const float = Number(BigInt(`0x${digits}`)) * 2 ** shift;
  return Number.isFinite(float) ? (sign === '-' ? -float : float) : undefined;
}
