import { ConfetdError } from '../../../src/base/errors.js';
import { Hello, PeerRequest, PeerResponse, Refusal } from '../../../src/proto/generated/peer.js';
import type { Message } from '../../../src/proto/generated/raft.js';
import { MessageType } from '../../../src/proto/generated/raft.js';
import type { Peer, PeerHost, PeerNetwork, Transport } from '../../../src/transport/types.js';
import type { ProcessClock } from '../process-clock.js';
import { Connection } from './connection.js';
import { sendSnapshot } from './snapshot.js';
import { unavailable } from './unavailable.js';
import type { Wires } from './wires.js';

/** The network as one process sees it; it ends with the process. */
export class Endpoint implements PeerNetwork, Transport {
  readonly wires: Wires;
  readonly process: ProcessClock;
  /** The machine's name: what partitions go by. */
  readonly machine: string;
  readonly #connections = new Map<bigint, Connection>();
  readonly #transfers = new Set<bigint>();
  #host: PeerHost | undefined;
  #closed = false;

  constructor(wires: Wires, process: ProcessClock, machine: string, urls: readonly string[]) {
    this.wires = wires;
    this.process = process;
    this.machine = machine;
    for (const url of urls) wires.listen(url, this);
  }

  get alive(): boolean {
    return !this.process.dead && !this.#closed;
  }

  /** Undefined before {@link connect}. */
  get host(): PeerHost | undefined {
    return this.#host;
  }

  connect(host: PeerHost): Transport {
    this.#host = host;
    return this;
  }

  setPeers(peers: readonly Peer[]): void {
    for (const [id, connection] of this.#connections) {
      if (peers.some((peer) => peer.id === id)) continue;
      connection.close();
      this.#connections.delete(id);
    }
    for (const peer of peers) {
      const known = this.#connections.get(peer.id);
      if (known === undefined) this.#connections.set(peer.id, new Connection(this, peer));
      else known.moveTo(peer.peerUrls);
    }
  }

  send(messages: readonly Message[]): void {
    if (!this.alive) return;
    const batches = new Map<bigint, Message[]>();
    for (const message of messages) {
      this.wires.sent(this, message);
      if (message.type === MessageType.SNAP) {
        this.#sendSnapshot(message);
        continue;
      }
      const batch = batches.get(message.to);
      if (batch === undefined) batches.set(message.to, [message]);
      else batch.push(message);
    }
    for (const [to, batch] of batches) this.#connections.get(to)?.send(batch);
  }

  #sendSnapshot(message: Message): void {
    const { to } = message;
    const ended = (succeeded: boolean) => {
      if (this.alive) this.#host?.snapshotSent(to, succeeded);
    };
    const url = this.#connections.get(to)?.url;
    // One at a time: the one under way hasn't been reported yet.
    if (url === undefined || this.#transfers.has(to)) {
      void this.process.yield().then(() => ended(false));
      return;
    }
    this.#transfers.add(to);
    void sendSnapshot(this, url, message).then((succeeded) => {
      this.#transfers.delete(to);
      ended(succeeded);
    });
  }

  call(whom: string | bigint, request: PeerRequest, timeoutMs: number): Promise<PeerResponse> {
    const url = typeof whom === 'string' ? whom : this.#connections.get(whom)?.url;
    if (url === undefined) return Promise.reject(unavailable(`member ${String(whom)} isn't known`));
    const hello = request.hello ?? this.#host?.hello;
    const to = typeof whom === 'bigint' ? whom : request.to;
    return this.#ask(url, Buffer.from(PeerRequest.encode({ ...request, hello, to }).finish()), timeoutMs);
  }

  #ask(url: string, bytes: Buffer, timeoutMs: number): Promise<PeerResponse> {
    return new Promise((done, failed) => {
      const failure = () => {
        timer.cancel();
        failed(unavailable(`no answer from ${url}`));
      };
      const timer = this.process.schedule(timeoutMs, failure);
      const target = this.wires.listenerAt(url);
      if (target === undefined) {
        this.process.schedule(1, failure);
        return;
      }
      const answered = (answer: Buffer) => {
        timer.cancel();
        const response = PeerResponse.decode(answer);
        if (response.error === undefined) done(response);
        else failed(new ConfetdError(response.error.code as 'unavailable', response.error.message));
      };
      const arrive = () =>
        void target.#answer(bytes).then((answer) => {
          this.wires.carry(target, this, () => (answer === undefined ? failure() : answered(answer)));
        });
      this.wires.carry(this, target, arrive, { undeliverable: failure });
    });
  }

  /** Undefined: nobody listens yet. */
  async #answer(bytes: Buffer): Promise<Buffer | undefined> {
    const host = this.#host;
    if (host === undefined) return undefined;
    const request = PeerRequest.decode(bytes);
    const refusal = request.kind?.$case === 'describe' ? Refusal.ADMITTED : await this.admit(request);
    const response: PeerResponse =
      refusal === Refusal.ADMITTED
        ? await host.answer(request)
        : { refusal, error: refusedError(refusal), kind: undefined };
    return Buffer.from(PeerResponse.encode(response).finish());
  }

  /** Whether this process lets somebody in who means to reach member `to` (0: whoever is here). */
  async admit({ hello, to }: { hello: Hello | undefined; to: bigint }): Promise<Refusal> {
    const host = this.#host;
    if (host === undefined || hello === undefined) return Refusal.STARTING;
    if (to !== 0n && to !== host.hello.memberId) return Refusal.OTHER_MEMBER;
    const theirs = Hello.decode(Hello.encode(hello).finish());
    const refusal = await host.admit(theirs);
    if (refusal !== Refusal.ADMITTED) return refusal;
    this.wires.admitted(this, theirs);
    this.#learn(theirs);
    return refusal;
  }

  /** Who talks to this member is answered, though it may not have applied that one's addition yet. */
  #learn({ memberId: id, peerUrls }: Hello): void {
    if (this.alive && id !== 0n && peerUrls.length > 0 && !this.#connections.has(id))
      this.#connections.set(id, new Connection(this, { id, peerUrls }));
  }

  activeSince(id: bigint): number | undefined {
    return this.#connections.get(id)?.openSince;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const connection of this.#connections.values()) connection.close();
    this.#connections.clear();
  }
}

function refusedError(refusal: Refusal): { code: string; message: string } {
  return { code: 'unavailable', message: `the peer refuses: ${Refusal[refusal]}` };
}
