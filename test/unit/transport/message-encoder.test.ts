import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageBatch } from '../../../src/proto/generated/peer.js';
import type { Message } from '../../../src/proto/generated/raft.js';
import { FrameReader } from '../../../src/transport/frames.js';
import { MessageEncoder } from '../../../src/transport/message-encoder.js';

const count = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
);
const id = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each));
const entry = fc.record({ type: fc.constantFrom(0, 1), term: count, index: count, data: bytes });
const snapshot = fc.record({
  data: bytes,
  metadata: fc.record({
    confState: fc.record({ voters: fc.array(id), learners: fc.array(id) }),
    index: count,
    term: count,
  }),
});
const anyMessage: fc.Arbitrary<Message> = fc.record({
  type: fc.integer({ min: 0, max: 18 }),
  to: id,
  from: id,
  term: count,
  logTerm: count,
  index: count,
  entries: fc.array(entry, { maxLength: 5 }),
  commit: count,
  snapshot: fc.option(snapshot, { nil: undefined }),
  reject: fc.boolean(),
  rejectHint: count,
  context: bytes,
});

describe('batches encoded by hand', () => {
  it('are the bytes of the generated code', () => {
    const encoder = new MessageEncoder();
    fc.assert(
      fc.property(fc.array(anyMessage, { maxLength: 6 }), (messages) => {
        const sized = messages.map((message) => ({ message, bytes: encoder.bytes(message) }));
        const [payload] = [...new FrameReader(1 << 30).read(encoder.encode(sized))];
        const expected = MessageBatch.encode({ hello: undefined, to: 0n, messages }).finish();
        expect(payload?.equals(expected)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe('gRPC frames', () => {
  it('are found wherever the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(bytes, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 40 }),
        (payloads, cuts) => {
          const stream = Buffer.concat(
            payloads.map((payload) => {
              const head = Buffer.alloc(5);
              head.writeUInt32BE(payload.length, 1);
              return Buffer.concat([head, payload]);
            }),
          );
          const reader = new FrameReader(300);
          const found: Buffer[] = [];
          for (let at = 0, turn = 0; at < stream.length; turn++) {
            const size = cuts[turn % cuts.length] as number;
            for (const message of reader.read(stream.subarray(at, at + size)))
              found.push(Buffer.from(message));
            at += size;
          }
          expect(found).toEqual(payloads);
          expect(reader.betweenFrames).toBe(true);
        },
      ),
    );
  });

  it.each([
    ['compressed', Buffer.from([1, 0, 0, 0, 1, 7])],
    ['too large', Buffer.from([0, 0, 0, 1, 0])],
    ['far too large', Buffer.from([0, 255, 255, 255, 255])],
  ])('that are %s are refused before they arrive', (_what, head) => {
    expect(() => [...new FrameReader(100).read(head)]).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }) as Error,
    );
  });
});
