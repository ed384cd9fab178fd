import { ConfetdError, messageOf } from '../base/errors.js';
import { formatId } from '../cluster/identity.js';
import type { Timer } from '../io/clock.js';
import { PeerService, Refusal, SnapshotReceipt } from '../proto/generated/peer.js';
import type { Message } from '../proto/generated/raft.js';
import { dial } from './dial.js';
import { nameOf } from './handshake.js';
import type { LinkPorts } from './link.js';
import type { OutgoingCall } from './outgoing-call.js';
import { PartFrames } from './part-frames.js';
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
      .close((ms) => this.#rest(ms))
      .catch((error: unknown) => {
        this.#ports.log.warn({}, `a copy of the state is left until the next start: ${messageOf(error)}`);
      })
      .finally(() => this.#freeing.delete(freed));
    this.#freeing.add(freed);
  }

  /** Not while this is closing. */
  #rest(ms: number): Promise<void> {
    const { signal } = this.#closing;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = this.#ports.clock.schedule(ms, end);
      signal.addEventListener('abort', end);
    });
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
