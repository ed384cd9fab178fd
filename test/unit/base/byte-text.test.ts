import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  byteLength,
  bytesOf,
  byteText,
  compareBytes,
  sortAsBytes,
  wellFormed,
} from '../../../src/base/byte-text.js';

const bytes = fc.array(fc.nat({ max: 255 }), { maxLength: 24 });

describe('text as bytes', () => {
  test('any bytes come back as they were', () => {
    fc.assert(
      fc.property(bytes, (list) => {
        const text = byteText(list);
        expect([...bytesOf(text)]).toEqual(list);
        expect(byteLength(text)).toBe(list.length);
      }),
    );
  });
  test('what is UTF-8 is plain text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(byteText(Buffer.from(text))).toBe(text);
        expect(bytesOf(text).equals(Buffer.from(text))).toBe(true);
      }),
    );
  });
  test('a character cut in two is whole again when its parts meet', () => {
    const [one, other] = [byteText([0x68, 0xc3]), byteText([0xa9, 0x21])];
    expect(byteText(bytesOf(one + other))).toBe('hé!');
    expect(Buffer.from(one).toString()).toBe('h\ufffd');
  });
  test('U+FFFD itself is no cut', () => {
    expect(byteText(Buffer.from('a\ufffdb\xff', 'utf8'))).toBe('a\ufffdb\xff');
  });
  test('the order is that of the bytes, beyond U+FFFF too', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(bytesOf(a), bytesOf(b)));
      }),
    );
    expect(compareBytes('\uffee', '😀')).toBe(-1);
  });
  test('lists are sorted by bytes, whatever is in them', () => {
    const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 4 }), fc.string({ maxLength: 4 }));
    fc.assert(
      fc.property(fc.array(text), (texts) => {
        const sorted = texts.map(bytesOf).sort((a, b) => Buffer.compare(a, b));
        expect(sortAsBytes([...texts]).map(bytesOf)).toEqual(sorted);
      }),
    );
  });
  test('for others each such byte is U+FFFD, and what is well-formed stays', () => {
    expect(wellFormed(`a${byteText([0xff, 0xc3])}b`)).toBe('a\ufffd\ufffdb');
    expect(wellFormed('😀é')).toBe('😀é');
  });
  test('takes time in proportion to the text', () => {
    const noise = Buffer.from(Array.from({ length: 1 << 20 }, (_, at) => (at * 2_654_435_761) >>> 24));
    const began = performance.now();
    expect(bytesOf(byteText(noise)).equals(noise)).toBe(true);
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});
