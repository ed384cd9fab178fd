import { ConfetdError, messageOf } from '../base/errors.js';
import { formatId } from '../cluster/identity.js';
import { Refusal, type SnapshotPart, SnapshotReceipt } from '../proto/generated/peer.js';
import { MessageType } from '../proto/generated/raft.js';
import { FrameReader } from './frames.js';
import { GrpcStatus } from './grpc-status.js';
import type { IncomingCall } from './incoming-call.js';
import type { Admit, IncomingPorts } from './incoming-messages.js';
import { decodePart } from './part-frames.js';
import { snapshotChunks } from './snapshot-stream.js';
import type { PeerHost } from './types.js';

/** Read in one turn of the event loop, hashing included: some milliseconds at worst. */
const BYTES_A_TURN = 256 * 1024;
const MAX_PART_BYTES = 4 * 1024 * 1024;
/** The peer is stopped when so much waits to be read. */
const HELD_BYTES = 256 * 1024;

/** A leader's state that arrives; answers the call and rejects never. `begin` resolves when it may take the place. */
export async function receiveSnapshot(
  call: IncomingCall,
  ports: IncomingPorts,
  host: PeerHost,
  admit: Admit,
  begin: () => Promise<void>,
): Promise<void> {
  const parts = readParts(call, ports);
  try {
    const { hello, to, message } = await firstOf(parts);
    const refusal = await admit(hello, to);
    if (refusal !== Refusal.ADMITTED) {
      call.answer(SnapshotReceipt.encode({ refusal }).finish());
      call.end(GrpcStatus.ok);
      return;
    }
    if (message?.type !== MessageType.SNAP || message.from !== hello?.memberId || message.to !== to) {
      throw new ConfetdError('invalid_argument', 'a state without the message that announces it');
    }
    await begin();
    await host.receiveSnapshot(message, snapshotChunks(parts));
    call.answer(SnapshotReceipt.encode({ refusal }).finish());
    call.end(GrpcStatus.ok);
  } catch (error) {
    const why = messageOf(error);
    ports.log.warn(
      { address: call.from, member: formatId(host.hello.memberId) },
      `a state is not taken: ${why}`,
    );
    call.end(GrpcStatus.internal, `the state is not taken: ${why}`);
  } finally {
    await parts.return(undefined);
    call.endSoon(ports.clock, ports.limits.handshakeMs);
  }
}

async function firstOf(parts: AsyncGenerator<SnapshotPart, void, undefined>): Promise<SnapshotPart> {
  const first = await parts.next();
  if (first.done === true) throw new ConfetdError('invalid_argument', 'a state without a beginning');
  return first.value;
}

/** The parts as they arrive; the peer may send no more than a window ahead of who reads them. Throws when cut off. */
async function* readParts(
  call: IncomingCall,
  { clock, limits }: IncomingPorts,
): AsyncGenerator<SnapshotPart, void, undefined> {
  const frames = new FrameReader(MAX_PART_BYTES);
  const arriving = new ArrivingChunks(call.stream);
  try {
    let readBytes = 0;
    for (;;) {
      const chunk = arriving.shift() ?? (await arriving.next(clock, limits.snapshotStallMs));
      if (chunk === undefined) break;
      for (const bytes of frames.read(chunk)) yield decodePart(bytes);
      readBytes += chunk.length;
      if (readBytes >= BYTES_A_TURN) {
        readBytes = 0;
        await clock.yield();
      }
    }
  } finally {
    arriving.close();
  }
  if (!call.stream.readableEnded || !frames.betweenFrames) {
    throw new ConfetdError(
      'data_loss',
      'the state that a member sends is cut off before its end; it will be sent again',
    );
  }
}

/** What has arrived and isn't read yet, chunk by chunk: the stream's own `read` would copy them into one. */
class ArrivingChunks {
  readonly #stream: IncomingCall['stream'];
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #look = (): void => {};
  readonly #take = (chunk: Buffer): void => {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes >= HELD_BYTES) this.#stream.pause();
    this.#look();
  };

  constructor(stream: IncomingCall['stream']) {
    this.#stream = stream;
    stream.on('data', this.#take);
    stream.on('end', () => this.#look());
    stream.on('close', () => this.#look());
  }

  /** Leaves what still comes to the stream's next reader, or to nobody. */
  close(): void {
    this.#stream.off('data', this.#take);
  }

  /** Undefined: nothing is here now. */
  shift(): Buffer | undefined {
    const chunk = this.#chunks.shift();
    this.#bytes -= chunk?.length ?? 0;
    if (this.#chunks.length === 0) this.#stream.resume();
    return chunk;
  }

  /** Waits for one. Undefined: the stream has ended, in whichever way. Rejects where nothing comes for `stallMs`. */
  next(clock: IncomingPorts['clock'], stallMs: number): Promise<Buffer | undefined> {
    return new Promise((resolve, reject) => {
      const timer = clock.schedule(stallMs, () => {
        this.#look = () => {};
        reject(new ConfetdError('unavailable', `nothing arrived of the state for ${stallMs / 1000}s`));
      });
      this.#look = () => {
        const chunk = this.shift();
        if (chunk === undefined && !this.#stream.readableEnded && !this.#stream.destroyed) return;
        this.#look = () => {};
        timer.cancel();
        resolve(chunk);
      };
      this.#look();
    });
  }
}
