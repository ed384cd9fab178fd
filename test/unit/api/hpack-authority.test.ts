import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mendAuthority } from '../../../src/api/hpack-authority.js';
import { encoded } from './http2-wire.js';

const URL_CHARACTERS =
  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/?#[]@!$&'()*+,;=%".split('');

const requestTo = (authority: string) => ({
  ':method': 'POST',
  ':path': '/etcdserverpb.Maintenance/Status',
  ':scheme': 'http',
  ':authority': authority,
  te: 'trailers',
});

async function block(authority: string): Promise<Buffer> {
  const [bytes] = await encoded(requestTo(authority));
  return bytes ?? Buffer.alloc(0);
}

/** Mends a copy. */
function mended(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  mendAuthority(copy);
  return copy;
}

/** A string as it is (RFC 7541, section 5.2). */
const plain = (text: string) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text, 'latin1')]);

describe('an authority that is a URL', () => {
  it.each([
    'http://127.0.0.1:2379',
    'http://127.0.0.1:2379/',
    'https://etcd-1.example.com:2379',
    'http://[::1]:2379',
    'unix:///run/etcd.sock',
    '/',
    '//',
  ])('gets hyphens where %s has slashes, and no other bit changes', async (url) => {
    expect(mended(await block(url))).toEqual(await block(url.replaceAll('/', '-')));
  });

  it('is mended whatever it is made of, as Node’s encoder writes it', async () => {
    const text = fc.string({ unit: fc.constantFrom(...URL_CHARACTERS), minLength: 1, maxLength: 80 });
    await fc.assert(
      fc.asyncProperty(text, async (authority) => {
        expect(mended(await block(authority))).toEqual(await block(authority.replaceAll('/', '-')));
      }),
      { numRuns: 200 },
    );
  });

  it('is mended behind each character that has a code of at most 15 bits', async () => {
    // Enough short codes that the encoder prefers Huffman's.
    const common = 'a'.repeat(24);
    for (let byte = 0x20; byte < 0x7f; byte++) {
      const character = String.fromCharCode(byte);
      if (character === '\\') continue;
      const authority = `${common}${character}/${character}${character}/b`;
      const before = await block(authority);
      expect(before.includes(common)).toBe(false);
      expect(mended(before)).toEqual(await block(authority.replaceAll('/', '-')));
    }
  });

  it.each([
    ['to be indexed', 0x41],
    ['not to be indexed', 0x01],
    ['never to be indexed', 0x11],
  ])('is mended as a plain literal %s', (_name, first) => {
    const head = Buffer.from([0x83, 0x86, first]);
    const tail = Buffer.from([0x84]);
    const of = (text: string) => Buffer.concat([head, plain(text), tail]);
    expect(mended(of('http://a:1/b'))).toEqual(of('http:--a:1-b'));
  });

  it('is found behind everything that a block may have before it', () => {
    const long = 'x'.repeat(400);
    // The length in three bytes: 127, then 400 - 127 in groups of seven bits.
    const longString = Buffer.concat([Buffer.from([0x7f, 0x91, 0x02]), Buffer.from(long)]);
    const before = Buffer.concat([
      Buffer.from([0x3f, 0xe1, 0x1f]), // The table has 4096 bytes.
      Buffer.from([0x20]), // It has none.
      Buffer.from([0xff, 0x00]), // The field of index 127, in two bytes.
      Buffer.from([0x40]), // A new name, to be indexed.
      plain('a/b'),
      plain('c/d'),
      Buffer.from([0x0f, 0x2f]), // The name of index 62, in two bytes.
      longString,
    ]);
    const of = (text: string) => Buffer.concat([before, Buffer.from([0x41]), plain(text)]);
    expect(mended(of('http://a'))).toEqual(of('http:--a'));
  });
});

describe('everything else of a block stays as it is', () => {
  it('valid authorities, and slashes in other fields', async () => {
    const text = fc.string({
      unit: fc.constantFrom(...URL_CHARACTERS.filter((character) => character !== '/')),
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(text, fc.webPath({ size: '-1' }), async (authority, path) => {
        const [bytes = Buffer.alloc(0)] = await encoded({
          ...requestTo(authority === '' ? 'a' : authority),
          ':path': `/${path}`,
          'content-type': 'application/grpc',
          'user-agent': 'grpc-go/1.26.0',
        });
        expect(mended(bytes)).toEqual(bytes);
      }),
      { numRuns: 60 },
    );
  });

  it('a value that is cut short', () => {
    const whole = Buffer.concat([Buffer.from([0x83, 0x41]), plain('http://a:1')]);
    for (let length = 0; length < whole.length; length++) {
      const cut = whole.subarray(0, length);
      expect(mended(cut)).toEqual(cut);
    }
  });

  it('a length without end', () => {
    const bytes = Buffer.from([0x41, 0x7f, ...Array(20).fill(0xff), 0x2f]);
    expect(mended(bytes)).toEqual(bytes);
  });

  it('noise is read to its end, and its length never changes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const bytes = Buffer.from(noise);
        mendAuthority(bytes);
        expect(bytes.length).toBe(noise.length);
      }),
    );
  });
});
