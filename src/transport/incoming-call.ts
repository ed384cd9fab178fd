import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Clock } from '../io/clock.js';
import { frameOf } from './frames.js';
import { encodeGrpcMessage, GrpcStatus } from './grpc-status.js';

/** A gRPC call of a peer. Nothing here throws, whatever the peer has done to its stream meanwhile. */
export class IncomingCall {
  readonly stream: ServerHttp2Stream;
  readonly path: string;
  /** The peer's address, for the log. */
  readonly from: string;
  #status: GrpcStatus = GrpcStatus.unknown;
  #message = '';
  #responded = false;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    this.stream = stream;
    this.path = String(headers[':path']);
    const socket = stream.session?.socket;
    this.from = `${socket?.remoteAddress}:${socket?.remotePort}`;
    stream.on('error', () => {});
    stream.on('wantTrailers', () => {
      attempt(() =>
        stream.sendTrailers({
          'grpc-status': String(this.#status),
          ...(this.#message === '' ? {} : { 'grpc-message': encodeGrpcMessage(this.#message) }),
        }),
      );
    });
  }

  get isOver(): boolean {
    return this.stream.destroyed || this.stream.closed;
  }

  /** Sends one message. */
  answer(message: Uint8Array): void {
    if (this.isOver) return;
    this.#respond();
    attempt(() => this.stream.write(frameOf(message)));
  }

  /** Ends the call; what the peer still sends is thrown away. */
  end(status: GrpcStatus, message = ''): void {
    if (this.isOver || this.stream.writableEnded) return;
    this.#status = status;
    this.#message = message;
    this.#respond();
    attempt(() => this.stream.end());
    this.stream.resume();
  }

  /** Cuts the call off if it hasn't gone a while after {@link end}: a peer that goes on sending isn't listened to. */
  endSoon(clock: Clock, waitMs: number): void {
    const timer = clock.schedule(waitMs, () => this.destroy());
    this.stream.on('close', () => timer.cancel());
  }

  /** Breaks the call off. The code says so to the peer, which would go on writing after a close without one. */
  destroy(): void {
    attempt(() => this.stream.close(constants.NGHTTP2_CANCEL));
    this.stream.destroy();
  }

  #respond(): void {
    if (this.#responded) return;
    this.#responded = true;
    attempt(() =>
      this.stream.respond(
        { ':status': 200, 'content-type': 'application/grpc+proto' },
        { waitForTrailers: true },
      ),
    );
  }
}

/** A peer may reset its stream at any moment, and then Node's functions throw. */
function attempt(task: () => void): void {
  try {
    task();
  } catch {
    // The stream is gone, which its close event tells.
  }
}
