import { EventEmitter, once } from 'node:events';
import http2, { type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import net, { type AddressInfo, type Socket } from 'node:net';
import tls from 'node:tls';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { protocolOf, sniff } from '../../../src/api/sniff.js';
import type { Timer } from '../../../src/io/clock.js';
import { ManualClock } from '../render/rig.js';
import { ACK, encoded, frame, frames, HEADERS, PREFACE, SETTINGS, settings } from './http2-wire.js';

const head = (text: string) => Buffer.from(text, 'latin1');

describe('the first bytes of a connection', () => {
  it('tell HTTP/2 by its whole preface, in however few bytes at a time', () => {
    for (let length = 0; length < PREFACE.length; length++) {
      expect(protocolOf(PREFACE.subarray(0, length))).toBeUndefined();
    }
    expect(protocolOf(PREFACE)).toBe('http2');
    expect(protocolOf(Buffer.concat([PREFACE, head('\0\0\0')]))).toBe('http2');
  });

  it('leave everything else to HTTP/1', () => {
    for (const text of [
      'GET /',
      'PUT /',
      'POST',
      'PATCH',
      'PROPFIND',
      'PRIX',
      'PRI * HTTP/1.1\r\n',
      '\x16\x03\x01',
    ]) {
      expect(protocolOf(head(text))).toBe('http1');
    }
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 24, maxLength: 64 }), (bytes) => {
        const begins = PREFACE.compare(bytes, 0, 24) === 0;
        return protocolOf(Buffer.from(bytes)) === (begins ? 'http2' : 'http1');
      }),
    );
  });
});

/** Both ends know it, so that no certificates are needed. */
const PSK = { identity: 'test', psk: Buffer.alloc(16, 7) };
const TLS = {
  ciphers: 'PSK-AES128-GCM-SHA256',
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.2',
  ALPNProtocols: ['h2'],
} as const;

const TIMEOUT_MS = 10_000;
const LINGER_MS = 500;

/** Tells when the wait for a first request begins. */
class LingerClock extends ManualClock {
  readonly lingering: Promise<void>;
  #begin: () => void = () => {};

  constructor() {
    super();
    this.lingering = new Promise((resolve) => {
      this.#begin = resolve;
    });
  }

  override schedule(delayMs: number, task: () => void): Timer {
    if (delayMs === LINGER_MS) this.#begin();
    return super.schedule(delayMs, task);
  }
}

/** A port that sniffs, and an HTTP/2 server of Node's behind it. */
class Rig {
  readonly clock = new LingerClock();
  readonly events = new EventEmitter();
  readonly requests: IncomingHttpHeaders[] = [];
  handed = 0;
  accepted: Socket | undefined;
  readonly #http2 = http2.createServer();
  readonly #server: net.Server;
  readonly #sockets = new Set<Socket>();
  readonly #encrypted: boolean;

  constructor(encrypted: boolean) {
    this.#encrypted = encrypted;
    this.#http2.on('stream', (stream, headers) => {
      this.requests.push(headers);
      stream.on('error', () => {});
      stream.respond({ ':status': 200 });
      stream.end();
    });
    this.#http2.on('sessionError', () => {});
    const accept = (socket: Socket) => {
      this.accepted = socket;
      this.#keep(socket);
      sniff(socket, this.clock, TIMEOUT_MS, () => {
        this.handed++;
        this.events.emit('handed');
        this.#http2.emit('connection', socket);
      });
      this.events.emit('accepted');
    };
    this.#server = encrypted
      ? tls.createServer({ ...TLS, pskCallback: () => PSK.psk, pskIdentityHint: '' }, accept)
      : net.createServer(accept);
  }

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    return socket;
  }

  /** A client's socket, connected. */
  async connect(): Promise<Socket> {
    const { port } = this.#server.address() as AddressInfo;
    const socket = this.#keep(
      this.#encrypted
        ? tls.connect({
            ...TLS,
            port,
            host: '127.0.0.1',
            pskCallback: () => PSK,
            checkServerIdentity: () => undefined,
          })
        : net.connect({ port, host: '127.0.0.1', noDelay: true }),
    );
    const accepted = once(this.events, 'accepted');
    await Promise.all([once(socket, this.#encrypted ? 'secureConnect' : 'connect'), accepted]);
    return socket;
  }

  /** A client that, as grpc-go does, sends nothing before it has the server's settings. */
  async session(): Promise<ClientHttp2Session> {
    const socket = await this.connect();
    const session = http2.connect('http://nowhere', { createConnection: () => socket });
    session.on('error', () => {});
    await once(session, 'remoteSettings');
    return session;
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

/** The status of an answer; rejects where the server resets the stream. */
async function status(session: ClientHttp2Session, headers: Record<string, string>): Promise<unknown> {
  const stream = session.request({ ':method': 'POST', ...headers }, { endStream: true });
  const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  stream.resume();
  await once(stream, 'close');
  return answer[':status'];
}

/** Collects what comes until there are that many bytes. */
async function received(socket: Socket, length: number): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  while (bytes.length < length) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    bytes = Buffer.concat([bytes, chunk]);
  }
  return bytes;
}

/** By either end, in whatever way. */
async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
}

const GREETING = settings();

