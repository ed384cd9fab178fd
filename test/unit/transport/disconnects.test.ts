import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MessageType } from '../../../src/proto/generated/raft.js';
import { overtakes } from '../../../src/transport/outbox.js';
import { append, eventually, message, PeerNode } from './harness.js';

type Step =
  | { what: 'send'; count: number; bytes: number }
  | { what: 'cut' }
  | { what: 'close' }
  | { what: 'wait' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      what: fc.constant('send' as const),
      count: fc.integer({ min: 1, max: 20 }),
      bytes: fc.constantFrom(0, 10, 5_000, 200_000),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ what: 'wait' as const }) },
  { weight: 1, arbitrary: fc.constant({ what: 'cut' as const }) },
  { weight: 1, arbitrary: fc.constant({ what: 'close' as const }) },
);

it('whatever breaks, each lane arrives as a subsequence of what was sent, in order, and then goes on', async () => {
  const one = await PeerNode.start(1n, { limits: { batchBytes: 50_000 } });
  const two = await PeerNode.start(2n);
  one.transport.setPeers([{ id: 2n, peerUrls: [two.port.url] }]);
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        two.host.received.length = 0;
        let sent = 0;
        const send = (bytes: number): void => {
          sent++;
          const urgent = message(1n, 2n, { type: MessageType.HEARTBEAT, index: sent });
          one.transport.send([bytes === 0 ? urgent : append(1n, 2n, sent + 1, bytes)]);
        };
        for (const each of steps) {
          if (each.what === 'send') for (let n = 0; n < each.count; n++) send(each.bytes);
          else if (each.what === 'cut') two.port.cut();
          else if (each.what === 'close') {
            await two.port.close();
            await two.reopen();
          } else await new Promise((resolve) => setTimeout(resolve, 3));
        }
        // The stream that brings the last one may be the next.
        const last = sent + 1;
        await eventually(() => {
          if (one.transport.activeSince(2n) !== undefined) send(1);
          return two.host.received.some(({ index }) => index >= last);
        });
        for (const urgent of [true, false]) {
          const lane = two.host.received.filter((each) => overtakes(each) === urgent);
          const indexes = lane.map(({ index }) => index);
          expect(indexes).toEqual([...new Set(indexes)].sort((a, b) => a - b));
          expect(indexes.every((index) => index <= sent)).toBe(true);
        }
        await eventually(() => two.host.received.at(-1)?.index === sent);
      }),
      { numRuns: 40 },
    );
  } finally {
    await one.close();
    await two.close();
  }
}, 60_000);
