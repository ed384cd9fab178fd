/** Go's strconv.Quote: a double-quoted Go literal; what isn't printable is escaped. `ascii` escapes all beyond ASCII. */
export function goQuote(text: string, ascii = false): string {
  if (PLAIN.test(text)) return `"${text}"`;
  let quoted = '"';
  for (const char of text) quoted += escaped(char, '"', ascii);
  return `${quoted}"`;
}

/** Text that is its own literal. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** Go's strconv.QuoteRune. */
export function goQuoteRune(code: number, ascii = false): string {
  const valid = code >= 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
  return `'${escaped(valid ? String.fromCodePoint(code) : '\ufffd', "'", ascii)}'`;
}

function escaped(char: string, quote: string, ascii: boolean): string {
  if (char === quote || char === '\\') return `\\${char}`;
  const short = SHORT.get(char);
  if (short !== undefined) return short;
  const code = char.codePointAt(0) as number;
  // A byte that is no UTF-8 (fmt/bytes.ts).
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
  if (code >= 0xd800 && code <= 0xdfff) return ascii ? '\\ufffd' : '\ufffd';
  if (code >= 0x20 && code < 0x7f) return char;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (!ascii && PRINTABLE.test(char)) return char;
  if (code < 0x10000) return `\\u${code.toString(16).padStart(4, '0')}`;
  return `\\U${code.toString(16).padStart(8, '0')}`;
}

const SHORT = new Map([
  ['\x07', '\\a'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
]);

/** Go's strconv.IsPrint: letters, marks, numbers, punctuation, symbols, and the blank. */
export function isPrintable(char: string): boolean {
  return char === ' ' || PRINTABLE.test(char);
}

const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u;
