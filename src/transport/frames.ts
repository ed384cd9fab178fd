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

/** Finds the messages in a gRPC stream. It holds no more than one unfinished message of at most `maxBytes`. */
export class FrameReader {
  /** May be raised between frames. */
  maxBytes: number;
  #parts: Buffer[] = [];
  #held = 0;
  /** Of the frame that has begun, its head included; as long as that isn't known, of the head. */
  #needed = FRAME_HEAD_BYTES;
  #headRead = false;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Whether the stream may end here. */
  get betweenFrames(): boolean {
    return this.#held === 0;
  }

  /** Takes the next bytes; gives each message that they complete. Throws `invalid_argument` for what is no frame. */
  *read(chunk: Buffer): Generator<Buffer, void, undefined> {
    this.#parts.push(chunk);
    this.#held += chunk.length;
    while (this.#held >= this.#needed) {
      const [first = chunk] = this.#parts;
      const bytes = first.length >= this.#needed ? first : this.#join();
      if (this.#headRead) {
        const message = bytes.subarray(FRAME_HEAD_BYTES, this.#needed);
        this.#drop(bytes, this.#needed);
        this.#needed = FRAME_HEAD_BYTES;
        this.#headRead = false;
        yield message;
      } else {
        this.#needed = FRAME_HEAD_BYTES + this.#length(bytes);
        this.#headRead = true;
      }
    }
  }

  #length(head: Buffer): number {
    if (head[0] !== 0) throw new ConfetdError('invalid_argument', 'a compressed message, which is not taken');
    const length = head.readUInt32BE(1);
    if (length <= this.maxBytes) return length;
    throw new ConfetdError('invalid_argument', `a message of ${length} bytes; ${this.maxBytes} are taken`);
  }

  #join(): Buffer {
    const all = Buffer.concat(this.#parts, this.#held);
    this.#parts = [all];
    return all;
  }

  /** Forgets `count` bytes, all of them in the first part. */
  #drop(first: Buffer, count: number): void {
    this.#held -= count;
    if (first.length === count) this.#parts.shift();
    else this.#parts[0] = first.subarray(count);
  }
}
