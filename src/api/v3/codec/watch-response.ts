import type { StoreEvent } from '../../../store/types.js';
import { encodeEventField } from './event.js';
import { varint64Size, writeVarint64 } from './wire.js';

const WATCH_ID_TAG = 0x10;
const FRAGMENT: Buffer = Buffer.from([0x38, 1]);

/** Events whose bytes are kept for the next watcher, and the bytes they may take together. */
const CACHED_EVENTS = 256;
const CACHED_BYTES = 1024 * 1024;

/** `watch_id` as its field's bytes. */
export function encodeWatchId(id: bigint): Buffer {
  if (id === 0n) return Buffer.alloc(0);
  const bytes = Buffer.allocUnsafe(1 + varint64Size(id));
  bytes[0] = WATCH_ID_TAG;
  writeVarint64(bytes, 1, id);
  return bytes;
}

/** A WatchResponse with events, put together from encoded fields. */
export function joinResponse(
  header: Buffer,
  watchId: Buffer,
  events: readonly Buffer[],
  fragment: boolean,
): Buffer {
  const fields = fragment ? [header, watchId, FRAGMENT, ...events] : [header, watchId, ...events];
  return Buffer.concat(fields);
}

/**
 * Encoded events, kept while many watchers ask for the same ones in turn: 500 watchers of a key cost one encoding.
 * One cache serves all streams of a server.
 */
export class EventCache {
  readonly #plain = new Map<StoreEvent, Buffer>();
  readonly #withPrevious = new Map<StoreEvent, Buffer>();
  #bytes = 0;

  /** The event's field bytes; shared, never to be changed. */
  encode(event: StoreEvent, withPrevious: boolean): Buffer {
    const cache = withPrevious ? this.#withPrevious : this.#plain;
    const known = cache.get(event);
    if (known !== undefined) return known;
    const bytes = encodeEventField(event, withPrevious);
    if (
      this.#plain.size + this.#withPrevious.size >= CACHED_EVENTS ||
      this.#bytes + bytes.length > CACHED_BYTES
    ) {
      this.#plain.clear();
      this.#withPrevious.clear();
      this.#bytes = 0;
    }
    if (bytes.length <= CACHED_BYTES) {
      cache.set(event, bytes);
      this.#bytes += bytes.length;
    }
    return bytes;
  }
}
