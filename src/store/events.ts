import type { ByteString } from '../base/bytes.js';
import { toByteString, toBytes } from '../base/bytes.js';
import { varintBytes, writeVarint } from '../base/varint.js';
import { StoredEvent, StoredEvent_Kind, type V2Record } from '../proto/generated/store.js';
import { EMPTY_VALUE } from './record.js';
import type { KeyValue, StoreEvent } from './types.js';

/** One change, as table `events` keeps it: the values lie with the key's versions. */
export interface EventRecord {
  readonly type: StoreEvent['type'];
  readonly key: ByteString;
  /** Mod revision of the version that it replaced or deleted; 0: there was none. */
  readonly previous: number;
}

export function encodeEvent(event: EventRecord, v2: V2Record | undefined): Buffer {
  if (v2 === undefined) return encodePlainEvent(event);
  const bytes = StoredEvent.encode({
    kind: event.type === 'put' ? StoredEvent_Kind.PUT : StoredEvent_Kind.DELETE,
    key: toBytes(event.key),
    previous: event.previous,
    v2,
  }).finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** By hand what the generated code would write: every put has one. */
function encodePlainEvent({ type, key, previous }: EventRecord): Buffer {
  const keyBytes = key.length === 0 ? 0 : 1 + varintBytes(key.length) + key.length;
  const previousBytes = previous === 0 ? 0 : 1 + varintBytes(previous);
  const row = Buffer.allocUnsafe((type === 'delete' ? 2 : 0) + keyBytes + previousBytes);
  let at = 0;
  if (type === 'delete') {
    row[at++] = 0x08;
    row[at++] = StoredEvent_Kind.DELETE;
  }
  if (keyBytes > 0) {
    row[at++] = 0x12;
    at = writeVarint(row, at, key.length);
    at += row.write(key, at, 'latin1');
  }
  if (previousBytes > 0) {
    row[at++] = 0x18;
    writeVarint(row, at, previous);
  }
  return row;
}

export function decodeEvent(row: Buffer): EventRecord {
  const { kind, key, previous } = StoredEvent.decode(row);
  return { type: kind === StoredEvent_Kind.DELETE ? 'delete' : 'put', key: toByteString(key), previous };
}

/** What a DELETE event tells of its key: only that, and when. */
export function deletedKeyValue(key: ByteString, revision: number): KeyValue {
  return { key, value: EMPTY_VALUE, createRevision: 0, modRevision: revision, version: 0, lease: 0n };
}

/** An event as it happens, with all that is known of it at hand. */
export class LiveEvent implements StoreEvent {
  readonly type: StoreEvent['type'];
  readonly kv: KeyValue;
  /** The key was changed again in the same revision: this one doesn't count. */
  replaced = false;
  readonly #previous: KeyValue | undefined;

  constructor(type: StoreEvent['type'], kv: KeyValue, previous: KeyValue | undefined) {
    this.type = type;
    this.kv = kv;
    this.#previous = previous;
  }

  previous(): KeyValue | undefined {
    return this.#previous;
  }

  get key(): ByteString {
    return this.kv.key;
  }

  load(): StoreEvent {
    return this;
  }

  get record(): EventRecord {
    return { type: this.type, key: this.kv.key, previous: this.#previous?.modRevision ?? 0 };
  }
}
