import type { PutResponse, RangeResponse } from '../../../proto/generated/etcd_rpc.js';
import { headerFieldSize, writeHeaderField } from './header.js';
import { keyValueSize, writeKeyValue } from './key-value.js';
import { varintSize, writeVarint } from './wire.js';

/** Field 2, length-delimited: kvs of a RangeResponse, prev_kv of a PutResponse. */
const KEY_VALUE_TAG = 0x12;

export function encodePutResponse({ header, prevKv }: PutResponse): Buffer {
  const kvSize = prevKv === undefined ? 0 : keyValueSize(prevKv);
  const size =
    (header === undefined ? 0 : headerFieldSize(header)) +
    (prevKv === undefined ? 0 : 1 + varintSize(kvSize) + kvSize);
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  if (header !== undefined) at = writeHeaderField(bytes, at, header);
  if (prevKv !== undefined) {
    bytes[at++] = KEY_VALUE_TAG;
    at = writeVarint(bytes, at, kvSize);
    writeKeyValue(bytes, at, prevKv);
  }
  return bytes;
}

export function encodeRangeResponse({ header, kvs, more, count }: RangeResponse): Buffer {
  let size = header === undefined ? 0 : headerFieldSize(header);
  for (const kv of kvs) {
    const kvSize = keyValueSize(kv);
    size += 1 + varintSize(kvSize) + kvSize;
  }
  if (more) size += 2;
  if (count !== 0) size += 1 + varintSize(count);
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  if (header !== undefined) at = writeHeaderField(bytes, at, header);
  for (const kv of kvs) {
    bytes[at++] = KEY_VALUE_TAG;
    at = writeVarint(bytes, at, keyValueSize(kv));
    at = writeKeyValue(bytes, at, kv);
  }
  if (more) {
    bytes[at++] = 0x18;
    bytes[at++] = 1;
  }
  if (count !== 0) {
    bytes[at++] = 0x20;
    writeVarint(bytes, at, count);
  }
  return bytes;
}
