import { VarintReader, varint64Bytes, varintBytes, writeVarint, writeVarint64 } from '../base/varint.js';
import { PutRequest } from '../proto/generated/etcd_rpc.js';

/*
 * etcdserverpb.PutRequest by hand: half of a put's own cost was the generated codec, which makes a reader or writer, a
 * view and copies of key and value each time.
 */
const KEY = 0x0a;
const VALUE = 0x12;
const LEASE = 0x18;
const PREV_KV = 0x20;
const IGNORE_VALUE = 0x28;
const IGNORE_LEASE = 0x30;

const EMPTY = Buffer.alloc(0);

/** Key and value of the answer lie in `bytes`, which must not change. Throws for what is no PutRequest. */
export function decodePut(bytes: Buffer): PutRequest {
  return decodePlainPut(bytes, 0) ?? PutRequest.decode(bytes);
}

/** Reads `bytes` from `start` on; undefined for what is left to the generated code: leases, unknown fields, damage. */
export function decodePlainPut(bytes: Buffer, start: number): PutRequest | undefined {
  const reader = new VarintReader(bytes, start);
  const put: PutRequest = {
    key: EMPTY,
    value: EMPTY,
    lease: 0n,
    prevKv: false,
    ignoreValue: false,
    ignoreLease: false,
  };
  while (!reader.done) {
    switch (reader.next()) {
      case KEY: {
        const field = reader.skip();
        put.key = bytes.subarray(field.start, field.end);
        break;
      }
      case VALUE: {
        const field = reader.skip();
        put.value = bytes.subarray(field.start, field.end);
        break;
      }
      case PREV_KV:
        put.prevKv = reader.next() !== 0;
        break;
      case IGNORE_VALUE:
        put.ignoreValue = reader.next() !== 0;
        break;
      case IGNORE_LEASE:
        put.ignoreLease = reader.next() !== 0;
        break;
      default:
        return undefined;
    }
  }
  return reader.failed ? undefined : put;
}

/** Bytes that {@link writePut} writes. */
export function putBytes({ key, value, lease, prevKv, ignoreValue, ignoreLease }: PutRequest): number {
  let bytes = 0;
  if (key.length > 0) bytes += 1 + varintBytes(key.length) + key.length;
  if (value.length > 0) bytes += 1 + varintBytes(value.length) + value.length;
  if (lease !== 0n) bytes += 1 + varint64Bytes(lease);
  if (prevKv) bytes += 2;
  if (ignoreValue) bytes += 2;
  if (ignoreLease) bytes += 2;
  return bytes;
}

/** Writes the request at `from`, byte for byte as the generated code does; returns where it ends. */
export function writePut(into: Buffer, from: number, put: PutRequest): number {
  let at = from;
  if (put.key.length > 0) at = writeBytes(into, at, KEY, put.key);
  if (put.value.length > 0) at = writeBytes(into, at, VALUE, put.value);
  if (put.lease !== 0n) {
    into[at++] = LEASE;
    at = writeVarint64(into, at, put.lease);
  }
  if (put.prevKv) at = writeTrue(into, at, PREV_KV);
  if (put.ignoreValue) at = writeTrue(into, at, IGNORE_VALUE);
  if (put.ignoreLease) at = writeTrue(into, at, IGNORE_LEASE);
  return at;
}

function writeBytes(into: Buffer, from: number, tag: number, bytes: Buffer): number {
  into[from] = tag;
  const at = writeVarint(into, from + 1, bytes.length);
  into.set(bytes, at);
  return at + bytes.length;
}

function writeTrue(into: Buffer, at: number, tag: number): number {
  into[at] = tag;
  into[at + 1] = 1;
  return at + 2;
}
