import http2, { type ClientHttp2Session } from 'node:http2';
import net, { type Socket } from 'node:net';
import tls from 'node:tls';
import { ConfetdError } from '../base/errors.js';
import type { Clock } from '../io/clock.js';
import { connectError } from './connect-error.js';
import type { PeerLimits } from './limits.js';
import { Liveness } from './liveness.js';
import { OutgoingCall } from './outgoing-call.js';
import { type PeerAddress, parsePeerUrl, serverName } from './peer-url.js';

/** For peers with https:// URLs: PEM files' contents. */
export interface PeerTls {
  /** Who vouches for the others' certificates; undefined: whom the machine trusts. */
  readonly ca?: Buffer;
  /** Shown to peers that ask for it. */
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

export interface DialPorts {
  readonly clock: Clock;
  readonly limits: PeerLimits;
  readonly tls: PeerTls | undefined;
}

/** Unanswered pings before the next one fails; the clock decides earlier. */
const MAX_PINGS = 64;

/** A connection to a peer, for any number of calls. */
export class PeerSession {
  readonly url: string;
  readonly #session: ClientHttp2Session;
  readonly #liveness: Liveness;
  readonly #maxBytes: number;
  #failure: Error | undefined;

  constructor(url: string, session: ClientHttp2Session, { clock, limits }: DialPorts) {
    this.url = url;
    this.#session = session;
    this.#maxBytes = limits.receiveBytes;
    this.#liveness = new Liveness(session, clock, limits, () =>
      this.destroy(new ConfetdError('unavailable', `${url} does not answer any more`)),
    );
    session.on('error', (error) => {
      this.#failure ??= connectError(url, error);
    });
    session.on('close', () => this.#liveness.stop());
  }

  get isOpen(): boolean {
    return !this.#session.destroyed && !this.#session.closed;
  }

  /** Why the connection ended, where that is known. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Begins a call. Throws `unavailable` where the connection has gone. */
  call(path: string): OutgoingCall {
    if (!this.isOpen)
      throw this.#failure ?? new ConfetdError('unavailable', `${this.url}: the connection is gone`);
    return new OutgoingCall(this.#session, path, this.url, this.#maxBytes);
  }

  /** The peer is heard of by other means than pings. */
  get heard(): () => void {
    return this.#liveness.heard;
  }

  /** Breaks off all calls. */
  destroy(reason?: Error): void {
    this.#failure ??= reason;
    this.#liveness.stop();
    this.#session.destroy();
  }
}

/** Connects to a peer URL. Rejects with `unavailable`: with the reason, or after `timeoutMs`, or when aborted. */
export async function dial(
  url: string,
  ports: DialPorts,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<PeerSession> {
  const address = parsePeerUrl(url);
  const socket = await connect(url, address, ports, timeoutMs, signal);
  const session = http2.connect(`${address.tls ? 'https' : 'http'}://${address.authority}`, {
    createConnection: () => socket,
    maxOutstandingPings: MAX_PINGS,
    // Members push nothing; and a first frame that says something isn't taken for a Go client's.
    settings: { enablePush: false },
  });
  return new PeerSession(url, session, ports);
}

function connect(
  url: string,
  address: PeerAddress,
  { clock, tls: files }: DialPorts,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = address.tls ? connectTls(address, files ?? {}) : net.connect(address.port, address.host);
    socket.setNoDelay(true);
    const stop = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', abort);
    };
    const fail = (error: unknown): void => {
      stop();
      socket.destroy();
      reject(connectError(url, error));
    };
    const abort = (): void => fail(new ConfetdError('unavailable', `${url}: given up`));
    const timer = clock.schedule(timeoutMs, () =>
      fail(new ConfetdError('unavailable', `${url}: no connection within ${timeoutMs / 1000}s`)),
    );
    signal?.addEventListener('abort', abort, { once: true });
    // Stays: the socket may fail before the session holds it, and while it goes away.
    socket.on('error', fail);
    socket.once(address.tls ? 'secureConnect' : 'connect', () => {
      stop();
      resolve(socket);
    });
    if (signal?.aborted === true) abort();
  });
}

function connectTls({ host, port }: PeerAddress, { ca, cert, key }: PeerTls): tls.TLSSocket {
  return tls.connect({
    host,
    port,
    servername: serverName(host),
    ALPNProtocols: ['h2'],
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  });
}
