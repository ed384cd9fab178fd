import http2, { type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { Duplex } from 'node:stream';
import { messageOf } from '../base/errors.js';
import {
  type Hello,
  PeerRequest,
  PeerResponse,
  PeerService,
  Refusal,
  SnapshotReceipt,
  Welcome,
} from '../proto/generated/peer.js';
import { FrameReader } from './frames.js';
import { GrpcStatus } from './grpc-status.js';
import { nameOf } from './handshake.js';
import { IncomingCall } from './incoming-call.js';
import { IncomingMessages, type IncomingPorts } from './incoming-messages.js';
import { receiveSnapshot } from './incoming-snapshot.js';
import { Liveness } from './liveness.js';
import type { PeerHost } from './types.js';

const MAX_STREAMS = 256;
/** Of one DATA frame: an append of 1 MiB takes a quarter less of both sides' time than in frames of 16 KiB. */
const FRAME_BYTES = 256 * 1024;
/** MB that Node may hold for one connection. */
const SESSION_MEMORY_MB = 64;
const MAX_PINGS = 64;

/** What the member behind the server learns of its peers. */
export interface Meetings {
  /** A peer was let in. */
  met(hello: Hello): void;
  /** Its stream is over, and there is no later one. */
  parted(id: bigint): void;
}

/**
 * The gRPC service that members offer each other, on connections that a listener accepts. It speaks HTTP/2 itself: the
 * server of grpc-js has no way to open its 64 KiB windows, in which an append of 1 MiB waits for sixteen round trips, and
 * it lets a peer's reset end the process (see api/v3/guard-streams.ts).
 */
export class PeerServer {
  readonly #ports: IncomingPorts;
  readonly #server: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();
  /** The newest stream of each member that was let in. */
  readonly #streams = new Map<bigint, IncomingCall>();
  #host: PeerHost | undefined;
  #meetings: Meetings | undefined;
  /** The transfer under way to this member. */
  #transfer: { readonly call: IncomingCall; readonly ended: Promise<void> } | undefined;

  constructor(ports: IncomingPorts) {
    this.#ports = ports;
    const { windowBytes } = ports.limits;
    this.#server = http2.createServer({
      settings: {
        initialWindowSize: windowBytes,
        maxConcurrentStreams: MAX_STREAMS,
        maxFrameSize: FRAME_BYTES,
      },
      maxSessionMemory: SESSION_MEMORY_MB,
      maxOutstandingPings: MAX_PINGS,
    });
    this.#server.on('session', (session) => this.#watch(session));
    this.#server.on('sessionError', (error) => {
      ports.log.debug({ err: error }, 'the connection of a peer failed');
    });
    this.#server.on('stream', (stream, headers) => {
      const call = new IncomingCall(stream, headers);
      if (call.isOver) return;
      const grpc = String(headers['content-type']).startsWith('application/grpc');
      if (!grpc || headers[':method'] !== 'POST') {
        call.end(GrpcStatus.unimplemented, 'only gRPC is spoken here');
        return;
      }
      this.#serve(call);
    });
  }

  /** Ends the stream of a member that is one no more: when it calls again it is told why. */
  part(id: bigint): void {
    this.#streams.get(id)?.end(GrpcStatus.ok);
  }

  /** Who answers from now on; before, peers are told that there is nobody yet. */
  connect(host: PeerHost, meetings: Meetings): void {
    this.#host = host;
    this.#meetings = meetings;
  }

  /** Takes over a connection, whose first bytes may have been put back. */
  take(socket: Duplex): void {
    this.#server.emit('connection', socket);
  }

  /** Lets unary calls under way end; breaks streams off. */
  async drain(): Promise<void> {
    for (const call of this.#streams.values()) call.end(GrpcStatus.ok);
    this.#transfer?.call.destroy();
    await Promise.all([...this.#sessions].map(closed));
  }

  /** Ends everything at once. */
  destroy(): void {
    for (const session of this.#sessions) session.destroy();
  }

  #watch(session: ServerHttp2Session): void {
    const { clock, limits } = this.#ports;
    session.setLocalWindowSize(limits.windowBytes);
    session.on('error', () => {});
    const liveness = new Liveness(session, clock, limits, () => session.destroy());
    this.#sessions.add(session);
    session.on('close', () => {
      liveness.stop();
      this.#sessions.delete(session);
    });
  }

  #serve(call: IncomingCall): void {
    const host = this.#host;
    if (call.path === PeerService.messages.path) {
      if (host === undefined)
        this.#starting(call, Welcome.encode({ refusal: Refusal.STARTING, hello: undefined }).finish());
      else this.#messages(call, host);
    } else if (call.path === PeerService.installSnapshot.path) {
      if (host === undefined)
        this.#starting(call, SnapshotReceipt.encode({ refusal: Refusal.STARTING }).finish());
      else void this.#snapshot(call, host);
    } else if (call.path === PeerService.call.path) {
      this.#unary(call);
    } else {
      call.end(GrpcStatus.unimplemented, `${call.path} is not known here`);
      call.endSoon(this.#ports.clock, this.#ports.limits.handshakeMs);
    }
  }

  #starting(call: IncomingCall, answer: Uint8Array): void {
    call.answer(answer);
    call.end(GrpcStatus.ok);
    call.endSoon(this.#ports.clock, this.#ports.limits.handshakeMs);
  }

  readonly #admit = async (hello: Hello | undefined, to: bigint): Promise<Refusal> => {
    const host = this.#host;
    if (host === undefined) return Refusal.STARTING;
    if (hello === undefined) return Refusal.OTHER_PROTOCOL;
    if (to !== 0n && to !== host.hello.memberId) return Refusal.OTHER_MEMBER;
    return await host.admit(hello);
  };

  #messages(call: IncomingCall, host: PeerHost): void {
    new IncomingMessages(call, this.#ports, host, this.#admit, (hello) => {
      const id = hello.memberId;
      // What is left of an earlier stream is older than all that comes now.
      this.#streams.get(id)?.destroy();
      this.#streams.set(id, call);
      call.stream.on('close', () => {
        if (this.#streams.get(id) !== call) return;
        this.#streams.delete(id);
        this.#meetings?.parted(id);
      });
      this.#meetings?.met(hello);
    });
  }

  async #snapshot(call: IncomingCall, host: PeerHost): Promise<void> {
    let ended = (): void => {};
    const transfer = { call, ended: new Promise<void>((resolve) => (ended = resolve)) };
    await receiveSnapshot(call, this.#ports, host, this.#admit, async () => {
      // The newer state is the better one, and a leader that begins anew has given up the former.
      for (let earlier = this.#transfer; earlier !== undefined; earlier = this.#transfer) {
        earlier.call.destroy();
        await earlier.ended;
        if (this.#transfer === earlier) this.#transfer = undefined;
      }
      this.#transfer = transfer;
    });
    if (this.#transfer === transfer) this.#transfer = undefined;
    ended();
  }

  #unary(call: IncomingCall): void {
    const { clock, limits, log } = this.#ports;
    const frames = new FrameReader(limits.receiveBytes);
    let asked = false;
    const timer = clock.schedule(limits.handshakeMs, () => {
      if (!asked) call.destroy();
    });
    call.stream.on('close', () => timer.cancel());
    call.stream.on('data', (chunk: Buffer) => {
      try {
        for (const bytes of frames.read(chunk)) {
          if (asked) return;
          const request = PeerRequest.decode(bytes);
          asked = true;
          void this.#answer(request).then(
            (response) => {
              call.answer(PeerResponse.encode(response).finish());
              call.end(GrpcStatus.ok);
            },
            (error: unknown) => {
              log.error({ err: error }, 'a call of a peer met an unexpected error');
              call.end(GrpcStatus.internal, 'internal error; the log of the member has the details');
            },
          );
        }
      } catch (error) {
        log.warn({ address: call.from }, `a peer sends garbage, and is not answered: ${messageOf(error)}`);
        call.end(GrpcStatus.invalidArgument, `this is no request of a member: ${messageOf(error)}`);
        call.endSoon(clock, limits.handshakeMs);
      }
    });
    call.stream.on('end', () => {
      if (!asked) call.end(GrpcStatus.invalidArgument, 'no request');
    });
  }

  async #answer(request: PeerRequest): Promise<PeerResponse> {
    const host = this.#host;
    const describes = request.kind?.$case === 'describe';
    const refusal =
      host !== undefined && describes ? Refusal.ADMITTED : await this.#admit(request.hello, request.to);
    if (host !== undefined && refusal === Refusal.ADMITTED) return await host.answer(request);
    const message =
      refusal === Refusal.STARTING
        ? 'the member is starting'
        : `the member refuses the request: ${nameOf(refusal)}`;
    return { refusal, error: { code: 'unavailable', message }, kind: undefined };
  }
}

/** Lets a session's streams end. One that is over already calls nobody back. */
function closed(session: ServerHttp2Session): Promise<void> {
  return new Promise((resolve) => {
    if (session.destroyed) resolve();
    session.once('close', resolve);
    if (!session.closed) session.close();
  });
}
