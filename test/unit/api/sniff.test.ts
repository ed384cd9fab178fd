import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { protocolOf } from '../../../src/api/sniff.js';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const head = (text: string) => Buffer.from(text, 'latin1');

describe('the first bytes of a connection', () => {
  it('tell HTTP/2 by its whole preface, in however few bytes at a time', () => {
    for (let length = 0; length < PREFACE.length; length++) {
      expect(protocolOf(head(PREFACE.slice(0, length)))).toBeUndefined();
    }
    expect(protocolOf(head(PREFACE))).toBe('http2');
    expect(protocolOf(head(`${PREFACE}\0\0\0`))).toBe('http2');
  });

  it('leave everything else to HTTP/1', () => {
    for (const text of [
      'GET /',
      'PUT /',
      'POST',
      'PATCH',
      'PROPFIND',
      'PRIX',
      'PRI * HTTP/1.1\r\n',
      '\x16\x03\x01',
    ]) {
      expect(protocolOf(head(text))).toBe('http1');
    }
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 24, maxLength: 64 }), (bytes) => {
        const begins = Buffer.from(bytes).toString('latin1').startsWith(PREFACE);
        return protocolOf(Buffer.from(bytes)) === (begins ? 'http2' : 'http1');
      }),
    );
  });
});
