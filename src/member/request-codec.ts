import { VarintReader, varintBytes, writeVarint } from '../base/varint.js';
import { Request, RequestId } from '../proto/generated/member.js';
import { decodePlainPut, putBytes, writePut } from './put-codec.js';

/*
 * memberpb.Request, the data of an entry. Most are puts: they are encoded and decoded by hand, the others by the
 * generated code; what is written is the same.
 */
const ID = 0x0a;
const SEQUENCE = 0x18;
const PUT = 0x1a;

export type RequestKind = NonNullable<Request['kind']>;

/** Encodes the requests of one life of a member: what names it is the same in all of them. */
export class RequestEncoder {
  readonly #member: bigint;
  readonly #boot: number;
  /** The ID's fields before the sequence. */
  readonly #origin: Uint8Array;

  constructor({ member, boot }: { member: bigint; boot: number }) {
    this.#member = member;
    this.#boot = boot;
    this.#origin = RequestId.encode({ member, boot, sequence: 0 }).finish();
  }

  encode(sequence: number, kind: RequestKind): Buffer {
    if (kind.$case === 'put') return this.#encodePut(sequence, kind.value);
    const id: RequestId = { member: this.#member, boot: this.#boot, sequence };
    return Buffer.from(Request.encode({ id, kind }).finish());
  }

  #encodePut(sequence: number, put: Extract<RequestKind, { $case: 'put' }>['value']): Buffer {
    const origin = this.#origin;
    // At most 11 + 6 + 9 bytes: a length of one.
    const idBytes = origin.length + 1 + varintBytes(sequence);
    const bytes = putBytes(put);
    const data = Buffer.allocUnsafe(2 + idBytes + 1 + varintBytes(bytes) + bytes);
    data[0] = ID;
    data[1] = idBytes;
    data.set(origin, 2);
    let at = 2 + origin.length;
    data[at++] = SEQUENCE;
    at = writeVarint(data, at, sequence);
    data[at++] = PUT;
    at = writeVarint(data, at, bytes);
    writePut(data, at, put);
    return data;
  }
}

/** What a put carries lies in `data`, which must not change. Throws for what is no Request. */
export function decodeRequest(data: Buffer): Request {
  return decodePutRequest(data) ?? Request.decode(data);
}

/** Undefined: not an ID and a plain put, in this order. */
function decodePutRequest(data: Buffer): Request | undefined {
  const reader = new VarintReader(data);
  if (reader.next() !== ID) return undefined;
  const { start, end } = reader.skip();
  if (reader.next() !== PUT) return undefined;
  if (reader.next() !== data.length - reader.at || reader.failed) return undefined;
  const id = decodeId(data, start, end);
  const value = decodePlainPut(data, reader.at);
  return id === undefined || value === undefined ? undefined : { id, kind: { $case: 'put', value } };
}

function decodeId(data: Buffer, start: number, end: number): RequestId | undefined {
  const reader = new VarintReader(data, start, end);
  const id: RequestId = { member: 0n, boot: 0, sequence: 0 };
  while (!reader.done) {
    const tag = reader.next();
    if (tag === 0x08) id.member = reader.next64();
    else if (tag === 0x10) id.boot = reader.next();
    else if (tag === SEQUENCE) id.sequence = reader.next();
    else return undefined;
  }
  return reader.failed ? undefined : id;
}