describe.each([
  ['TCP', false],
  ['TLS', true],
])('a client over %s that may be grpc-go', (_name, encrypted) => {
  let rig: Rig;
  afterEach(() => rig.stop());

  it('is served though its authority is a URL, and so is all that refers to the header table after it', async () => {
    rig = await new Rig(encrypted).listen();
    const session = await rig.session();
    const url = 'http://127.0.0.1:2379';
    const asked: Record<string, string>[] = [];
    const ask = async (authority: string, headers: Record<string, string> = {}) => {
      asked.push({ ':authority': authority.replaceAll('/', '-'), ...headers });
      expect(await status(session, { ':authority': authority, ':path': '/a', ...headers })).toBe(200);
    };
    for (let again = 0; again < 3; again++) await ask(url);
    // The table has 4096 bytes: these evict the authority, and one another, many times over.
    for (let index = 0; index < 150; index++) {
      await ask('127.0.0.1:2379', {
        'user-agent': 'grpc-go/1.26.0',
        [`x-${index % 7}`]: `${index}`.repeat(1 + (index % 50)),
        [`y-${index % 11}`]: 'as before',
      });
    }
    expect(rig.requests).toHaveLength(asked.length);
    for (const [index, headers] of asked.entries()) expect(rig.requests[index]).toMatchObject(headers);
    // Taken out of the client's bytes, one acknowledgement went for ours and one for Node's: the connection lives.
    expect(session.destroyed).toBe(false);
  });

  it('is served byte by byte, and gets its settings once before its first request', async () => {
    rig = await new Rig(encrypted).listen();
    const socket = await rig.connect();
    const [request = Buffer.alloc(0)] = await encoded({ ':path': '/b', ':authority': 'http://b:1/' });
    const piecemeal = async (bytes: Buffer) => {
      for (const byte of bytes) {
        await new Promise<void>((resolve) => void socket.write(Buffer.from([byte]), () => resolve()));
      }
    };
    const greeted = received(socket, GREETING.length);
    await piecemeal(Buffer.concat([PREFACE, settings([4, 1_000_000])]));
    expect(await greeted).toEqual(GREETING);
    expect(rig.handed).toBe(0);
    const answered = received(socket, 9 + 9 + 9);
    await piecemeal(Buffer.concat([ACK, frame(HEADERS, 5, 1, request)]));
    const answer = frames(await answered);
    // Node's settings, its acknowledgement of ours, and then the response.
    expect(answer.slice(0, 2).map(({ type, flags }) => [type, flags])).toEqual([
      [SETTINGS, 0],
      [SETTINGS, 1],
    ]);
    expect(rig.requests).toMatchObject([{ ':authority': 'http:--b:1-' }]);
    expect(rig.clock.timers).toBe(0);
  });

  it('is handed on without a request after a while, and served whenever one comes', async () => {
    rig = await new Rig(encrypted).listen();
    const session = await rig.session();
    await rig.clock.lingering;
    rig.clock.advance(LINGER_MS - 1);
    expect(rig.handed).toBe(0);
    rig.clock.advance(1);
    expect(rig.handed).toBe(1);
    expect(await status(session, { ':path': '/c', ':authority': 'c:1' })).toBe(200);
    expect(rig.clock.timers).toBe(0);
  });

  it('that never acknowledges is handed on when its time is up', async () => {
    rig = await new Rig(encrypted).listen();
    const socket = await rig.connect();
    const greeted = received(socket, GREETING.length);
    socket.write(Buffer.concat([PREFACE, settings()]));
    await greeted;
    rig.clock.advance(TIMEOUT_MS - 1);
    expect(rig.handed).toBe(0);
    const answered = received(socket, 18);
    rig.clock.advance(1);
    expect(rig.handed).toBe(1);
    expect(frames(await answered).map(({ type, flags }) => [type, flags])).toEqual([
      [SETTINGS, 0],
      [SETTINGS, 1],
    ]);
  });

  it.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['half a preface', PREFACE.subarray(0, 12)],
    ['a preface', PREFACE],
    ['half its settings', Buffer.concat([PREFACE, settings().subarray(0, 5)])],
  ])('is cut off after %s when its time is up', async (_what, bytes) => {
    rig = await new Rig(encrypted).listen();
    const socket = await rig.connect();
    if (bytes.length > 0) {
      const before = rig.accepted?.bytesRead ?? 0;
      socket.write(bytes);
      while ((rig.accepted?.bytesRead ?? 0) < before + bytes.length) await new Promise(setImmediate);
    }
    socket.resume();
    rig.clock.advance(TIMEOUT_MS - 1);
    expect(socket.closed).toBe(false);
    rig.clock.advance(1);
    await closed(socket);
    expect([rig.handed, rig.clock.timers]).toEqual([0, 0]);
  });

  it.each<[string, Buffer, Buffer]>([
    ['in its preface', PREFACE.subarray(0, 5), Buffer.alloc(0)],
    ['after its settings', Buffer.concat([PREFACE, settings()]), Buffer.alloc(0)],
    ['after its acknowledgement', Buffer.concat([PREFACE, settings()]), ACK],
  ])('that goes %s leaves no timer behind', async (_when, opening, after) => {
    rig = await new Rig(encrypted).listen();
    const socket = await rig.connect();
    const { accepted = socket } = rig;
    const greeted = after.length > 0 ? received(socket, GREETING.length) : undefined;
    socket.write(opening);
    await greeted;
    socket.resume();
    if (after.length > 0) {
      socket.write(after);
      await rig.clock.lingering;
    }
    socket.end();
    await closed(accepted);
    expect([rig.handed, rig.clock.timers]).toEqual([0, 0]);
  });
});
