import { ConfetdError, messageOf } from '../base/errors.js';
import { varintBytes, writeVarint } from '../base/varint.js';
import { formatId } from '../cluster/identity.js';
import type { Timer } from '../io/clock.js';
import { PeerService, Refusal, SnapshotPart, SnapshotReceipt } from '../proto/generated/peer.js';
import type { Message } from '../proto/generated/raft.js';
import { dial } from './dial.js';
import { FRAME_HEAD_BYTES, frameOf, writeFrameHead } from './frames.js';
import { nameOf } from './handshake.js';
import type { LinkPorts } from './link.js';
import type { OutgoingCall } from './outgoing-call.js';
import { RateLimit } from './rate-limit.js';
import { snapshotParts } from './snapshot-stream.js';
import type { OutgoingSnapshot } from './types.js';

/** Transfers of this member's state to others: one at a time for each, each on a connection of its own. */
export class OutgoingSnapshots {
  readonly #ports: LinkPorts;
  readonly #rate: RateLimit;
  readonly #underWay = new Map<bigint, Promise<void>>();
  /** Copies that are being freed: it takes its time, and no transfer's end waits for it. */
  readonly #freeing = new Set<Promise<void>>();
  readonly #closing = new AbortController();

  constructor(ports: LinkPorts) {
    this.#ports = ports;
    this.#rate = new RateLimit(ports.clock, ports.limits.snapshotBytesPerSecond);
  }

  /** Begins a transfer; its end is reported to the host, once. `url` undefined: nobody knows where the receiver is. */
  send(message: Message, url: string | undefined): void {
    const { host, log, clock } = this.#ports;
    const { to } = message;
    // A second one is no transfer of its own: raft is told so, in a later turn as of any other.
    const running = this.#underWay.has(to) || url === undefined || this.#closing.signal.aborted;
    if (running) {
      void clock.yield().then(() => host.snapshotSent(to, false));
      return;
    }
    const transfer = this.#transfer(message, url).then(
      () => true,
      (error: unknown) => {
        log.warn({ peer: formatId(to), url }, `sending the state to a member failed: ${messageOf(error)}`);
        return false;
      },
    );
    this.#underWay.set(
      to,
      transfer.then((succeeded) => {
        this.#underWay.delete(to);
        host.snapshotSent(to, succeeded);
      }),
    );
  }

  /** Cuts off what is under way. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#underWay.values());
    await Promise.all(this.#freeing);
  }

  #free(copy: OutgoingSnapshot): void {
    const freed = copy
      .close()
      .catch((error: unknown) => {
        this.#ports.log.warn({}, `a copy of the state is left until the next start: ${messageOf(error)}`);
      })
      .finally(() => this.#freeing.delete(freed));
    this.#freeing.add(freed);
  }

  async #transfer(message: Message, url: string): Promise<void> {
    const { host, limits } = this.#ports;
    const copy = await host.openSnapshot();
    try {
      const session = await dial(url, this.#ports, limits.handshakeMs, this.#closing.signal);
      const abort = (): void => session.destroy(new ConfetdError('unavailable', 'this member is stopping'));
      this.#closing.signal.addEventListener('abort', abort, { once: true });
      try {
        await this.#stream(message, copy, session.call(PeerService.installSnapshot.path), session.heard);
      } catch (error) {
        throw session.failure ?? error;
      } finally {
        this.#closing.signal.removeEventListener('abort', abort);
        session.destroy();
      }
    } finally {
      this.#free(copy);
    }
  }

  async #stream(
    message: Message,
    copy: OutgoingSnapshot,
    call: OutgoingCall,
    heard: () => void,
  ): Promise<void> {
    const { host, clock, limits } = this.#ports;
    let stalled: ConfetdError | undefined;
    const giveUp = (ms: number, what: string): Timer =>
      clock.schedule(ms, () => {
        stalled = new ConfetdError('unavailable', `${what} for ${ms / 1000}s`);
        call.cancel();
      });
    // An early answer is a refusal, and ends the transfer. Nobody may be waiting for it yet when the call ends.
    let receipt: SnapshotReceipt | undefined;
    const answer = call.next().then((bytes) => {
      receipt = SnapshotReceipt.decode(bytes);
    });
    answer.catch(() => {});
    const head = { hello: host.hello, to: message.to, message };
    const partBytes = this.#rate.partBytes(limits.snapshotPartBytes);
    const frames = new PartFrames(partBytes);
    for await (const part of snapshotParts(head, copy.chunks(), partBytes)) {
      if (call.isOver || receipt !== undefined) break;
      if (part.data.length > 0) await this.#rate.take(part.data.length);
      const timer = giveUp(limits.snapshotStallMs, 'the receiver has taken nothing');
      await call.send(frames.encode(part));
      timer.cancel();
      heard();
      await clock.yield();
    }
    call.end();
    const timer = giveUp(limits.snapshotReceiptMs, 'the receiver has not confirmed the state');
    try {
      await answer;
    } catch (error) {
      throw stalled ?? error;
    } finally {
      timer.cancel();
    }
    if (receipt?.refusal !== Refusal.ADMITTED) {
      throw new ConfetdError(
        'unavailable',
        `the receiver refuses it: ${nameOf(receipt?.refusal ?? Refusal.STARTING)}`,
      );
    }
  }
}

/** Field 4 of SnapshotPart, the data. */
const DATA_TAG = 0x22;

/**
 * The frames of a snapshot's parts. Data goes into the same room each time, and is copied once, where the generated code
 * copies it three times: a state of gigabytes that leaves garbage behind makes the collector stop the leader for 10 ms
 * every few MiB, and its threads hold up whoever else runs on the machine.
 */
class PartFrames {
  readonly #room: Buffer;

  /** No part's data is longer than `partBytes`. */
  constructor(partBytes: number) {
    this.#room = Buffer.allocUnsafe(FRAME_HEAD_BYTES + 1 + varintBytes(partBytes) + partBytes);
  }

  /** To be sent before the next is asked for. */
  encode(part: SnapshotPart): Buffer {
    const { data } = part;
    if (data.length === 0) return frameOf(SnapshotPart.encode(part).finish());
    const bytes = 1 + varintBytes(data.length) + data.length;
    const at = writeFrameHead(this.#room, bytes);
    this.#room[at] = DATA_TAG;
    this.#room.set(data, writeVarint(this.#room, at + 1, data.length));
    return this.#room.subarray(0, FRAME_HEAD_BYTES + bytes);
  }
}
