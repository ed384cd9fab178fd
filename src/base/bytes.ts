import { bytesOf, byteText } from './byte-text.js';

/**
 * Keys inside are latin1 strings: one character a byte, so JavaScript's string order is byte order and a
 * comparison costs half of a Buffer's. They become bytes at the edges only (gRPC, disk).
 */
export type ByteString = string;

/** A buffer's bytes as a {@link ByteString}. */
export function toByteString(bytes: Buffer): ByteString {
  return bytes.toString('latin1');
}

/** A {@link ByteString}'s bytes. */
export function toBytes(text: ByteString): Buffer {
  return Buffer.from(text, 'latin1');
}

/** Text (a template's or a person's key) as a {@link ByteString}. */
export function utf8ToByteString(text: string): ByteString {
  return bytesOf(text).toString('latin1');
}

/** A {@link ByteString} as text; bytes that aren't UTF-8 stand as byte-text.ts has them. */
export function byteStringToUtf8(text: ByteString): string {
  return byteText(Buffer.from(text, 'latin1'));
}

/** range_end that selects every key from `key` on. */
export const FROM_KEY_END: ByteString = '\0';

/**
 * The end of the range of all keys that begin with `prefix`: the prefix with its last byte below 0xff raised by
 * one. A prefix without such a byte (empty, or all 0xff) has no successor: {@link FROM_KEY_END}.
 */
export function prefixEnd(prefix: ByteString): ByteString {
  for (let at = prefix.length - 1; at >= 0; at--) {
    const byte = prefix.charCodeAt(at);
    if (byte < 0xff) return prefix.slice(0, at) + String.fromCharCode(byte + 1);
  }
  return FROM_KEY_END;
}
