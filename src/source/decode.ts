import { byteText } from '../base/byte-text.js';
import type { ResponseHeader } from '../proto/generated/etcd_rpc.js';
import type { Pair } from './types.js';

/** What loading needs of an etcdserverpb.RangeResponse. */
export interface PairsPage {
  readonly header: Pick<ResponseHeader, 'clusterId' | 'revision' | 'raftTerm'>;
  /** Decodes them: most of the cost, and it can wait until the next page has been asked for. */
  readonly pairs: () => Pair[];
  /** Where the next page begins: the last key's bytes and a zero byte. Undefined: this was the last page. */
  readonly nextKey: Buffer | undefined;
}

/**
 * Decodes a RangeResponse straight into pairs of text: the generated decoder's Buffers and bigints cost five times as
 * much, for fields that templates don't see. Malformed bytes throw a RangeError, here or from `pairs`.
 */
export function decodePage(bytes: Buffer): PairsPage {
  const reader = new Reader(bytes);
  const starts: number[] = [];
  let header = { clusterId: 0n, revision: 0, raftTerm: 0 };
  let more = false;
  while (reader.at < bytes.length) {
    const tag = reader.varint();
    if (tag === HEADER) header = decodeHeader(reader);
    else if (tag === MORE) more = reader.varint() !== 0;
    else {
      if (tag === KV) starts.push(reader.at);
      reader.skip(tag);
    }
  }
  const at = <Result>(start: number, decode: (reader: Reader) => Result): Result => {
    reader.at = start;
    return decode(reader);
  };
  const last = starts.at(-1);
  const lastKey = last === undefined ? NO_BYTES : at(last, decodeKey);
  return {
    header,
    pairs: () => starts.map((start) => at(start, decodePair)),
    nextKey: more ? Buffer.concat([lastKey, Buffer.of(0)]) : undefined,
  };
}

function decodeKey(reader: Reader): Buffer {
  const end = reader.length();
  let key = NO_BYTES;
  while (reader.at < end) {
    const tag = reader.varint();
    if (tag === KEY) key = reader.bytes(reader.length());
    else reader.skip(tag);
  }
  return key;
}

function decodeHeader(reader: Reader) {
  const header = { clusterId: 0n, revision: 0, raftTerm: 0 };
  const end = reader.length();
  while (reader.at < end) {
    const tag = reader.varint();
    if (tag === HEADER_CLUSTER) header.clusterId = reader.uint64();
    else if (tag === HEADER_REVISION) header.revision = reader.varint();
    else if (tag === HEADER_TERM) header.raftTerm = reader.varint();
    else reader.skip(tag);
  }
  return header;
}

function decodePair(reader: Reader): Pair {
  const end = reader.length();
  let key = '';
  let value = '';
  let modRevision = 0;
  while (reader.at < end) {
    const tag = reader.varint();
    if (tag === KEY) key = reader.text(reader.length());
    else if (tag === VALUE) value = reader.text(reader.length());
    else if (tag === MOD_REVISION) modRevision = reader.varint();
    else reader.skip(tag);
  }
  return { key, value, modRevision };
}

const NO_BYTES: Buffer = Buffer.alloc(0);

// Tags of etcd's rpc.proto and kv.proto: field number << 3 | wire type.
const HEADER = (1 << 3) | 2;
const KV = (2 << 3) | 2;
const MORE = 3 << 3;
const HEADER_CLUSTER = 1 << 3;
const HEADER_REVISION = 3 << 3;
const HEADER_TERM = 4 << 3;
const KEY = (1 << 3) | 2;
const MOD_REVISION = 3 << 3;
const VALUE = (5 << 3) | 2;

/** Reads protobuf's wire format (encoding: protobuf.dev/programming-guides/encoding). */
class Reader {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** A varint as a number: exact up to 2^53. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    throw new RangeError('a varint of more than 10 bytes');
  }

  uint64(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new RangeError('a varint of more than 10 bytes');
  }

  /** A length prefix; answers where what follows it ends. */
  length(): number {
    const end = this.varint() + this.at;
    if (end > this.#bytes.length) throw new RangeError('a field that is longer than its message');
    return end;
  }

  /** The bytes up to `end`, not copied. */
  bytes(end: number): Buffer {
    const bytes = this.#bytes.subarray(this.at, end);
    this.at = end;
    return bytes;
  }

  text(end: number): string {
    const text = this.#bytes.toString('utf8', this.at, end);
    // Nearly always it isn't there: then no byte was lost.
    const whole = text.includes('\ufffd') ? byteText(this.#bytes.subarray(this.at, end)) : text;
    this.at = end;
    return whole;
  }

  skip(tag: number): void {
    const wireType = tag & 7;
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.at += 8;
    else if (wireType === 2) this.at = this.length();
    else if (wireType === 5) this.at += 4;
    else throw new RangeError(`wire type ${wireType}`);
  }

  #byte(): number {
    const byte = this.#bytes[this.at];
    if (byte === undefined) throw new RangeError('a message that ends early');
    this.at++;
    return byte;
  }
}
