import { byteText } from '../../../../base/byte-text.js';

/** Go's strconv.Unquote for what the lexer gives: a double-quoted or a raw literal. undefined: it is malformed. */
export function unquote(literal: string): string | undefined {
  const inner = literal.slice(1, -1);
  if (literal.startsWith('`')) return inner.replaceAll('\r', '');
  if (!inner.includes('\\')) return inner;
  let text = '';
  let bytes: number[] = [];
  for (let at = 0; at < inner.length; ) {
    const char = readChar(inner, at, '"');
    if (char === undefined) return undefined;
    at = char.end;
    if (char.byte) {
      bytes.push(char.code);
      continue;
    }
    text += byteText(bytes) + String.fromCodePoint(char.code);
    bytes = [];
  }
  return text + byteText(bytes);
}

/** Go's character constant: its code point. */
export function unquoteChar(literal: string): number | 'invalid syntax' | 'malformed' {
  const char = readChar(literal, 1, "'");
  if (char === undefined) return 'invalid syntax';
  return char.end === literal.length - 1 && literal.endsWith("'") ? char.code : 'malformed';
}

interface Char {
  readonly code: number;
  /** Written as a byte (`\xff`, `\377`), which may be a part of a character. */
  readonly byte: boolean;
  readonly end: number;
}

function readChar(text: string, at: number, quote: string): Char | undefined {
  const code = text.codePointAt(at);
  if (code === undefined) return undefined;
  const char = String.fromCodePoint(code);
  if (char === quote) return undefined;
  if (char !== '\\') return { code, byte: false, end: at + char.length };
  const mark = text[at + 1] ?? '';
  const simple = SIMPLE.get(mark);
  if (simple !== undefined) return { code: simple, byte: false, end: at + 2 };
  if (mark === quote) return { code: mark.charCodeAt(0), byte: false, end: at + 2 };
  const digits = HEX_DIGITS.get(mark);
  if (digits !== undefined) {
    const hex = text.slice(at + 2, at + 2 + digits);
    if (hex.length !== digits || !/^[0-9a-fA-F]+$/.test(hex)) return undefined;
    const value = Number.parseInt(hex, 16);
    if (mark !== 'x' && (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))) return undefined;
    return { code: value, byte: mark === 'x', end: at + 2 + digits };
  }
  const octal = /^[0-7]{3}/.exec(text.slice(at + 1, at + 4))?.[0];
  if (octal === undefined) return undefined;
  const value = Number.parseInt(octal, 8);
  return value > 255 ? undefined : { code: value, byte: true, end: at + 4 };
}

const SIMPLE = new Map([
  ['a', 7],
  ['b', 8],
  ['f', 12],
  ['n', 10],
  ['r', 13],
  ['t', 9],
  ['v', 11],
  ['\\', 92],
]);
const HEX_DIGITS = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
]);
