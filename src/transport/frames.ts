import { ConfetdError } from '../base/errors.js';

/** gRPC writes before each message whether it is compressed, and its length (PROTOCOL-HTTP2, "Length-Prefixed-Message"). */
export const FRAME_HEAD_BYTES = 5;

/** Writes the head of a frame whose message takes `bytes`; returns where it ends. */
export function writeFrameHead(frame: Buffer, bytes: number): number {
  frame[0] = 0;
  return frame.writeUInt32BE(bytes, 1);
}

/** A whole frame of one message. */
export function frameOf(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEAD_BYTES + message.length);
  frame.set(message, writeFrameHead(frame, message.length));
  return frame;
}

const FIRST_ROOM_BYTES = 4 * 1024;
/** Room that a larger message needed is given back after it. */
const KEPT_ROOM_BYTES = 1024 * 1024;

/**
 * Finds the messages in a gRPC stream. It holds no more than one unfinished message of at most `maxBytes`, in room that
 * the next one is given again: a member receives gigabytes, and must not leave as much behind for the collector.
 */
export class FrameReader {
  /** May be raised between frames. */
  maxBytes: number;
  #room: Buffer = Buffer.alloc(0);
  #held = 0;
  /** Of the frame that has begun, its head included; as long as that isn't known, of the head. */
  #needed = FRAME_HEAD_BYTES;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Whether the stream may end here. */
  get betweenFrames(): boolean {
    return this.#held === 0;
  }

  /**
   * Takes the next bytes; gives each message that they complete, valid until the next is asked for. Throws
   * `invalid_argument` for what is no frame.
   */
  *read(chunk: Buffer): Generator<Buffer, void, undefined> {
    for (let at = 0; at < chunk.length; ) {
      if (this.#held === 0) {
        const whole = this.#wholeAt(chunk, at);
        if (whole !== undefined) {
          at += FRAME_HEAD_BYTES + whole.length;
          yield whole;
          continue;
        }
      }
      at += this.#hold(chunk, at);
      if (this.#held < this.#needed) continue;
      if (this.#needed === FRAME_HEAD_BYTES) {
        this.#needed += this.#length(this.#room, 0);
        if (this.#held < this.#needed) continue;
      }
      const message = this.#room.subarray(FRAME_HEAD_BYTES, this.#needed);
      this.#held = 0;
      this.#needed = FRAME_HEAD_BYTES;
      if (this.#room.length > KEPT_ROOM_BYTES) this.#room = Buffer.alloc(0);
      yield message;
    }
  }

  /** The message whose frame lies in one piece here: most do, and needn't be copied. */
  #wholeAt(chunk: Buffer, at: number): Buffer | undefined {
    const start = at + FRAME_HEAD_BYTES;
    if (chunk.length < start) return undefined;
    const length = this.#length(chunk, at);
    return chunk.length < start + length ? undefined : chunk.subarray(start, start + length);
  }

  /** Copies as much as is missing of the head, or then of the message; returns how much that was. */
  #hold(chunk: Buffer, at: number): number {
    const bytes = Math.min(this.#needed - this.#held, chunk.length - at);
    const held = this.#held + bytes;
    if (held > this.#room.length) {
      // It grows with what has come, not with what a peer says will come.
      const grown = Buffer.allocUnsafe(Math.max(held, 2 * this.#room.length, FIRST_ROOM_BYTES));
      this.#room.copy(grown, 0, 0, this.#held);
      this.#room = grown;
    }
    chunk.copy(this.#room, this.#held, at, at + bytes);
    this.#held = held;
    return bytes;
  }

  /** Of the message whose frame begins at `at`. */
  #length(bytes: Buffer, at: number): number {
    if (bytes[at] !== 0)
      throw new ConfetdError('invalid_argument', 'a compressed message, which is not taken');
    const length = bytes.readUInt32BE(at + 1);
    if (length <= this.maxBytes) return length;
    throw new ConfetdError('invalid_argument', `a message of ${length} bytes; ${this.maxBytes} are taken`);
  }
}
