import type { KeyValue, StoreEvent } from '../../../store/types.js';
import { varint64Size, varintSize, writeVarint, writeVarint64 } from './wire.js';

/** Field 11 of WatchResponse, length-delimited. */
const EVENTS_TAG = 0x5a;

/**
 * One event as the bytes it takes in a WatchResponse, tag and length included: responses of many watchers are put
 * together from the same pieces.
 */
export function encodeEventField(event: StoreEvent, withPrevious: boolean): Buffer {
  const previous = withPrevious ? event.previous() : undefined;
  const kvSize = keyValueSize(event.kv);
  const previousSize = previous === undefined ? 0 : keyValueSize(previous);
  let size = 1 + varintSize(kvSize) + kvSize;
  if (event.type === 'delete') size += 2;
  if (previous !== undefined) size += 1 + varintSize(previousSize) + previousSize;

  const bytes = Buffer.allocUnsafe(1 + varintSize(size) + size);
  let at = 0;
  bytes[at++] = EVENTS_TAG;
  at = writeVarint(bytes, at, size);
  if (event.type === 'delete') {
    bytes[at++] = 0x08;
    bytes[at++] = 1;
  }
  bytes[at++] = 0x12;
  at = writeVarint(bytes, at, kvSize);
  at = writeKeyValue(bytes, at, event.kv);
  if (previous !== undefined) {
    bytes[at++] = 0x1a;
    at = writeVarint(bytes, at, previousSize);
    writeKeyValue(bytes, at, previous);
  }
  return bytes;
}

/** Bytes of a mvccpb.KeyValue without tag and length. */
export function keyValueSize(kv: KeyValue): number {
  let size = 0;
  if (kv.key.length > 0) size += 1 + varintSize(kv.key.length) + kv.key.length;
  if (kv.createRevision !== 0) size += 1 + varintSize(kv.createRevision);
  if (kv.modRevision !== 0) size += 1 + varintSize(kv.modRevision);
  if (kv.version !== 0) size += 1 + varintSize(kv.version);
  if (kv.value.length > 0) size += 1 + varintSize(kv.value.length) + kv.value.length;
  if (kv.lease !== 0n) size += 1 + varint64Size(kv.lease);
  return size;
}

/** Writes a mvccpb.KeyValue; the answer is the position behind it. */
export function writeKeyValue(into: Buffer, from: number, kv: KeyValue): number {
  let at = from;
  if (kv.key.length > 0) {
    into[at++] = 0x0a;
    at = writeVarint(into, at, kv.key.length);
    at += into.write(kv.key, at, 'latin1');
  }
  if (kv.createRevision !== 0) {
    into[at++] = 0x10;
    at = writeVarint(into, at, kv.createRevision);
  }
  if (kv.modRevision !== 0) {
    into[at++] = 0x18;
    at = writeVarint(into, at, kv.modRevision);
  }
  if (kv.version !== 0) {
    into[at++] = 0x20;
    at = writeVarint(into, at, kv.version);
  }
  if (kv.value.length > 0) {
    into[at++] = 0x2a;
    at = writeVarint(into, at, kv.value.length);
    at += kv.value.copy(into, at);
  }
  if (kv.lease !== 0n) {
    into[at++] = 0x30;
    at = writeVarint64(into, at, kv.lease);
  }
  return at;
}
