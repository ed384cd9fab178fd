import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { FLAG, FRAME, frame, PREFACE, SETTING, settings } from './frames.js';
import { RequestHeaders, TrailersReader } from './hpack.js';

/** What a call hears. A message's bytes are only valid until `message` returns. */
export interface CallEvents {
  message(message: Buffer): void;
  /** Once, at the end: undefined if the status was 0. */
  end(error: Error | undefined): void;
}

interface Stream {
  readonly events: CallEvents;
  sendWindow: number;
  /** The part of a message that has arrived. */
  partial: Buffer | undefined;
}

const MAX_WINDOW = 2 ** 31 - 1;
const RECEIVE_BYTES = 256 * 1024;
const DEFAULT_WINDOW = 65_535;
const PADDED_OR_PRIORITY = FLAG.padded | FLAG.priority;

/**
 * gRPC over one HTTP/2 connection with prior knowledge, as little of it as a load needs: no priorities, no padding, no
 * continuations (refused, not ignored). node:http2 costs five times as much CPU a call, which on the two cores shared
 * with the server under test was what such a measurement measured.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #headers: RequestHeaders;
  readonly #trailers = new TrailersReader();
  readonly #streams = new Map<number, Stream>();
  #nextStream = 1;
  #sendWindow = DEFAULT_WINDOW;
  #initialSendWindow = DEFAULT_WINDOW;
  #maxFrame = 16_384;
  /** DATA that waits for the connection's window, in order; bounded by the calls under way. */
  #held: { stream: number; frame: Buffer; bytes: number }[] = [];
  #heldFrom = 0;
  #outgoing: Buffer[] = [];
  #rest: Buffer | undefined;
  #received = 0;
  #ready: () => void = () => {};
  #failure: Error | undefined;

  private constructor(socket: Socket, authority: string) {
    this.#socket = socket;
    this.#headers = new RequestHeaders(authority);
  }

  /** Fails if there is no listener, or nothing that speaks HTTP/2 within `timeoutMs`. */
  static async open(host: string, port: number, timeoutMs = 10_000): Promise<Connection> {
    let connection: Connection | undefined;
    const socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafeSlow(RECEIVE_BYTES),
        callback: (length, buffer) => {
          connection?.receive(buffer as Buffer, length);
          return true;
        },
      },
    });
    connection = new Connection(socket, `${host}:${port}`);
    await connection.#start(timeoutMs);
    return connection;
  }

  async #start(timeoutMs: number): Promise<void> {
    const socket = this.#socket;
    const timer = setTimeout(() => socket.destroy(new Error(`no HTTP/2 within ${timeoutMs} ms`)), timeoutMs);
    try {
      await once(socket, 'connect');
      socket.on('error', (error) => this.#fail(error));
      socket.on('close', () => this.#fail(new Error('the connection was closed')));
      await new Promise<void>((resolve, reject) => {
        this.#ready = resolve;
        socket.once('error', reject);
        socket.once('close', () => reject(new Error('closed before it served')));
        this.#send(PREFACE);
        this.#send(
          settings([
            [SETTING.headerTableSize, 0],
            [SETTING.enablePush, 0],
            [SETTING.initialWindowSize, MAX_WINDOW],
          ]),
        );
        this.#send(windowUpdate(MAX_WINDOW - DEFAULT_WINDOW));
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Starts a call with its first message; `last`: its only one. Answers the stream's number, for `send`. */
  call(path: string, message: Uint8Array, last: boolean, events: CallEvents): number {
    if (this.#failure !== undefined) throw this.#failure;
    const id = this.#nextStream;
    this.#nextStream += 2;
    this.#streams.set(id, { events, sendWindow: this.#initialSendWindow, partial: undefined });
    const block = this.#headers.block(path);
    this.#send(frame(FRAME.headers, FLAG.endHeaders, id, block));
    this.#data(id, message, last);
    return id;
  }

  /** A further message of a call that isn't unary. */
  send(id: number, message: Uint8Array): void {
    this.#data(id, message, false);
  }

  close(): void {
    this.#socket.destroy();
  }

  #data(id: number, message: Uint8Array, last: boolean): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) throw new Error('the call is over');
    const length = 5 + message.length;
    // A load's requests fit; a stream's window is not waited for here.
    if (length > stream.sendWindow) throw new Error(`a request of ${length} bytes: larger than the window`);
    stream.sendWindow -= length;
    const body = Buffer.allocUnsafe(length);
    body[0] = 0;
    body.writeUInt32BE(message.length, 1);
    body.set(message, 5);
    for (let at = 0; at < length; at += this.#maxFrame) {
      const part = body.subarray(at, at + this.#maxFrame);
      const end = last && at + part.length === length;
      const bytes = part.length;
      const made = frame(FRAME.data, end ? FLAG.endStream : 0, id, part);
      if (this.#heldFrom < this.#held.length || bytes > this.#sendWindow) {
        this.#held.push({ stream: id, frame: made, bytes });
      } else {
        this.#sendWindow -= bytes;
        this.#send(made);
      }
    }
  }

  #release(): void {
    for (;;) {
      const next = this.#held[this.#heldFrom];
      if (next === undefined) {
        this.#held = [];
        this.#heldFrom = 0;
        return;
      }
      if (next.bytes > this.#sendWindow) return;
      this.#sendWindow -= next.bytes;
      this.#heldFrom++;
      this.#send(next.frame);
    }
  }

  /** What is sent in one turn leaves in one write. */
  #send(bytes: Buffer): void {
    if (this.#outgoing.length === 0) process.nextTick(() => this.#flush());
    this.#outgoing.push(bytes);
  }

  #flush(): void {
    const bytes = this.#outgoing.length === 1 ? this.#outgoing[0] : Buffer.concat(this.#outgoing);
    this.#outgoing = [];
    if (bytes !== undefined && !this.#socket.destroyed) this.#socket.write(bytes);
  }

  receive(buffer: Buffer, length: number): void {
    try {
      this.#frames(buffer.subarray(0, length));
    } catch (error) {
      this.#socket.destroy(error as Error);
    }
  }

  #frames(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= 9) {
      const length = bytes.readUIntBE(at, 3);
      const end = at + 9 + length;
      if (bytes.length < end) break;
      this.#frame(
        bytes[at + 3] as number,
        bytes[at + 4] as number,
        bytes.readUInt32BE(at + 5) & MAX_WINDOW,
        bytes.subarray(at + 9, end),
      );
      at = end;
    }
    this.#rest = at === bytes.length ? undefined : Buffer.from(bytes.subarray(at));
  }

  #frame(type: number, flags: number, id: number, payload: Buffer): void {
    switch (type) {
      case FRAME.data:
        if ((flags & FLAG.padded) !== 0) throw new Error('padding is not understood here');
        this.#onData(id, payload);
        if ((flags & FLAG.endStream) !== 0) this.#end(id, new Error('an answer without a status'));
        return;
      case FRAME.headers:
        if ((flags & FLAG.endHeaders) === 0 || (flags & PADDED_OR_PRIORITY) !== 0) {
          throw new Error('continuations, padding and priorities are not understood here');
        }
        if ((flags & FLAG.endStream) !== 0) this.#onTrailers(id, payload);
        return;
      case FRAME.reset:
        this.#end(id, new Error(`the server reset the call: HTTP/2 error ${payload.readUInt32BE(0)}`));
        return;
      case FRAME.settings:
        if ((flags & FLAG.ack) === 0) this.#onSettings(payload);
        return;
      case FRAME.ping:
        if ((flags & FLAG.ack) === 0) this.#send(frame(FRAME.ping, FLAG.ack, 0, payload));
        return;
      case FRAME.goAway:
        throw new Error(`the server ends the connection: HTTP/2 error ${payload.readUInt32BE(4)}`);
      case FRAME.windowUpdate:
        this.#onWindow(id, payload.readUInt32BE(0) & MAX_WINDOW);
        return;
      default: // unknown frames are to be ignored (RFC 9113, section 4.1)
    }
  }

  #onSettings(payload: Buffer): void {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      const name = payload.readUInt16BE(at);
      const value = payload.readUInt32BE(at + 2);
      if (name === SETTING.headerTableSize && value < 4096)
        throw new Error('a smaller header table than usual');
      if (name === SETTING.maxFrameSize) this.#maxFrame = value;
      if (name === SETTING.initialWindowSize) {
        for (const stream of this.#streams.values()) stream.sendWindow += value - this.#initialSendWindow;
        this.#initialSendWindow = value;
      }
    }
    this.#send(frame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0)));
    this.#ready();
  }

  #onWindow(id: number, increment: number): void {
    if (id === 0) {
      this.#sendWindow += increment;
      this.#release();
      return;
    }
    const stream = this.#streams.get(id);
    if (stream !== undefined) stream.sendWindow += increment;
  }

  #onData(id: number, payload: Buffer): void {
    this.#received += payload.length;
    if (this.#received > MAX_WINDOW / 2) {
      this.#send(windowUpdate(this.#received));
      this.#received = 0;
    }
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    const bytes = stream.partial === undefined ? payload : Buffer.concat([stream.partial, payload]);
    let at = 0;
    while (bytes.length - at >= 5) {
      const end = at + 5 + bytes.readUInt32BE(at + 1);
      if (bytes.length < end) break;
      stream.events.message(bytes.subarray(at + 5, end));
      at = end;
    }
    stream.partial = at === bytes.length ? undefined : Buffer.from(bytes.subarray(at));
  }

  #onTrailers(id: number, block: Buffer): void {
    const { status, message } = this.#trailers.read(block);
    if (status === '0') this.#end(id, undefined);
    else this.#end(id, new Error(`gRPC status ${status ?? 'missing'}: ${message}`));
  }

  #end(id: number, error: Error | undefined): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#streams.delete(id);
    stream.events.end(error);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const id of this.#streams.keys()) this.#end(id, error);
  }
}

function windowUpdate(increment: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(increment);
  return frame(FRAME.windowUpdate, 0, 0, payload);
}
