import { mendAuthority } from './hpack-authority.js';

/** The first frame a server may send, without settings (RFC 9113, section 6.5). */
export const EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

/** After the client's connection preface. */
const FIRST_FRAME_AT = 24;
const FRAME_HEADER = 9;
/** The most that a frame may have before the server allows more (RFC 9113, section 4.2). */
const MAX_FRAME_BYTES = 16 * 1024;
/** A client's first window of data (64 KiB), and as much of headers: what it may send before it reads our settings. */
const MAX_HELD_BYTES = 128 * 1024;

const HEADERS = 1;
const PRIORITY = 2;
const SETTINGS = 4;
const WINDOW_UPDATE = 8;

const ACK = 0x1;
const PADDED = 0x8;
const HAS_PRIORITY = 0x20;

const SETTING_BYTES = 6;
const INITIAL_WINDOW_SIZE = 4;
const MAX_HEADER_LIST_SIZE = 6;
const DEFAULT_WINDOW = 65_535;

/**
 * What to do next. `wait`: for more bytes. `greet`: send {@link EMPTY_SETTINGS}, then wait; told once. `linger`: the
 * first request's headers may come at once, or never: wait a little. `pass`: hand on what is held.
 */
export type Step = 'wait' | 'greet' | 'linger' | 'pass';

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  /** Of the payload. */
  readonly size: number;
}

/**
 * The first frames of an HTTP/2 connection, held until its first request is here where the client may be grpc-go, whose
 * first `:authority` may be a URL that Node's HTTP/2 would refuse unseen. Such a client sends nothing before it has the
 * server's settings, so it is given some; its acknowledgement of them is taken out, for the session that goes on from
 * here sends its own. Everything else is handed on as it came.
 */
export class FirstFrames {
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  /** Where the next frame begins; may lie beyond what is held. */
  #next = FIRST_FRAME_AT;
  #maybeGo = false;
  #greeted = false;
  #acknowledged = false;
  /** Has something that the server ought to see soon: a request, most often. */
  #due = false;
  /** A request's headers have begun, and not yet ended. */
  #inHeaders = false;

  /** Whether the client has sent what it must unasked; from then on it is no fault of its to be silent. */
  get opened(): boolean {
    return this.#maybeGo;
  }

  /** All that came but the acknowledgement. Valid until the next {@link push}. */
  get held(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Takes the next bytes; the first ones begin with the whole connection preface. */
  push(chunk: Buffer): Step {
    this.#append(chunk);
    if (!this.#walk() || this.#length > MAX_HELD_BYTES) return 'pass';
    if (!this.#maybeGo) return 'wait';
    if (this.#greeted) {
      if (!this.#acknowledged) return 'wait';
      return this.#due ? 'pass' : 'linger';
    }
    // This client didn't wait for our settings, so the session can do without ours.
    if (this.#due) return 'pass';
    if (this.#inHeaders) return 'wait';
    this.#greeted = true;
    return 'greet';
  }

  #append(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (length > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(length, 2 * this.#bytes.length, 256));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    chunk.copy(this.#bytes, this.#length);
    this.#length = length;
  }

  /** Goes through the frames that are here; false: there is nothing (more) to look for. */
  #walk(): boolean {
    for (;;) {
      const frame = this.#frame();
      if (frame === undefined) return true;
      if (frame.size > MAX_FRAME_BYTES) return false;
      const end = this.#next + FRAME_HEADER + frame.size;
      if (!this.#maybeGo) {
        if (!isFirstSettings(frame)) return false;
        if (end > this.#length) return true;
        if (!maybeOfGo(this.#payload(frame))) return false;
        this.#maybeGo = true;
      } else if (frame.type === HEADERS) {
        this.#inHeaders = end > this.#length;
        if (this.#inHeaders) return true;
        mendAuthority(headerBlock(frame, this.#payload(frame)));
        this.#due = true;
      } else if (frame.type === SETTINGS && (frame.flags & ACK) !== 0) {
        if (!this.#greeted || this.#acknowledged || frame.size > 0) return false;
        this.#acknowledged = true;
        this.#bytes.copyWithin(this.#next, end, this.#length);
        this.#length -= FRAME_HEADER;
        continue;
      } else if (frame.type !== SETTINGS && frame.type !== WINDOW_UPDATE && frame.type !== PRIORITY) {
        this.#due = true;
      }
      this.#next = end;
    }
  }

  /** The next frame's header, once it is here. */
  #frame(): Frame | undefined {
    const at = this.#next;
    if (at + FRAME_HEADER > this.#length) return undefined;
    return {
      size: this.#bytes.readUIntBE(at, 3),
      type: this.#bytes.readUInt8(at + 3),
      flags: this.#bytes.readUInt8(at + 4),
      stream: this.#bytes.readUInt32BE(at + 5),
    };
  }

  #payload(frame: Frame): Buffer {
    const from = this.#next + FRAME_HEADER;
    return this.#bytes.subarray(from, from + frame.size);
  }
}

/** A client's first SETTINGS, not longer than grpc-go's. */
function isFirstSettings({ type, flags, stream, size }: Frame): boolean {
  const wellFormed = type === SETTINGS && (flags & ACK) === 0 && stream === 0 && size % SETTING_BYTES === 0;
  return wellFormed && size <= 2 * SETTING_BYTES;
}

/** grpc-go sends no settings but these two where configured, and no window that is the default or less. */
function maybeOfGo(settings: Buffer): boolean {
  for (let at = 0; at < settings.length; at += SETTING_BYTES) {
    const name = settings.readUInt16BE(at);
    const ofGo =
      name === INITIAL_WINDOW_SIZE
        ? settings.readUInt32BE(at + 2) > DEFAULT_WINDOW
        : name === MAX_HEADER_LIST_SIZE;
    if (!ofGo) return false;
  }
  return true;
}

/** Without padding and priority (RFC 9113, section 6.2); the rest of it may follow in CONTINUATION frames. */
function headerBlock({ flags }: Frame, payload: Buffer): Buffer {
  const padded = (flags & PADDED) !== 0;
  const from = (padded ? 1 : 0) + ((flags & HAS_PRIORITY) === 0 ? 0 : 5);
  const to = payload.length - (padded ? (payload[0] ?? 0) : 0);
  return payload.subarray(from, Math.max(from, to));
}
