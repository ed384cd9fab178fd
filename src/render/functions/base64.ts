import { bytesOf } from '../../base/byte-text.js';

/** Offset of the first byte that is wrong in standard base64 with padding, as Go counts it; undefined: there is none. */
export function base64Fault(text: string): number | undefined {
  const bytes = bytesOf(text);
  const isBreak = (at: number): boolean => bytes[at] === LINE_FEED || bytes[at] === RETURN;
  let at = 0;
  /** Characters of the group of four under way. */
  let group = 0;
  for (; at < bytes.length; at++) {
    if (isBreak(at)) continue;
    const byte = bytes[at] as number;
    if (byte === PADDING) break;
    if (!ALPHABET.has(byte)) return at;
    group = (group + 1) % 4;
  }
  if (at === bytes.length) return group === 0 ? undefined : at - group;
  if (group < 2) return at;
  let next = at + 1;
  while (isBreak(next)) next++;
  if (group === 2) {
    if (next === bytes.length) return bytes.length;
    if (bytes[next] !== PADDING) return next - 1;
    next++;
    while (isBreak(next)) next++;
  }
  return next < bytes.length ? next : undefined;
}

const LINE_FEED = 10;
const RETURN = 13;
const PADDING = 61;
const ALPHABET = new Set(Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'));
