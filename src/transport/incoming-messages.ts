import { messageOf } from '../base/errors.js';
import { formatId } from '../cluster/identity.js';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import { type Hello, MessageBatch, Refusal, Welcome } from '../proto/generated/peer.js';
import { checkMessages } from './check-messages.js';
import { FrameReader } from './frames.js';
import { GrpcStatus } from './grpc-status.js';
import type { IncomingCall } from './incoming-call.js';
import type { PeerLimits } from './limits.js';
import type { PeerHost } from './types.js';

/** A batch with a hello and nothing else. */
const MAX_HELLO_BYTES = 64 * 1024;

export interface IncomingPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: PeerLimits;
}

/** Whom a peer means to reach and who it is, looked at by whoever is here. */
export type Admit = (hello: Hello | undefined, to: bigint) => Promise<Refusal>;

/** One peer's stream of messages, from its hello to its end. */
export class IncomingMessages {
  /** Called when the peer was let in. */
  readonly #admitted: (hello: Hello) => void;
  readonly #call: IncomingCall;
  readonly #ports: IncomingPorts;
  readonly #host: PeerHost;
  readonly #admit: Admit;
  readonly #frames = new FrameReader(MAX_HELLO_BYTES);
  #from: bigint | undefined;
  #greeted = false;

  constructor(
    call: IncomingCall,
    ports: IncomingPorts,
    host: PeerHost,
    admit: Admit,
    admitted: (hello: Hello) => void,
  ) {
    this.#call = call;
    this.#ports = ports;
    this.#host = host;
    this.#admit = admit;
    this.#admitted = admitted;
    const timer = ports.clock.schedule(ports.limits.handshakeMs, () => {
      if (this.#from === undefined) call.destroy();
    });
    call.stream.on('close', () => timer.cancel());
    call.stream.on('data', (chunk: Buffer) => this.#read(chunk));
    call.stream.on('end', () => call.end(GrpcStatus.ok));
  }

  #read(chunk: Buffer): void {
    if (this.#call.isOver || this.#call.stream.writableEnded) return;
    try {
      for (const bytes of this.#frames.read(chunk)) this.#take(bytes);
    } catch (error) {
      this.#refuse(messageOf(error));
    }
  }

  #take(bytes: Buffer): void {
    const batch = MessageBatch.decode(bytes);
    if (this.#from !== undefined) {
      checkMessages(batch.messages, this.#from, this.#host.hello.memberId);
      this.#host.receive(batch.messages);
    } else if (this.#greeted || batch.messages.length > 0) {
      this.#refuse('messages before it was let in');
    } else {
      this.#greeted = true;
      this.#call.stream.pause();
      void this.#greet(batch);
    }
  }

  async #greet({ hello, to }: MessageBatch): Promise<void> {
    const refusal = await this.#admit(hello, to);
    const welcome: Welcome = { refusal, hello: this.#host.hello };
    if (this.#call.isOver) return;
    this.#call.answer(Welcome.encode(welcome).finish());
    if (refusal !== Refusal.ADMITTED || hello === undefined) {
      this.#call.end(GrpcStatus.ok);
      return;
    }
    this.#from = hello.memberId;
    this.#frames.maxBytes = this.#ports.limits.receiveBytes;
    this.#admitted(hello);
    this.#call.stream.resume();
  }

  /** Nothing that a peer sends may end more than its own stream. */
  #refuse(why: string): void {
    const { log, clock } = this.#ports;
    const peer = this.#from === undefined ? 'unknown' : formatId(this.#from);
    log.warn({ peer, address: this.#call.from }, `a peer sends garbage, and its stream is ended: ${why}`);
    this.#call.end(GrpcStatus.invalidArgument, `this is no message of a member: ${why}`);
    this.#call.endSoon(clock, this.#ports.limits.handshakeMs);
  }
}
