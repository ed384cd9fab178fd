import { createHash } from 'node:crypto';
import { messageOf } from '../../../src/base/errors.js';
import { sleep } from '../../../src/io/clock.js';
import { Refusal } from '../../../src/proto/generated/peer.js';
import { Message } from '../../../src/proto/generated/raft.js';
import { describeMessage } from './describe.js';
import type { Endpoint } from './endpoint.js';
import { Parts } from './parts.js';
import { unavailable } from './unavailable.js';
import type { Stream } from './wires.js';

const PART_BYTES = 2_048;
const PART_MS = 1;
/** Without a receipt by then the transfer has failed. */
const TRANSFER_MS = 10_000;

/** Streams a copy of the state behind a SNAP message. Answers whether it has arrived; rejects never. */
export async function sendSnapshot(from: Endpoint, url: string, message: Message): Promise<boolean> {
  const { wires, process, machine } = from;
  const line = describeMessage(message);
  const copy = await from.host?.openSnapshot().catch((error: unknown) => {
    wires.trace.add(machine, `${line}: no copy: ${messageOf(error)}`);
    return undefined;
  });
  if (copy === undefined) return false;
  const target = wires.listenerAt(url);
  try {
    if (target === undefined) return false;
    wires.trace.add(machine, `→ ${target.machine} ${line}: ${copy.bytes} bytes begin`);
    const receipt = new Promise<boolean>((resolve) => {
      process.schedule(TRANSFER_MS, () => resolve(false));
      void stream(from, target, message, copy.chunks(), resolve);
    });
    const succeeded = await receipt;
    wires.trace.add(machine, `→ ${target.machine} ${line}: ${succeeded ? 'arrived' : 'failed'}`);
    return succeeded;
  } finally {
    await copy.close();
  }
}

async function stream(
  from: Endpoint,
  target: Endpoint,
  message: Message,
  chunks: AsyncIterable<Buffer>,
  ended: (succeeded: boolean) => void,
): Promise<void> {
  const { wires, process } = from;
  const bytes = Buffer.from(Message.encode(message).finish());
  const parts = new Parts(target.process);
  const order: Stream = { lastArrivalMs: 0 };
  const post = (arrive: () => void) =>
    wires.carry(from, target, arrive, {
      stream: order,
      reliable: true,
      undeliverable: () => ended(false),
    });
  post(() => {
    void receive(from, target, bytes, parts).then((succeeded) =>
      wires.carry(target, from, () => ended(succeeded), { reliable: true }),
    );
  });
  const hash = createHash('sha256');
  const { prng } = wires;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += PART_BYTES) {
      const part = Buffer.from(chunk.subarray(at, at + PART_BYTES));
      hash.update(part);
      if (prng.chance(wires.weather.corruptTransfer)) {
        wires.trace.add(from.machine, `a byte of the snapshot for ${target.machine} is damaged on its way`);
        const place = prng.below(part.length);
        part.writeUInt8(part.readUInt8(place) ^ 0x40, place);
      }
      if (prng.chance(wires.weather.cutTransfer)) {
        wires.trace.add(from.machine, `the transfer of a snapshot to ${target.machine} is cut off`);
        post(() => parts.fail(unavailable('the connection broke')));
        ended(false);
        return;
      }
      post(() => parts.push(part));
      await sleep(process, PART_MS);
    }
  }
  const digest = hash.digest();
  post(() => parts.end(digest));
}

async function receive(from: Endpoint, target: Endpoint, bytes: Buffer, parts: Parts): Promise<boolean> {
  const message = Message.decode(bytes);
  const { host } = target;
  if (host === undefined || from.host === undefined) return false;
  const refusal = await target.admit({ hello: from.host.hello, to: message.to });
  if (refusal !== Refusal.ADMITTED) return false;
  try {
    await host.receiveSnapshot(message, parts.read());
    return true;
  } catch (error) {
    target.wires.trace.add(target.machine, `a snapshot is not taken: ${messageOf(error)}`);
    return false;
  }
}
