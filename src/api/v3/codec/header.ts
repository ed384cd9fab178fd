import type { ResponseHeader } from '../../../proto/generated/etcd_rpc.js';
import { varint64Size, varintSize, writeVarint, writeVarint64 } from './wire.js';

/** Field 1 of every response, length-delimited. */
const HEADER_TAG = 0x0a;

/** Encoded cluster and member ID: a process answers with the same ones for ever. */
let idsOf = { clusterId: 0n, memberId: 0n };
let ids: Buffer = Buffer.alloc(0);

/** Bytes of a ResponseHeader as a field, tag and length included. */
export function headerFieldSize(header: ResponseHeader): number {
  const size = headerSize(header);
  return 1 + varintSize(size) + size;
}

/** Writes the header as a field; the answer is the position behind it. */
export function writeHeaderField(into: Buffer, from: number, header: ResponseHeader): number {
  into[from] = HEADER_TAG;
  let at = writeVarint(into, from + 1, headerSize(header));
  at += encodedIds(header).copy(into, at);
  if (header.revision !== 0) {
    into[at++] = 0x18;
    at = writeVarint(into, at, header.revision);
  }
  if (header.raftTerm !== 0) {
    into[at++] = 0x20;
    at = writeVarint(into, at, header.raftTerm);
  }
  return at;
}

/** The header as its field's bytes. */
export function encodeHeader(header: ResponseHeader): Buffer {
  const bytes = Buffer.allocUnsafe(headerFieldSize(header));
  writeHeaderField(bytes, 0, header);
  return bytes;
}

function headerSize(header: ResponseHeader): number {
  let size = encodedIds(header).length;
  if (header.revision !== 0) size += 1 + varintSize(header.revision);
  if (header.raftTerm !== 0) size += 1 + varintSize(header.raftTerm);
  return size;
}

function encodedIds({ clusterId, memberId }: ResponseHeader): Buffer {
  if (clusterId === idsOf.clusterId && memberId === idsOf.memberId) return ids;
  let size = 0;
  if (clusterId !== 0n) size += 1 + varint64Size(clusterId);
  if (memberId !== 0n) size += 1 + varint64Size(memberId);
  const bytes = Buffer.alloc(size);
  let at = 0;
  if (clusterId !== 0n) {
    bytes[at++] = 0x08;
    at = writeVarint64(bytes, at, clusterId);
  }
  if (memberId !== 0n) {
    bytes[at++] = 0x10;
    writeVarint64(bytes, at, memberId);
  }
  idsOf = { clusterId, memberId };
  ids = bytes;
  return bytes;
}
