/** Bytes as Go's `%q` writes them: printable text as it is, the rest escaped, bytes that aren't UTF-8 as `\xNN`. */
export function goQuote(bytes: Buffer | string): string {
  const buffer = typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : bytes;
  let out = '"';
  for (let at = 0; at < buffer.length; ) {
    const length = runeLength(buffer, at);
    if (length === 0) {
      out += `\\x${hex2(buffer[at] ?? 0)}`;
      at++;
      continue;
    }
    out += quoteRune(buffer.toString('utf8', at, at + length));
    at += length;
  }
  return `${out}"`;
}

/** Bytes as etcdctl's --hex shows them: `\x6b\x31`. */
export function hexBytes(bytes: Buffer): string {
  return bytes.toString('hex').replace(/../g, '\\x$&');
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

function quoteRune(rune: string): string {
  const escaped = ESCAPES[rune];
  if (escaped !== undefined) return escaped;
  if (/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(rune)) return rune;
  const code = rune.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${hex2(code)}`;
  return code < 0x10000
    ? `\\u${code.toString(16).padStart(4, '0')}`
    : `\\U${code.toString(16).padStart(8, '0')}`;
}

function hex2(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

/** Bytes of the UTF-8 sequence that begins here (RFC 3629, section 4); 0: there is none. */
function runeLength(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length =
    first >= 0xc2 && first < 0xe0
      ? 2
      : first >= 0xe0 && first < 0xf0
        ? 3
        : first >= 0xf0 && first < 0xf5
          ? 4
          : 0;
  if (length === 0) return 0;
  const second = bytes[at + 1] ?? 0;
  const [low, high] =
    first === 0xe0
      ? [0xa0, 0xbf]
      : first === 0xed
        ? [0x80, 0x9f]
        : first === 0xf0
          ? [0x90, 0xbf]
          : first === 0xf4
            ? [0x80, 0x8f]
            : [0x80, 0xbf];
  if (second < low || second > high) return 0;
  for (let next = at + 2; next < at + length; next++) {
    const byte = bytes[next] ?? 0;
    if (byte < 0x80 || byte > 0xbf) return 0;
  }
  return length;
}
