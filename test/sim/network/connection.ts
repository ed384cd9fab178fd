import { Hello, MessageBatch, Refusal } from '../../../src/proto/generated/peer.js';
import type { Message } from '../../../src/proto/generated/raft.js';
import type { Peer } from '../../../src/transport/types.js';
import { describeMessage } from './describe.js';
import type { Endpoint } from './endpoint.js';
import type { Stream } from './wires.js';

const MAX_QUEUED_BATCHES = 64;
const HANDSHAKE_MS = 1_000;
const BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 1_500;
/** So long nothing gets through before the connection counts as broken. */
const SILENCE_MS = 1_500;

/** A stream of messages from one process to one member: made again whenever it breaks, as long as it is a peer. */
export class Connection {
  readonly #from: Endpoint;
  readonly #id: bigint;
  #urls: readonly string[];
  #url = 0;
  /** The process at the other end, once it has let us in. */
  #remote: { readonly endpoint: Endpoint; readonly stream: Stream; readonly sinceMs: number } | undefined;
  #queue: Message[][] = [];
  #attempt = 0;
  #backoffMs = BACKOFF_MS;
  #silentSinceMs: number | undefined;
  #closed = false;

  constructor(from: Endpoint, { id, peerUrls }: Peer) {
    this.#from = from;
    this.#id = id;
    this.#urls = peerUrls;
    this.#open();
  }

  get url(): string | undefined {
    return this.#urls[this.#url % this.#urls.length];
  }

  get openSince(): number | undefined {
    return this.#remote?.sinceMs;
  }

  moveTo(urls: readonly string[]): void {
    if (urls.join() === this.#urls.join()) return;
    this.#urls = urls;
    this.#break();
  }

  close(): void {
    this.#closed = true;
    this.#attempt++;
    this.#queue = [];
    this.#remote = undefined;
  }

  send(batch: Message[]): void {
    if (this.#remote !== undefined) this.#write(batch);
    else if (this.#queue.length < MAX_QUEUED_BATCHES) this.#queue.push(batch);
    else this.#from.host?.unreachable(this.#id);
  }

  #write(messages: Message[]): void {
    const remote = this.#remote;
    if (remote === undefined) return;
    const { wires, machine } = this.#from;
    const { endpoint } = remote;
    for (const message of messages)
      wires.trace.add(machine, `→ ${endpoint.machine} ${describeMessage(message)}`);
    const bytes = Buffer.from(MessageBatch.encode({ hello: undefined, to: 0n, messages }).finish());
    const undeliverable = () => this.#undelivered(remote);
    wires.carry(
      this.#from,
      endpoint,
      () => {
        if (this.#remote === remote) this.#silentSinceMs = undefined;
        endpoint.host?.receive(MessageBatch.decode(bytes).messages);
      },
      { stream: remote.stream, undeliverable },
    );
  }

  #undelivered(remote: object): void {
    if (this.#remote !== remote) return;
    const now = this.#from.process.monotonicMs();
    this.#silentSinceMs ??= now;
    this.#from.host?.unreachable(this.#id);
    if (!this.#isThere() || now - this.#silentSinceMs > SILENCE_MS) this.#break();
  }

  #isThere(): boolean {
    return this.#remote?.endpoint.alive === true;
  }

  #break(): void {
    this.#remote = undefined;
    this.#silentSinceMs = undefined;
    this.#queue = [];
    this.#retry();
  }

  #retry(): void {
    const attempt = ++this.#attempt;
    this.#url++;
    this.#from.process.schedule(this.#backoffMs, () => {
      if (attempt === this.#attempt) this.#open();
    });
    this.#backoffMs = Math.min(this.#backoffMs * 2, MAX_BACKOFF_MS);
  }

  /** Both sides look at the other's hello before anything else is said. */
  #open(): void {
    const attempt = ++this.#attempt;
    const { host, process, wires } = this.#from;
    const failed = () => {
      if (attempt === this.#attempt && !this.#closed) this.#retry();
    };
    const target = this.url === undefined ? undefined : wires.listenerAt(this.url);
    if (target === undefined || host === undefined) {
      // Never in the turn of the caller, who may be about to connect.
      process.schedule(1, failed);
      return;
    }
    process.schedule(HANDSHAKE_MS, failed);
    const hello = Buffer.from(Hello.encode(host.hello).finish());
    const arrive = () =>
      void target.admit({ hello: Hello.decode(hello), to: this.#id }).then((refusal) => {
        const theirs = target.host === undefined ? undefined : Hello.encode(target.host.hello).finish();
        wires.carry(target, this.#from, () => {
          if (attempt === this.#attempt && !this.#closed) void this.#welcomed(target, refusal, theirs);
        });
      });
    wires.carry(this.#from, target, arrive, { undeliverable: failed });
  }

  async #welcomed(target: Endpoint, refusal: Refusal, theirs: Uint8Array | undefined): Promise<void> {
    const { host, process, wires, machine } = this.#from;
    const attempt = ++this.#attempt;
    if (host === undefined) return;
    if (refusal !== Refusal.ADMITTED || theirs === undefined) {
      wires.trace.add(machine, `refused by ${target.machine}: ${Refusal[refusal]}`);
      if (refusal !== Refusal.STARTING) host.refused(this.#id, refusal);
      this.#retry();
      return;
    }
    const hello = Hello.decode(theirs);
    const own = await host.admit(hello);
    if (attempt !== this.#attempt || this.#closed) return;
    if (own !== Refusal.ADMITTED) {
      wires.trace.add(machine, `refuses ${target.machine}: ${Refusal[own]}`);
      this.#retry();
      return;
    }
    wires.admitted(this.#from, hello);
    this.#remote = { endpoint: target, stream: { lastArrivalMs: 0 }, sinceMs: process.monotonicMs() };
    this.#backoffMs = BACKOFF_MS;
    const queue = this.#queue;
    this.#queue = [];
    for (const batch of queue) this.#write(batch);
  }
}
