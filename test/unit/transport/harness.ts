import net, { type AddressInfo, type Socket } from 'node:net';
import type { Log } from '../../../src/io/log.js';
import { silentLog } from '../../../src/io/log.js';
import { NodeClock } from '../../../src/io/node/clock.js';
import {
  type Hello,
  type PeerRequest,
  type PeerResponse,
  Refusal,
} from '../../../src/proto/generated/peer.js';
import { type Entry, EntryType, type Message, MessageType } from '../../../src/proto/generated/raft.js';
import { GrpcNetwork } from '../../../src/transport/grpc-network.js';
import type { PeerLimits } from '../../../src/transport/limits.js';
import type { OutgoingSnapshot, PeerHost, Transport } from '../../../src/transport/types.js';

const NOTHING = Buffer.alloc(0);

/** Short waits, so that what is lost is noticed within a test. */
export const QUICK: Partial<PeerLimits> = {
  handshakeMs: 2_000,
  pingMs: 50,
  silenceMs: 600,
  backoffLeastMs: 5,
  backoffMostMs: 40,
};

export function helloOf(memberId: bigint, peerUrls: string[] = []): Hello {
  return {
    clusterId: 9n,
    memberId,
    instance: memberId,
    tokenDigest: Buffer.alloc(32),
    peerUrls,
    protocol: 1,
  };
}

export function message(from: bigint, to: bigint, fields: Partial<Message> = {}): Message {
  return {
    type: MessageType.APP,
    to,
    from,
    term: 3,
    logTerm: 3,
    index: 0,
    entries: [],
    commit: 0,
    snapshot: undefined,
    reject: false,
    rejectHint: 0,
    context: NOTHING,
    ...fields,
  };
}

export function entry(index: number, data: Buffer): Entry {
  return { type: EntryType.NORMAL, term: 3, index, data };
}

/** An append with one entry of `bytes`. */
export function append(from: bigint, to: bigint, index: number, bytes: number): Message {
  return message(from, to, { index: index - 1, entries: [entry(index, Buffer.alloc(bytes, index))] });
}

/** A member that remembers what reached it. */
export class FakeHost implements PeerHost {
  readonly hello: Hello;
  readonly received: Message[] = [];
  readonly batches: number[] = [];
  readonly unreachables: bigint[] = [];
  readonly refusals: [bigint, Refusal][] = [];
  readonly sent: [bigint, boolean][] = [];
  readonly requests: PeerRequest[] = [];
  admission: (hello: Hello) => Refusal | Promise<Refusal> = () => Refusal.ADMITTED;
  reply: (request: PeerRequest) => Promise<PeerResponse> = () =>
    Promise.resolve({ refusal: Refusal.ADMITTED, error: undefined, kind: undefined });
  snapshot: () => Promise<OutgoingSnapshot> = () => Promise.reject(new Error('no snapshot here'));
  take: (message: Message, chunks: AsyncIterable<Buffer>) => Promise<void> = () => Promise.resolve();
  onReceive: (messages: readonly Message[]) => void = () => {};
  #waiting: { done: () => boolean; resolve: () => void }[] = [];

  constructor(hello: Hello) {
    this.hello = hello;
  }

  async admit(hello: Hello): Promise<Refusal> {
    return await this.admission(hello);
  }

  refused(by: bigint, refusal: Refusal): void {
    this.refusals.push([by, refusal]);
    this.#look();
  }

  receive(messages: readonly Message[]): void {
    this.received.push(...messages);
    this.batches.push(messages.length);
    this.onReceive(messages);
    this.#look();
  }

  unreachable(id: bigint): void {
    this.unreachables.push(id);
    this.#look();
  }

  snapshotSent(to: bigint, succeeded: boolean): void {
    this.sent.push([to, succeeded]);
    this.#look();
  }

  openSnapshot(): Promise<OutgoingSnapshot> {
    return this.snapshot();
  }

  receiveSnapshot(announced: Message, chunks: AsyncIterable<Buffer>): Promise<void> {
    return this.take(announced, chunks);
  }

  async answer(request: PeerRequest): Promise<PeerResponse> {
    this.requests.push(request);
    return await this.reply(request);
  }

  /** Resolves once something was told to this host that makes it true. */
  until(done: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      if (done()) resolve();
      else this.#waiting.push({ done, resolve });
    });
  }

  #look(): void {
    this.#waiting = this.#waiting.filter(({ done, resolve }) => {
      if (!done()) return true;
      resolve();
      return false;
    });
  }
}

/** A listener whose connections can be cut. */
export class Port {
  readonly port: number;
  readonly #server: net.Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: net.Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async open(take: (socket: Socket) => void, port = 0): Promise<Port> {
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const opened = new Port(server, (server.address() as AddressInfo).port);
    server.on('connection', (socket) => {
      opened.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => opened.#sockets.delete(socket));
      socket.setNoDelay(true);
      take(socket);
    });
    return opened;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

export interface NodeOptions {
  readonly limits?: Partial<PeerLimits>;
  readonly log?: Log;
  /** Otherwise its own. */
  readonly hello?: Hello;
}

/** One member's network on a real port. */
export class PeerNode {
  readonly id: bigint;
  readonly clock = new NodeClock();
  readonly network: GrpcNetwork;
  readonly host: FakeHost;
  port: Port;
  #transport: Transport | undefined;

  private constructor(id: bigint, network: GrpcNetwork, port: Port, hello: Hello) {
    this.id = id;
    this.network = network;
    this.port = port;
    this.host = new FakeHost(hello);
  }

  /** A member that listens and isn't connected yet. */
  static async listen(id: bigint, { limits, log, hello }: NodeOptions = {}): Promise<PeerNode> {
    const network = new GrpcNetwork({
      clock: new NodeClock(),
      log: log ?? silentLog,
      limits: { ...QUICK, ...limits },
    });
    const port = await Port.open((socket) => network.service.take(socket));
    return new PeerNode(id, network, port, hello ?? helloOf(id, [port.url]));
  }

  static async start(id: bigint, options?: NodeOptions): Promise<PeerNode> {
    const node = await PeerNode.listen(id, options);
    node.connect();
    return node;
  }

  connect(): void {
    this.#transport = this.network.connect(this.host);
  }

  get transport(): Transport {
    if (this.#transport === undefined) throw new Error('not connected');
    return this.#transport;
  }

  /** Opens the port again that was closed. */
  async reopen(): Promise<void> {
    this.port = await Port.open((socket) => this.network.service.take(socket), this.port.port);
  }

  async close(): Promise<void> {
    await this.#transport?.close();
    this.network.service.destroy();
    await this.port.close();
  }
}

/** Resolves once `done` holds; looks every few milliseconds, for what no event tells. */
export async function eventually(done: () => boolean, withinMs = 5_000): Promise<void> {
  const untilMs = performance.now() + withinMs;
  while (!done()) {
    if (performance.now() > untilMs) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
