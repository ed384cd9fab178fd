import { createHash } from 'node:crypto';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Rest } from '../../../src/io/clock.js';
import { Refusal } from '../../../src/proto/generated/peer.js';
import { type Message, MessageType } from '../../../src/proto/generated/raft.js';
import type { OutgoingSnapshot } from '../../../src/transport/types.js';
import { eventually, message, type NodeOptions, PeerNode, Port } from './harness.js';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

const SNAP = message(1n, 2n, { type: MessageType.SNAP, index: 77 });

/** A copy of `count` chunks, which remembers whether it was closed. */
class Copy implements OutgoingSnapshot {
  readonly bytes: number;
  closed = 0;
  readonly #chunks: readonly Buffer[];

  constructor(count: number, chunkBytes: number) {
    this.#chunks = Array.from({ length: count }, (_, at) => Buffer.alloc(chunkBytes, at + 1));
    this.bytes = count * chunkBytes;
  }

  async *chunks(): AsyncGenerator<Buffer> {
    for (const chunk of this.#chunks) {
      await new Promise(setImmediate);
      yield chunk;
    }
  }

  get digest(): string {
    const hash = createHash('sha256');
    for (const chunk of this.#chunks) hash.update(chunk);
    return hash.digest('hex');
  }

  close(_rest?: Rest): Promise<void> {
    this.closed++;
    return Promise.resolve();
  }
}

/** Reads a transfer to its end and keeps how it went. */
class Intake {
  bytes = 0;
  digest: string | undefined;
  error: unknown;
  announced: Message | undefined;
  ended = false;

  readonly take = async (announced: Message, chunks: AsyncIterable<Buffer>): Promise<void> => {
    this.announced = announced;
    const hash = createHash('sha256');
    try {
      for await (const chunk of chunks) {
        hash.update(chunk);
        this.bytes += chunk.length;
        await this.each();
      }
      this.digest = hash.digest('hex');
    } catch (error) {
      this.error = error;
      throw error;
    } finally {
      this.ended = true;
    }
  };

