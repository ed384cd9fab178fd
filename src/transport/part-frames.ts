import { ConfetdError } from '../base/errors.js';
import { VarintReader, varintBytes, writeVarint } from '../base/varint.js';
import { SnapshotPart } from '../proto/generated/peer.js';
import { FRAME_HEAD_BYTES, frameOf, writeFrameHead } from './frames.js';

/*
 * A snapshot's parts that hold nothing but data, which are all but two, are written and read by hand. The generated code
 * copies data three times: a state of gigabytes then makes the collectors on both sides stop their members for 10 ms
 * every few MiB, and the collectors' threads hold up whoever else runs on the machine.
 */

/** Field 4 of SnapshotPart, the data. */
const DATA_TAG = 0x22;
const NOTHING = Buffer.alloc(0);

/** The frames of a snapshot's parts; data goes into the same room each time. */
export class PartFrames {
  readonly #room: Buffer;

  /** No part's data is longer than `partBytes`. */
  constructor(partBytes: number) {
    this.#room = Buffer.allocUnsafe(FRAME_HEAD_BYTES + 1 + varintBytes(partBytes) + partBytes);
  }

  /** To be sent before the next is asked for. */
  encode(part: SnapshotPart): Buffer {
    const { data } = part;
    if (data.length === 0) return frameOf(SnapshotPart.encode(part).finish());
    const bytes = 1 + varintBytes(data.length) + data.length;
    const at = writeFrameHead(this.#room, bytes);
    this.#room[at] = DATA_TAG;
    this.#room.set(data, writeVarint(this.#room, at + 1, data.length));
    return this.#room.subarray(0, FRAME_HEAD_BYTES + bytes);
  }
}

/** A part from its message, whose data it shows and doesn't copy. Throws `data_loss` for what isn't one. */
export function decodePart(message: Buffer): SnapshotPart {
  const data = dataOf(message);
  if (data !== undefined) return { hello: undefined, to: 0n, message: undefined, data, digest: NOTHING };
  try {
    return SnapshotPart.decode(message);
  } catch (error) {
    throw new ConfetdError('data_loss', 'the state that a member sends is damaged', { cause: error });
  }
}

/** The data, where the message holds nothing else. */
function dataOf(message: Buffer): Buffer | undefined {
  if (message[0] !== DATA_TAG) return undefined;
  const reader = new VarintReader(message, 1);
  const length = reader.next();
  return !reader.failed && reader.at + length === message.length ? message.subarray(reader.at) : undefined;
}
