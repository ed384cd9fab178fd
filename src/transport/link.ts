import { messageOf } from '../base/errors.js';
import { formatId } from '../cluster/identity.js';
import type { Timer } from '../io/clock.js';
import type { Log } from '../io/log.js';
import type { Random } from '../io/random.js';
import { type Hello, PeerService, Refusal } from '../proto/generated/peer.js';
import type { Message } from '../proto/generated/raft.js';
import { type DialPorts, dial, type PeerSession } from './dial.js';
import { greet, RefusedError } from './handshake.js';
import type { MessageEncoder } from './message-encoder.js';
import { Outbox } from './outbox.js';
import type { OutgoingCall } from './outgoing-call.js';
import type { Peer, PeerHost } from './types.js';

/** What all links of a member share. */
export interface LinkPorts extends DialPorts {
  readonly log: Log;
  /** For jitter; none without it. */
  readonly random: Random | undefined;
  readonly encoder: MessageEncoder;
  readonly host: PeerHost;
}

/** The stream of messages to one peer: made again whenever it breaks, until it is closed. */
export class Link {
  readonly id: bigint;
  readonly #ports: LinkPorts;
  readonly #outbox = new Outbox();
  readonly #running: Promise<void>;
  #urls: readonly string[];
  /** Where the peer says that it is, if that isn't where the configuration has it. */
  #hinted: readonly string[] = [];
  #turn = 0;
  #session: PeerSession | undefined;
  /** The peer has let us in: messages may leave. */
  #stream: OutgoingCall | undefined;
  #activeSince: number | undefined;
  #flushDue = false;
  #blocked = false;
  #dropping = false;
  #failures = 0;
  #told: string | undefined;
  #toldRefusal: Refusal | undefined;
  #closed = false;
  readonly #closing = new AbortController();
  #wake: (() => void) | undefined;

  constructor({ id, peerUrls }: Peer, ports: LinkPorts) {
    this.id = id;
    this.#urls = peerUrls;
    this.#ports = ports;
    this.#running = this.#run();
  }

  /** Clock.monotonicMs() since which messages can leave. */
  get activeSince(): number | undefined {
    return this.#activeSince;
  }

  /** The connection, once the peer has let us in. */
  get session(): PeerSession | undefined {
    return this.#stream === undefined ? undefined : this.#session;
  }

