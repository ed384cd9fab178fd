import fc from 'fast-check';
import { expect, it } from 'vitest';
import { toBytes } from '../../../src/base/bytes.js';
import { StoredEvent, StoredEvent_Kind } from '../../../src/proto/generated/store.js';
import { decodeEvent, encodeEvent } from '../../../src/store/events.js';

it('an event written by hand is byte for byte what the generated code writes', () => {
  const event = fc.record({
    type: fc.constantFrom('put' as const, 'delete' as const),
    key: fc.uint8Array({ maxLength: 300 }).map((raw) => Buffer.from(raw).toString('latin1')),
    previous: fc.oneof(fc.constantFrom(0, 127, 128, 2 ** 31, 2 ** 32), fc.maxSafeNat()),
  });
  fc.assert(
    fc.property(event, (one) => {
      const row = encodeEvent(one, undefined);
      const generated = StoredEvent.encode({
        kind: one.type === 'put' ? StoredEvent_Kind.PUT : StoredEvent_Kind.DELETE,
        key: toBytes(one.key),
        previous: one.previous,
        v2: undefined,
      }).finish();
      expect(row).toEqual(Buffer.from(generated));
      expect(decodeEvent(row)).toEqual(one);
    }),
  );
});
