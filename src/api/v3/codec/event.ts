import type { StoreEvent } from '../../../store/types.js';
import { keyValueSize, writeKeyValue } from './key-value.js';
import { varintSize, writeVarint } from './wire.js';

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
