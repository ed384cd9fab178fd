import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeHeader } from '../../../../../src/api/v3/codec/header.js';
import { EventCache, encodeWatchId, joinResponse } from '../../../../../src/api/v3/codec/watch-response.js';
import { toBytes } from '../../../../../src/base/bytes.js';
import { type Event, Event_EventType as EventType } from '../../../../../src/proto/generated/etcd_kv.js';
import { WatchResponse } from '../../../../../src/proto/generated/etcd_rpc.js';
import type { KeyValue, StoreEvent } from '../../../../../src/store/types.js';

const count = fc.oneof(
  fc.nat(300),
  fc.constantFrom(
    0,
    127,
    128,
    16_383,
    16_384,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32,
    2 ** 35,
    Number.MAX_SAFE_INTEGER,
  ),
  fc.maxSafeNat(),
);
const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, 1n, -1n, 2n ** 32n),
);
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const bytes = fc.uint8Array({ maxLength: 300 }).map((raw) => Buffer.from(raw));
const keyValue: fc.Arbitrary<KeyValue> = fc.record({
  key: bytes.map((raw) => raw.toString('latin1')),
  value: bytes,
  createRevision: count,
  modRevision: count,
  version: count,
  lease: int64,
});
const anyEvent: fc.Arbitrary<StoreEvent> = fc
  .record({
    type: fc.constantFrom('put', 'delete'),
    kv: keyValue,
    before: fc.option(keyValue, { nil: undefined }),
  })
  .map(({ type, kv, before }) => ({ type, kv, previous: () => before }) as StoreEvent);

const wireKeyValue = (kv: KeyValue) => ({ ...kv, key: toBytes(kv.key) });
const wire = (event: StoreEvent, withPrevious: boolean): Event => {
  const { type, kv } = event;
  const before = withPrevious ? event.previous() : undefined;
  return {
    type: type === 'put' ? EventType.PUT : EventType.DELETE,
    kv: wireKeyValue(kv),
    prevKv: before === undefined ? undefined : wireKeyValue(before),
  };
};

describe('watch responses put together by hand', () => {
  it('are byte for byte what the generated code makes', () => {
    fc.assert(
      fc.property(
        fc.record({ clusterId: uint64, memberId: uint64, revision: count, raftTerm: count }),
        int64,
        fc.array(anyEvent, { maxLength: 5 }),
        fc.boolean(),
        fc.boolean(),
        (header, watchId, events, withPrevious, fragment) => {
          const cache = new EventCache();
          const fields = events.map((one) => cache.encode(one, withPrevious));
          const ours = joinResponse(encodeHeader(header), encodeWatchId(watchId), fields, fragment);
          const message = {
            ...WatchResponse.fromPartial({}),
            header,
            watchId,
            fragment,
            events: events.map((one) => wire(one, withPrevious)),
          };
          expect(ours.equals(Buffer.from(WatchResponse.encode(message).finish()))).toBe(true);
        },
      ),
    );
  });

  it('encode an event once, and keep few', () => {
    const cache = new EventCache();
    const kv: KeyValue = {
      key: 'k',
      value: Buffer.alloc(10),
      createRevision: 1,
      modRevision: 1,
      version: 1,
      lease: 0n,
    };
    const one: StoreEvent = { type: 'put', kv, previous: () => undefined };
    const first = cache.encode(one, false);
    expect(cache.encode(one, false)).toBe(first);
    for (let i = 0; i < 300; i++) cache.encode({ ...one }, false);
    expect(cache.encode(one, false)).not.toBe(first);
  });
});
