import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2';
import { ConfetdError, messageOf } from '../base/errors.js';
import { connectError } from './connect-error.js';
import { FrameReader } from './frames.js';
import { statusError } from './grpc-status.js';

/** A gRPC call to a peer. */
export class OutgoingCall {
  /** How the call ended: undefined is success. Never rejects. */
  readonly ended: Promise<ConfetdError | undefined>;
  readonly #stream: ClientHttp2Stream;
  readonly #whom: string;
  readonly #frames: FrameReader;
  #status: ConfetdError | null | undefined;
  #failure: unknown;
  #waiting: ((message: Buffer) => void) | undefined;
  #arrived: Buffer[] = [];

  /** Each answer may take `maxBytes`; `whom` is its URL, for sentences. */
  constructor(session: ClientHttp2Session, path: string, whom: string, maxBytes: number) {
    this.#whom = whom;
    this.#frames = new FrameReader(maxBytes);
    this.#stream = session.request(
      {
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc+proto',
        te: 'trailers',
      },
      { endStream: false },
    );
    const read = (headers: IncomingHttpHeaders): void => {
      this.#status ??= statusError(headers, whom);
    };
    this.#stream.on('response', read);
    this.#stream.on('trailers', read);
    this.#stream.on('data', (chunk: Buffer) => this.#read(chunk));
    // Where the other side has ended the call, nothing more of ours is wanted.
    this.#stream.on('end', () => this.#stream.close(constants.NGHTTP2_CANCEL));
    this.#stream.on('error', (error) => {
      this.#failure ??= error;
    });
    this.ended = new Promise((resolve) => {
      this.#stream.on('close', () => resolve(this.#outcome()));
    });
  }

  /** False: wait for {@link onceDrained} before the next. */
  write(frame: Buffer): boolean {
    return this.#stream.write(frame);
  }

  onceDrained(then: () => void): void {
    this.#stream.once('drain', then);
  }

  /** Resolves when the frame has left and its room may be used again, or when the call has ended. */
  send(frame: Buffer): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#stream.off('close', done);
        resolve();
      };
      this.#stream.once('close', done);
      this.#stream.write(frame, done);
    });
  }

  get isOver(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  /** Nothing more comes from this side. */
  end(): void {
    this.#stream.end();
  }

  /** Breaks the call off. */
  cancel(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL);
    this.#stream.destroy();
  }

  /** The next message of the other side. Rejects where the call ends first. */
  next(): Promise<Buffer> {
    const message = this.#arrived.shift();
    if (message !== undefined) return Promise.resolve(message);
    return new Promise((resolve, reject) => {
      this.#waiting = resolve;
      void this.ended.then((error) =>
        reject(error ?? new ConfetdError('unavailable', `${this.#whom}: the call ended without an answer`)),
      );
    });
  }

  #read(chunk: Buffer): void {
    try {
      for (const bytes of this.#frames.read(chunk)) {
        const message = Buffer.from(bytes);
        const waiting = this.#waiting;
        this.#waiting = undefined;
        if (waiting !== undefined) waiting(message);
        // No method of ours answers more than once.
        else if (this.#arrived.length === 0) this.#arrived.push(message);
        else throw new ConfetdError('invalid_argument', 'more answers than were asked for');
      }
    } catch (error) {
      this.#failure = new ConfetdError('unavailable', `${this.#whom} sends ${messageOf(error)}`);
      this.cancel();
    }
  }

  #outcome(): ConfetdError | undefined {
    if (this.#failure instanceof ConfetdError) return this.#failure;
    if (this.#status instanceof ConfetdError) return this.#status;
    if (this.#status === null) return undefined;
    if (this.#failure !== undefined) return connectError(this.#whom, this.#failure);
    return new ConfetdError('unavailable', `${this.#whom}: the connection is gone`);
  }
}
