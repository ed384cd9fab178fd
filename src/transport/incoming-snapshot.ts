import { ConfetdError, messageOf } from '../base/errors.js';
import { formatId } from '../cluster/identity.js';
import { Refusal, SnapshotPart, SnapshotReceipt } from '../proto/generated/peer.js';
import { MessageType } from '../proto/generated/raft.js';
import { FrameReader } from './frames.js';
import { GrpcStatus } from './grpc-status.js';
import type { IncomingCall } from './incoming-call.js';
import type { Admit, IncomingPorts } from './incoming-messages.js';
import { snapshotChunks } from './snapshot-stream.js';
import type { PeerHost } from './types.js';

/** Read in one turn of the event loop, hashing included: some milliseconds at worst. */
const BYTES_A_TURN = 256 * 1024;
const MAX_PART_BYTES = 4 * 1024 * 1024;

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
  const { stream } = call;
  let readBytes = 0;
  for (;;) {
    const chunk = nextChunk(call) ?? (await waitForChunk(call, clock, limits.snapshotStallMs));
    if (chunk === undefined) break;
    for (const bytes of frames.read(chunk)) yield decode(bytes);
    readBytes += chunk.length;
    if (readBytes >= BYTES_A_TURN) {
      readBytes = 0;
      await clock.yield();
    }
  }
  if (!stream.readableEnded || !frames.betweenFrames) {
    throw new ConfetdError(
      'data_loss',
      'the state that a member sends is cut off before its end; it will be sent again',
    );
  }
}

function nextChunk({ stream }: IncomingCall): Buffer | undefined {
  const chunk: unknown = stream.destroyed ? null : stream.read();
  return Buffer.isBuffer(chunk) ? chunk : undefined;
}

/** Undefined: the stream has ended, in whichever way. */
function waitForChunk(
  call: IncomingCall,
  clock: IncomingPorts['clock'],
  stallMs: number,
): Promise<Buffer | undefined> {
  const { stream } = call;
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      timer.cancel();
      stream.off('readable', look);
      stream.off('end', look);
      stream.off('close', look);
    };
    const look = (): void => {
      const chunk = nextChunk(call);
      if (chunk === undefined && !stream.readableEnded && !stream.destroyed) return;
      stop();
      resolve(chunk);
    };
    const timer = clock.schedule(stallMs, () => {
      stop();
      reject(new ConfetdError('unavailable', `nothing arrived of the state for ${stallMs / 1000}s`));
    });
    stream.on('readable', look);
    stream.on('end', look);
    stream.on('close', look);
    look();
  });
}

function decode(bytes: Buffer): SnapshotPart {
  try {
    return SnapshotPart.decode(bytes);
  } catch (error) {
    throw new ConfetdError('data_loss', 'the state that a member sends is damaged', { cause: error });
  }
}
