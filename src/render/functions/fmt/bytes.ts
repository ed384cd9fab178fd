/**
 * Go's text is bytes, which need not be UTF-8; here it is UTF-16. A byte that is no part of a character stands as a lone
 * low surrogate, U+DC80 to U+DCFF, so that text cut in the middle of a character can be put together again. Written
 * out, what is left of them becomes U+FFFD.
 */
const LONE = /(?<![\ud800-\udbff])[\udc80-\udcff]/;
const ANY_SURROGATE = /[\ud800-\udfff]/;

export function hasLoneBytes(text: string): boolean {
  return ANY_SURROGATE.test(text) && LONE.test(text);
}

/** A text's bytes. */
export function bytesOf(text: string): Buffer {
  if (!hasLoneBytes(text)) return Buffer.from(text);
  const parts: Buffer[] = [];
  for (const char of text) {
    const code = char.codePointAt(0) as number;
    parts.push(code >= 0xdc80 && code <= 0xdcff ? Buffer.from([code - 0xdc00]) : Buffer.from(char));
  }
  return Buffer.concat(parts);
}

/** How many bytes a text has. */
export function byteLength(text: string): number {
  const size = Buffer.byteLength(text);
  if (size === text.length || !hasLoneBytes(text)) return size;
  return bytesOf(text).length;
}

/** Bytes as text. */
export function byteText(bytes: Uint8Array | readonly number[]): string {
  if (bytes.length === 0) return '';
  const buffer = Buffer.from(bytes);
  const text = buffer.toString('utf8');
  if (!text.includes('\ufffd')) return text;
  let result = '';
  for (let at = 0; at < buffer.length; ) {
    const size = characterSize(buffer, at);
    result +=
      size === 0
        ? String.fromCharCode(0xdc00 + (buffer[at] as number))
        : buffer.toString('utf8', at, at + size);
    at += size || 1;
  }
  return result;
}

/** Bytes of the UTF-8 character at `at`; 0: there is none. */
function characterSize(bytes: Buffer, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (size === 0 || first > 0xf4) return 0;
  // What is no character decodes into several U+FFFD, or into one that stands for fewer bytes.
  const char = bytes.toString('utf8', at, at + size);
  const valid = Buffer.byteLength(char) === size && Array.from(char).length === 1;
  return valid && Buffer.from(char).equals(bytes.subarray(at, at + size)) ? size : 0;
}

/** Order of two texts as bytes, which UTF-16 changes only beyond U+FFFF. */
export function compareBytes(a: string, b: string): number {
  if (a === b) return 0;
  if (!ANY_SURROGATE.test(a) && !ANY_SURROGATE.test(b)) return a < b ? -1 : 1;
  return Buffer.compare(bytesOf(a), bytesOf(b));
}