  each = (): Promise<void> => Promise.resolve();
}

async function start(id: bigint, options?: NodeOptions): Promise<PeerNode> {
  const node = await PeerNode.start(id, options);
  closing.push(() => node.close());
  return node;
}

/** Sender and receiver; what the sender writes to the receiver goes through `tamper`. */
async function pair(
  options: NodeOptions = {},
  tamper?: (chunk: Buffer, socket: net.Socket) => Buffer | undefined,
): Promise<{ one: PeerNode; two: PeerNode; intake: Intake }> {
  const one = await start(1n, options);
  const two = await start(2n, options);
  const intake = new Intake();
  two.host.take = intake.take;
  let url = two.port.url;
  if (tamper !== undefined) {
    const wire = await Port.open((socket) => {
      const onward = net.connect(two.port.port, '127.0.0.1');
      onward.on('error', () => {});
      onward.on('close', () => socket.destroy());
      socket.on('close', () => onward.destroy());
      onward.pipe(socket);
      socket.on('data', (chunk) => {
        const passed = tamper(chunk, socket);
        if (passed !== undefined && !onward.write(passed)) {
          socket.pause();
          onward.once('drain', () => socket.resume());
        }
      });
    });
    closing.push(() => wire.close());
    url = wire.url;
  }
  one.transport.setPeers([{ id: 2n, peerUrls: [url] }]);
  return { one, two, intake };
}

describe('a snapshot', () => {
  it('arrives whole, beside the messages, and is reported once', async () => {
    const { one, two, intake } = await pair();
    const copy = new Copy(40, 150_000);
    one.host.snapshot = () => Promise.resolve(copy);
    one.transport.send([SNAP, message(1n, 2n, { type: MessageType.HEARTBEAT })]);
    await one.host.until(() => one.host.sent.length > 0);
    expect(one.host.sent).toEqual([[2n, true]]);
    expect(intake).toMatchObject({ bytes: copy.bytes, digest: copy.digest, error: undefined });
    expect(intake.announced).toEqual(SNAP);
    expect(copy.closed).toBe(1);
    expect(two.host.received.map(({ type }) => type)).toEqual([MessageType.HEARTBEAT]);
  });

  it('of nothing arrives', async () => {
    const { one, intake } = await pair();
    one.host.snapshot = () => Promise.resolve(new Copy(0, 0));
    one.transport.send([SNAP]);
    await one.host.until(() => one.host.sent.length > 0);
    expect(one.host.sent).toEqual([[2n, true]]);
    expect(intake).toMatchObject({ bytes: 0, ended: true, error: undefined });
  });

  it.each([0, 9, 1_000, 60_000, 250_000, 599_000])(
    'cut off after %i bytes fails on both sides',
    async (at) => {
      let passed = 0;
      const { one, intake } = await pair({}, (chunk, socket) => {
        passed += chunk.length;
        if (passed <= at) return chunk;
        socket.destroy();
        return undefined;
      });
      const copy = new Copy(6, 100_000);
      one.host.snapshot = () => Promise.resolve(copy);
      one.transport.send([SNAP]);
      await one.host.until(() => one.host.sent.length > 0);
      expect(one.host.sent).toEqual([[2n, false]]);
      expect(copy.closed).toBe(1);
      await eventually(() => intake.announced === undefined || intake.ended);
      if (intake.announced !== undefined) expect(intake.error).toMatchObject({ code: 'data_loss' });
    },
  );

  it('with a flipped bit is not taken', async () => {
    let passed = 0;
    const { one, intake } = await pair({}, (chunk) => {
      const at = 300_000 - passed;
      passed += chunk.length;
      if (at >= 0 && at < chunk.length) chunk.writeUInt8(chunk.readUInt8(at) ^ 4, at);
      return chunk;
    });
    // Only data in that place: the messages' stream is shorter by far.
    one.host.snapshot = () => Promise.resolve(new Copy(1, 600_000));
    one.transport.send([SNAP]);
    await one.host.until(() => one.host.sent.length > 0);
    expect(one.host.sent).toEqual([[2n, false]]);
    await eventually(() => intake.ended);
    expect(intake.error).toMatchObject({
      code: 'data_loss',
      message: expect.stringContaining('digest') as string,
    });
  });

  it('that its receiver stalls is given up', async () => {
    const { one, intake } = await pair({ limits: { snapshotStallMs: 100, silenceMs: 10_000 } });
    intake.each = () => new Promise(() => {});
    const copy = new Copy(100, 200_000);
    one.host.snapshot = () => Promise.resolve(copy);
    one.transport.send([SNAP]);
    await one.host.until(() => one.host.sent.length > 0);
    expect(one.host.sent).toEqual([[2n, false]]);
    expect(copy.closed).toBe(1);
  });

  it('that its receiver never confirms is given up', async () => {
    const { one, intake } = await pair({ limits: { snapshotReceiptMs: 50 } });
    intake.each = () => new Promise(() => {});
    one.host.snapshot = () => Promise.resolve(new Copy(1, 10));
    one.transport.send([SNAP]);
    await one.host.until(() => one.host.sent.length > 0);
    expect(one.host.sent).toEqual([[2n, false]]);
  });

  it('that its sender stalls is given up by the receiver', async () => {
    const { one, intake } = await pair({ limits: { snapshotStallMs: 50 } });
    one.host.snapshot = () =>
      Promise.resolve({
        bytes: 1,
        async *chunks(): AsyncGenerator<Buffer> {
          yield Buffer.alloc(10);
          await new Promise((resolve) => setTimeout(resolve, 300));
          yield Buffer.alloc(10);
        },
        close: () => Promise.resolve(),
      });
    one.transport.send([SNAP]);
    await eventually(() => intake.ended);
    expect(intake.error).toMatchObject({ code: 'unavailable' });
    await one.host.until(() => one.host.sent.length > 0);
    expect(one.host.sent).toEqual([[2n, false]]);
  });

  it('is superseded by a newer one, which waits until the former has let go', async () => {
    const { one, two } = await pair();
    const three = await start(3n);
    three.transport.setPeers([{ id: 2n, peerUrls: [two.port.url] }]);
    const events: string[] = [];
    two.host.take = async ({ from }, chunks) => {
      events.push(`${from} begins`);
      try {
        for await (const _ of chunks) if (from === 1n) await new Promise((resolve) => setTimeout(resolve, 5));
        events.push(`${from} is whole`);
      } catch {
        events.push(`${from} is cut off`);
        throw new Error('cut off');
      }
    };
    one.host.snapshot = () => Promise.resolve(new Copy(200, 100_000));
    three.host.snapshot = () => Promise.resolve(new Copy(2, 1_000));
    one.transport.send([SNAP]);
    await eventually(() => events.length === 1);
    three.transport.send([message(3n, 2n, { type: MessageType.SNAP })]);
    await Promise.all([one, three].map(({ host }) => host.until(() => host.sent.length > 0)));
    expect(events).toEqual(['1 begins', '1 is cut off', '3 begins', '3 is whole']);
    expect([one.host.sent, three.host.sent]).toEqual([[[2n, false]], [[2n, true]]]);
  });

  it('is reported before its copy is freed, and the transport closes after that', async () => {
    const { one } = await pair();
    const copy = new Copy(2, 1_000);
    let free = (): void => {};
    let rested = false;
    copy.close = async (rest) => {
      await rest?.(600_000);
      rested = true;
      await new Promise<void>((resolve) => (free = resolve));
    };
    one.host.snapshot = () => Promise.resolve(copy);
    one.transport.send([SNAP]);
    await one.host.until(() => one.host.sent.length > 0);
    expect(one.host.sent).toEqual([[2n, true]]);
    expect(rested).toBe(false);
    let closed = false;
    const closing = one.transport.close().then(() => {
      closed = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    // Closing ends its rest at once, and waits for the freeing.
    expect([rested, closed]).toEqual([true, false]);
    free();
    await closing;
  });

  it('asked for twice goes once, and both are reported', async () => {
    const { one } = await pair();
    one.host.snapshot = () => Promise.resolve(new Copy(2, 1_000));
    one.transport.send([SNAP, SNAP]);
    await one.host.until(() => one.host.sent.length === 2);
    expect(one.host.sent.filter(([, succeeded]) => succeeded).length).toBe(1);
  });

  it.each([
    ['no copy can be made', false],
    ['the copy can not be read', true],
  ])('fails where %s', async (_why, broken) => {
    const { one, two } = await pair();
    let closed = false;
    if (broken) {
      one.host.snapshot = () =>
        Promise.resolve({
          bytes: 10,
          async *chunks(): AsyncGenerator<Buffer> {
            yield Buffer.alloc(1);
            throw new Error('the disk is broken');
          },
          close: () => {
            closed = true;
            return Promise.resolve();
          },
        });
    }
    one.transport.send([SNAP]);
    await one.host.until(() => one.host.sent.length > 0);
    expect(one.host.sent).toEqual([[2n, false]]);
    expect(closed).toBe(broken);
    expect(two.host.sent).toEqual([]);
  });

  it('is not sent to a member that is unknown, gone, refuses, or means another', async () => {
    const { one, two } = await pair();
    one.host.snapshot = () => Promise.resolve(new Copy(20, 1_000_000));
    let taken = 0;
    two.host.take = () => {
      taken++;
      return Promise.resolve();
    };
    one.transport.send([message(1n, 8n, { type: MessageType.SNAP })]);
    await one.host.until(() => one.host.sent.length === 1);
    two.host.admission = () => Refusal.OTHER_INSTANCE;
    one.transport.send([SNAP]);
    await one.host.until(() => one.host.sent.length === 2);
    await two.port.close();
    one.transport.send([SNAP]);
    await one.host.until(() => one.host.sent.length === 3);
    expect(one.host.sent.every(([, succeeded]) => !succeeded)).toBe(true);
    expect(taken).toBe(0);
  });

  it('ends, and is reported, when the member stops', async () => {
    const { one, intake } = await pair();
    intake.each = () => new Promise(() => {});
    const copy = new Copy(100, 200_000);
    one.host.snapshot = () => Promise.resolve(copy);
    one.transport.send([SNAP]);
    await eventually(() => intake.bytes > 0);
    await one.transport.close();
    expect(one.host.sent).toEqual([[2n, false]]);
    expect(copy.closed).toBe(1);
  });

  it('keeps to its rate', async () => {
    const bytesPerSecond = 4_000_000;
    const { one, intake } = await pair({ limits: { snapshotBytesPerSecond: bytesPerSecond } });
    const copy = new Copy(30, 100_000);
    one.host.snapshot = () => Promise.resolve(copy);
    const beganMs = performance.now();
    one.transport.send([SNAP]);
    await one.host.until(() => one.host.sent.length > 0);
    const seconds = (performance.now() - beganMs) / 1000;
    expect(intake.bytes).toBe(copy.bytes);
    const expected = copy.bytes / bytesPerSecond;
    expect(seconds).toBeGreaterThan(expected * 0.8);
    // A busy machine may make it later than that.
    expect(seconds).toBeLessThan(expected * 1.2 + 0.5);
  });
});