  /** Where to try next, or where the connection leads. */
  get url(): string | undefined {
    if (this.session !== undefined) return this.session.url;
    const all = [...this.#urls, ...this.#hinted];
    return all[this.#turn % all.length];
  }

  moveTo(urls: readonly string[]): void {
    if (urls.join() === this.#urls.join()) return;
    this.#urls = urls;
    this.#session?.destroy();
    this.retryNow();
  }

  /** The peer was heard from, and says where it can be reached. */
  hint({ peerUrls }: Hello): void {
    this.#hinted = peerUrls.filter((url) => !this.#urls.includes(url));
    this.retryNow();
  }

  /** Doesn't wait for the next try's time. */
  retryNow(): void {
    this.#wake?.();
  }

  push(message: Message): void {
    const { limits, encoder, host, log } = this.#ports;
    const bytes = encoder.bytes(message);
    if (bytes > limits.receiveBytes) {
      log.error(
        { peer: formatId(this.id), bytes },
        `a message of ${bytes} bytes is larger than what members read (${limits.receiveBytes}): it is not sent`,
      );
    } else if (
      this.#outbox.push(
        { message, bytes },
        this.#stream === undefined ? limits.unconnectedBytes : limits.queueBytes,
      )
    ) {
      this.#flushSoon();
      return;
    }
    // Told once, until something leaves again.
    if (!this.#dropping) host.unreachable(this.id);
    this.#dropping = true;
  }

  /** Drops what is queued. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#outbox.clear();
    this.#closing.abort();
    this.#session?.destroy();
    this.retryNow();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, limits } = this.#ports;
    // Never in the turn of the caller, who may be about to connect.
    await clock.yield();
    while (!this.#closed) {
      const url = this.url;
      const failure = url === undefined ? new Error('it has no peer URL') : await this.#connected(url);
      const wasActive = this.#activeSince !== undefined;
      this.#stream = undefined;
      this.#activeSince = undefined;
      this.#session?.destroy();
      this.#session = undefined;
      if (this.#closed) return;
      this.#lost(url, failure, wasActive);
      const most = Math.min(limits.backoffMostMs, limits.backoffLeastMs * 2 ** Math.min(this.#failures, 20));
      const jitter = (this.#ports.random?.float() ?? 0) / 2;
      this.#failures++;
      await this.#pause(most * (1 - jitter));
    }
  }

  /** Connects and stays so; resolves with the reason why it ended. */
  async #connected(url: string): Promise<Error | undefined> {
    const { clock, limits, host } = this.#ports;
    let timer: Timer | undefined;
    try {
      const session = await dial(url, this.#ports, limits.handshakeMs, this.#closing.signal);
      this.#session = session;
      if (this.#closed) return undefined;
      timer = clock.schedule(limits.handshakeMs, () => session.destroy(new Error('no welcome in time')));
      const call = session.call(PeerService.messages.path);
      const hello = await greet(call, this.id, host).catch((error: unknown) => {
        throw session.failure ?? error;
      });
      timer.cancel();
      this.#opened(url, call);
      this.hint(hello);
      return (await call.ended) ?? session.failure;
    } catch (error) {
      return error instanceof Error ? error : new Error(messageOf(error));
    } finally {
      timer?.cancel();
    }
  }

  #opened(url: string, call: OutgoingCall): void {
    const { clock, log } = this.#ports;
    this.#stream = call;
    this.#activeSince = clock.monotonicMs();
    this.#failures = 0;
    this.#told = undefined;
    this.#toldRefusal = undefined;
    this.#blocked = false;
    log.info({ peer: formatId(this.id), url }, 'connected to a member');
    this.#flush();
  }

  #lost(url: string | undefined, failure: Error | undefined, wasActive: boolean): void {
    const { log, host } = this.#ports;
    const peer = formatId(this.id);
    if (!this.#outbox.isEmpty || wasActive) host.unreachable(this.id);
    this.#outbox.clear();
    this.#dropping = false;
    this.#turn++;
    if (failure instanceof RefusedError) {
      // Told once in a row: the host logs it, or stops.
      if (failure.refusal !== this.#toldRefusal) host.refused(this.id, failure.refusal);
      this.#toldRefusal = failure.refusal;
    }
    const why = failure === undefined ? 'the member closed the connection' : messageOf(failure);
    // One line a reason, not one a try.
    const told = `${url ?? ''} ${why}`;
    const severity = wasActive || (told !== this.#told && !isStarting(failure)) ? 'warn' : 'debug';
    if (wasActive) log[severity]({ peer, url }, `lost the connection to a member: ${why}`);
    else log[severity]({ peer, url }, `no connection to a member: ${why}`);
    this.#told = told;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel();
        this.#wake = undefined;
        resolve();
      };
      const timer = this.#ports.clock.schedule(ms, wake);
      this.#wake = wake;
      if (this.#closed) wake();
    });
  }

  /** What one turn sends goes in one write. */
  #flushSoon(): void {
    if (this.#flushDue || this.#blocked || this.#stream === undefined) return;
    this.#flushDue = true;
    queueMicrotask(() => {
      this.#flushDue = false;
      this.#flush();
    });
  }

  #flush(): void {
    const call = this.#stream;
    const { encoder, limits } = this.#ports;
    while (call !== undefined && !call.isOver && !this.#blocked && !this.#outbox.isEmpty) {
      this.#dropping = false;
      if (call.write(encoder.encode(this.#outbox.take(limits.batchBytes)))) continue;
      this.#blocked = true;
      call.onceDrained(() => {
        if (call !== this.#stream) return;
        this.#blocked = false;
        this.#session?.heard();
        this.#flush();
      });
    }
  }
}

/** A cluster that starts is no news. */
function isStarting(failure: Error | undefined): boolean {
  return failure instanceof RefusedError && failure.refusal === Refusal.STARTING;
}
