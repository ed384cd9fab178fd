import type { KeyValue as WireKeyValue } from '../../../proto/generated/etcd_kv.js';
import type { KeyValue as StoreKeyValue } from '../../../store/types.js';
import { varint64Size, varintSize, writeVarint, writeVarint64 } from './wire.js';

/** As the store or as the generated code has it: the key's length is its bytes in both. */
export type EncodableKeyValue = StoreKeyValue | WireKeyValue;

/** Bytes of a mvccpb.KeyValue without tag and length. */
export function keyValueSize(kv: EncodableKeyValue): number {
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
export function writeKeyValue(into: Buffer, from: number, kv: EncodableKeyValue): number {
  let at = from;
  if (kv.key.length > 0) {
    into[at++] = 0x0a;
    at = writeVarint(into, at, kv.key.length);
    at += typeof kv.key === 'string' ? into.write(kv.key, at, 'latin1') : kv.key.copy(into, at);
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
