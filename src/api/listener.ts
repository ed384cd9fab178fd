import http, { type RequestListener } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js';
import { ConfetdError, messageOf, systemCode } from '../base/errors.js';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import { hostPort, type ListenAddress, onAllInterfaces, parseListenUrl } from './listen-url.js';
import { sniff } from './sniff.js';

/** How long peers may take and how much they may send before they are cut off. Times in milliseconds. */
export interface ListenerLimits {
  /** Until a connection's first bytes say what it speaks. */
  readonly firstBytesMs: number;
  /** For the headers of one HTTP/1 request, and for the whole of it. */
  readonly headersMs: number;
  readonly requestMs: number;
  readonly maxHeaderBytes: number;
  /** Connections at once, on one address; further ones are closed. */
  readonly maxConnections: number;
  /** How long {@link ClientListener.close} waits for calls under way. */
  readonly graceMs: number;
}

export const DEFAULT_LISTENER_LIMITS: ListenerLimits = {
  firstBytesMs: 10_000,
  headersMs: 10_000,
  requestMs: 60_000,
  maxHeaderBytes: 16 * 1024,
  maxConnections: 16_384,
  graceMs: 5_000,
};

export interface ListenerPorts {
  readonly grpc: GrpcServer;
  readonly http: RequestListener;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<ListenerLimits>;
  /** Insecure unless given. */
  readonly credentials?: ServerCredentials;
}

/** The client port: gRPC and HTTP/1.1 on the same address, told apart by a connection's first bytes. */
export class ClientListener {
  readonly #ports: ListenerPorts;
  readonly #limits: ListenerLimits;
  readonly #injector: ReturnType<GrpcServer['createConnectionInjector']>;
  readonly #servers: http.Server[] = [];
  readonly #sockets = new Set<Socket>();
  #closing: Promise<void> | undefined;

  constructor(ports: ListenerPorts) {
    this.#ports = ports;
    this.#limits = { ...DEFAULT_LISTENER_LIMITS, ...ports.limits };
    this.#injector = ports.grpc.createConnectionInjector(
      ports.credentials ?? ServerCredentials.createInsecure(),
    );
  }

  /** Open connections. */
  get connections(): number {
    return this.#sockets.size;
  }

  /**
   * Listens on one URL; port 0 takes a free one. The answer is what was bound. Errors: `usage` for the URL,
   * `port_in_use` naming host and port and ending with `instead`, the command line to type.
   */
  async listen(url: string, instead: string): Promise<{ host: string; port: number }> {
    const address = parseListenUrl(url);
    if (address.tls) {
      throw new ConfetdError('usage', `${url}: TLS is not supported yet: listen on an http:// URL`);
    }
    if (onAllInterfaces(address)) {
      this.#ports.log.warn(
        { address: hostPort(address) },
        'listening on all interfaces without TLS: every machine that reaches this port can read and change all keys',
      );
    }
    const server = this.#createServer();
    await bind(server, address, instead);
    this.#servers.push(server);
    const bound = server.address() as AddressInfo;
    return { host: bound.address, port: bound.port };
  }

  /** Stops accepting, lets calls under way end for the grace time, then cuts what is left. Resolves when all is closed. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { grpc, clock, log } = this.#ports;
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    const timer = clock.schedule(this.#limits.graceMs, () => {
      log.warn({ connections: this.#sockets.size }, 'cutting connections that did not end in time');
      for (const socket of this.#sockets) socket.destroy();
    });
    const drained = new Promise<void>((resolve) => {
      grpc.tryShutdown(() => resolve());
    });
    await Promise.all([...closed, drained]);
    timer.cancel();
    // Connections whose protocol was still unknown, and idle ones that neither server counts.
    for (const socket of this.#sockets) socket.destroy();
  }

  /**
   * An HTTP/1 server owns the port, so that Node's limits on slow and large requests hold; its own way of taking
   * connections comes second, after the look at their first bytes.
   */
  #createServer(): http.Server {
    const { firstBytesMs, headersMs, requestMs, maxHeaderBytes, maxConnections } = this.#limits;
    const server = http.createServer(
      {
        headersTimeout: headersMs,
        requestTimeout: requestMs,
        maxHeaderSize: maxHeaderBytes,
        connectionsCheckingInterval: Math.min(5_000, Math.ceil(headersMs / 2)),
        noDelay: true,
      },
      this.#ports.http,
    );
    server.maxConnections = maxConnections;
    server.on('request', (_request, response) => {
      // While closing, a connection that was busy must not stay for its keep-alive time.
      response.on('close', () => {
        if (this.#closing !== undefined) setImmediate(() => server.closeIdleConnections());
      });
    });
    const takeHttp1 = server.listeners('connection') as ((socket: Socket) => void)[];
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      // A peer's reset must never be an uncaught error, whoever holds the socket by then.
      socket.on('error', (error) => {
        this.#ports.log.debug({ err: error, peer: socket.remoteAddress }, 'a client connection failed');
      });
      sniff(socket, this.#ports.clock, firstBytesMs, (protocol) => {
        if (this.#closing !== undefined) {
          socket.destroy();
        } else if (protocol === 'http2') {
          // HTTP/1 servers keep half-open connections; for HTTP/2 a half-closed one is over.
          socket.allowHalfOpen = false;
          this.#injector.injectConnection(socket);
        } else {
          for (const take of takeHttp1) take.call(server, socket);
        }
      });
    });
    return server;
  }
}

async function bind(server: http.Server, address: ListenAddress, instead: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const failed = (error: Error) => reject(explain(error, address, instead));
    server.once('error', failed);
    server.listen(address.port, address.host, () => {
      server.off('error', failed);
      resolve();
    });
  });
  // Accepting may fail later (no file descriptors left): the next connection gets another chance.
  server.on('error', () => {});
}

function explain(error: Error, address: ListenAddress, instead: string): ConfetdError {
  const at = hostPort(address);
  const cause = { cause: error };
  const code = systemCode(error);
  if (code === 'EADDRINUSE') {
    const sentence = `${at} is in use by another process: stop it, or listen elsewhere: ${instead}`;
    return new ConfetdError('port_in_use', sentence, cause);
  }
  if (code === 'EACCES') {
    return new ConfetdError('usage', `no permission to listen on ${at}: use a port above 1023`, cause);
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new ConfetdError('usage', `can't listen on ${at}: this machine has no such address`, cause);
  }
  return new ConfetdError('internal', `can't listen on ${at}: ${messageOf(error)}`, cause);
}
