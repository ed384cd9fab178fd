import http, { type RequestListener } from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { type Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js';
import { ConfetdError, messageOf, systemCode } from '../base/errors.js';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import { hostPort, type ListenAddress, onAllInterfaces, parseListenUrl } from './listen-url.js';
import { sniff } from './sniff.js';
import type { ListenerTls } from './tls.js';
import { TlsRefusals } from './tls-refusals.js';

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

/** A gRPC service that takes HTTP/2 connections, other than a server of grpc-js. */
export interface Http2Service {
  take(socket: Duplex): void;
  /** Ends streams, and resolves when calls under way have ended and their connections are closed. */
  drain(): Promise<void>;
}

export interface ListenerPorts {
  readonly grpc: GrpcServer | Http2Service;
  readonly http: RequestListener;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<ListenerLimits>;
  /** Of the server of grpc-js; insecure unless given. TLS ends before. */
  readonly credentials?: ServerCredentials;
  /** For https:// URLs. */
  readonly tls?: ListenerTls;
}

/** A port: gRPC and HTTP/1.1 on the same address, told apart by a connection's first bytes, in TLS or without. */
export class ClientListener {
  readonly #ports: ListenerPorts;
  readonly #limits: ListenerLimits;
  readonly #http2: Http2Service;
  readonly #refusals: TlsRefusals;
  readonly #servers: (http.Server | https.Server)[] = [];
  readonly #sockets = new Set<Socket>();
  #closing: Promise<void> | undefined;

  constructor(ports: ListenerPorts) {
    this.#ports = ports;
    this.#limits = { ...DEFAULT_LISTENER_LIMITS, ...ports.limits };
    this.#http2 = http2Service(ports.grpc, ports.credentials ?? ServerCredentials.createInsecure());
    this.#refusals = new TlsRefusals(ports.clock, ports.log);
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
    const { tls } = this.#ports;
    if (address.tls && tls === undefined) {
      throw new ConfetdError(
        'usage',
        `${url}: TLS needs a certificate and its key: --cert-file and --key-file for clients, --peer-cert-file and --peer-key-file for members`,
      );
    }
    if (!address.tls && onAllInterfaces(address)) {
      this.#ports.log.warn(
        { address: hostPort(address) },
        'listening on all interfaces without TLS: every machine that reaches this port can read and change all keys',
      );
    }
    const server = address.tls && tls !== undefined ? this.#createTlsServer(tls) : this.#createServer();
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
    const { clock, log } = this.#ports;
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    const timer = clock.schedule(this.#limits.graceMs, () => {
      log.warn({ connections: this.#sockets.size }, 'cutting connections that did not end in time');
      for (const socket of this.#sockets) socket.destroy();
    });
    await Promise.all([...closed, this.#http2.drain()]);
    timer.cancel();
    // Connections whose protocol was still unknown, and idle ones that neither server counts.
    for (const socket of this.#sockets) socket.destroy();
  }

  /**
   * An HTTP/1 server owns the port, so that Node's limits on slow and large requests hold; its own way of taking
   * connections comes second, after the look at their first bytes.
   */
  #createServer(): http.Server {
    const server = http.createServer(this.#httpOptions(), this.#ports.http);
    this.#own(server, 'connection');
    server.on('connection', (socket: Socket) => this.#count(socket));
    return server;
  }

  #createTlsServer({ cert, key, ca, clientCertAuth }: ListenerTls): https.Server {
    const options: https.ServerOptions = {
      ...this.#httpOptions(),
      cert,
      key,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout: this.#limits.firstBytesMs,
      requestCert: clientCertAuth,
      rejectUnauthorized: clientCertAuth,
      ...(ca === undefined ? {} : { ca }),
    };
    const server = https.createServer(options, this.#ports.http);
    this.#own(server, 'secureConnection');
    server.on('connection', (socket: Socket) => this.#count(socket));
    server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
      this.#refusals.tell(error, socket);
      socket.destroy();
    });
    return server;
  }

  #httpOptions(): http.ServerOptions {
    const { headersMs, requestMs, maxHeaderBytes } = this.#limits;
    return {
      headersTimeout: headersMs,
      requestTimeout: requestMs,
      maxHeaderSize: maxHeaderBytes,
      connectionsCheckingInterval: Math.min(5_000, Math.ceil(headersMs / 2)),
      noDelay: true,
    };
  }

  /** What the server would do with each connection on `event` is done with those that speak HTTP/1. */
  #own(server: http.Server | https.Server, event: 'connection' | 'secureConnection'): void {
    server.maxConnections = this.#limits.maxConnections;
    server.on('request', (_request, response) => {
      // While closing, a connection that was busy must not stay for its keep-alive time.
      response.on('close', () => {
        if (this.#closing !== undefined) setImmediate(() => server.closeIdleConnections());
      });
    });
    const takeHttp1 = server.listeners(event) as ((socket: Socket) => void)[];
    server.removeAllListeners(event);
    server.on(event, (socket: Socket) => {
      // A peer's reset must never be an uncaught error, whoever holds the socket by then.
      socket.on('error', (error) => {
        this.#ports.log.debug({ err: error, peer: socket.remoteAddress }, 'a client connection failed');
      });
      sniff(socket, this.#ports.clock, this.#limits.firstBytesMs, (protocol) => {
        if (this.#closing !== undefined) {
          socket.destroy();
        } else if (protocol === 'http2') {
          // HTTP/1 servers keep half-open connections; for HTTP/2 a half-closed one is over.
          socket.allowHalfOpen = false;
          this.#http2.take(socket);
        } else {
          for (const take of takeHttp1) take.call(server, socket);
        }
      });
    });
  }

  #count(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
  }
}

function http2Service(grpc: GrpcServer | Http2Service, credentials: ServerCredentials): Http2Service {
  if ('take' in grpc) return grpc;
  const injector = grpc.createConnectionInjector(credentials);
  return {
    take: (socket) => injector.injectConnection(socket),
    drain: () => new Promise((resolve) => grpc.tryShutdown(() => resolve())),
  };
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
