/** Splits a line into words: `"…"` with Go's escapes, `'…'` as it is, anything else up to the next space. */
export function wordsOf(line: string): Buffer[] {
  return [...line.matchAll(/"(?:[^"\\]|\\.)*"|'[^']*'|\S+/g)].map(([word]) => {
    if (word.startsWith('"') && word.length > 1) return goUnquote(word) ?? Buffer.from(word, 'utf8');
    if (word.startsWith("'") && word.endsWith("'") && word.length > 1)
      return Buffer.from(word.slice(1, -1), 'utf8');
    return Buffer.from(word, 'utf8');
  });
}

const SINGLE: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 92,
  '"': 34,
};

/** The bytes of a Go string literal, `"…"` or `` `…` ``; undefined if it isn't one. */
export function goUnquote(literal: string): Buffer | undefined {
  if (literal.length < 2) return undefined;
  const body = literal.slice(1, -1);
  if (literal.startsWith('`') && literal.endsWith('`')) return Buffer.from(body, 'utf8');
  if (!literal.startsWith('"') || !literal.endsWith('"')) return undefined;
  const parts: Buffer[] = [];
  for (const [piece, text, single, hex, short, long, octal] of body.matchAll(
    /([^\\]+)|\\(?:([abfnrtv\\"])|x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|([0-3][0-7]{2})|)/gi,
  )) {
    const byte = hex === undefined ? octal && Number.parseInt(octal, 8) : Number.parseInt(hex, 16);
    const code = short ?? long;
    if (text !== undefined) parts.push(Buffer.from(text, 'utf8'));
    else if (single !== undefined && SINGLE[single] !== undefined) parts.push(Buffer.of(SINGLE[single]));
    else if (typeof byte === 'number') parts.push(Buffer.of(byte));
    else if (code !== undefined && Number.parseInt(code, 16) <= 0x10ffff) {
      parts.push(Buffer.from(String.fromCodePoint(Number.parseInt(code, 16)), 'utf8'));
    } else if (piece.length > 0) return undefined;
  }
  return Buffer.concat(parts);
}
