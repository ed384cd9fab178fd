import { decodeHuffman } from './huffman.js';

/** Entries of the static table that a request needs (RFC 7541, Appendix A), and the first of the dynamic one. */
const METHOD_POST = 3;
const SCHEME_HTTP = 6;
const NAME_AUTHORITY = 1;
const NAME_PATH = 4;
const NAME_CONTENT_TYPE = 31;
const NAME_USER_AGENT = 58;
const FIRST_DYNAMIC = 62;

/** Makes a connection's request headers: in full at first, then, as real gRPC clients do, one byte a header. */
export class RequestHeaders {
  readonly #inserted: string[] = [];
  readonly #blocks = new Map<string, Buffer>();
  readonly #authority: string;

  constructor(authority: string) {
    this.#authority = authority;
  }

  block(path: string): Buffer {
    const known = this.#blocks.get(path);
    if (known !== undefined) return known;
    const fields: [number | string, string][] = [
      [NAME_PATH, path],
      [NAME_AUTHORITY, this.#authority],
      [NAME_CONTENT_TYPE, 'application/grpc'],
      [NAME_USER_AGENT, 'confetd-bench'],
      ['te', 'trailers'],
    ];
    const before = this.#inserted.length;
    const block = Buffer.concat([
      Buffer.from([0x80 | METHOD_POST, 0x80 | SCHEME_HTTP]),
      ...fields.map(([name, value]) => this.#field(name, value)),
    ]);
    // An insertion moves the indexes of all entries, so that what was kept is out of date.
    if (this.#inserted.length > before) this.#blocks.clear();
    else this.#blocks.set(path, block);
    return block;
  }

  #field(name: number | string, value: string): Buffer {
    const entry = `${name}: ${value}`;
    const position = this.#inserted.indexOf(entry);
    if (position !== -1) {
      const index = FIRST_DYNAMIC + this.#inserted.length - 1 - position;
      if (index >= 127) throw new Error('too many different calls over one connection');
      return Buffer.from([0x80 | index]);
    }
    this.#inserted.push(entry);
    return typeof name === 'number'
      ? Buffer.concat([Buffer.from([0x40 | name]), text(value)])
      : Buffer.concat([Buffer.from([0x40]), text(name), text(value)]);
  }
}

function text(value: string): Buffer {
  if (value.length >= 127) throw new Error(`too long for a header here: ${value}`);
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')]);
}

export interface Trailers {
  /** The `grpc-status`; undefined if there was none. */
  readonly status: string | undefined;
  readonly message: string;
}

/**
 * Reads header blocks of a peer that was told to keep no dynamic table: equal blocks then mean equal headers, so that
 * nearly every answer's trailers are known by their bytes.
 */
export class TrailersReader {
  readonly #known = new Map<string, Trailers>();

  read(block: Buffer): Trailers {
    const bytes = block.toString('latin1');
    let trailers = this.#known.get(bytes);
    if (trailers === undefined) {
      trailers = decode(block);
      if (this.#known.size < 1000) this.#known.set(bytes, trailers);
    }
    return trailers;
  }
}

function decode(block: Buffer): Trailers {
  let at = 0;
  const integer = (bits: number): number => {
    const mask = (1 << bits) - 1;
    let value = (block[at++] ?? 0) & mask;
    if (value < mask) return value;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = block[at++] ?? 0;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new Error('a header block with too large a number');
  };
  const literal = (): string => {
    const huffman = ((block[at] ?? 0) & 0x80) !== 0;
    const length = integer(7);
    const bytes = block.subarray(at, at + length);
    at += length;
    return huffman ? decodeHuffman(bytes) : bytes.toString('latin1');
  };
  let status: string | undefined;
  let message = '';
  while (at < block.length) {
    const first = block[at] ?? 0;
    if (first >= 0x80) {
      // Of the static table; it knows neither name that matters here.
      if (integer(7) >= FIRST_DYNAMIC) throw new Error('the peer uses a header table that it was denied');
    } else if (first >= 0x20 && first < 0x40) {
      integer(5); // the table's new size: none
    } else {
      const index = integer(first >= 0x40 ? 6 : 4);
      const name = index === 0 ? literal() : '';
      const value = literal();
      if (name === 'grpc-status') status = value;
      else if (name === 'grpc-message') message = value;
    }
  }
  return { status, message };
}
