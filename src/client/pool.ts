import { ConfetdError, type ErrorCode } from '../base/errors.js';
import type { Clock } from '../io/clock.js';
import type { Random } from '../io/random.js';
import type { Login } from './authenticate.js';
import { backoffMs, pause } from './backoff.js';
import { type CallOptions, Connection, type Grpc, type Method, type TlsOptions } from './connection.js';
import { type Endpoint, parseEndpoint } from './endpoint.js';
import { callError } from './errors.js';

export interface PoolOptions {
  /** `host:port`, `http://host:port`, `https://host:port`, `unix://path`. */
  readonly endpoints: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  /** Bounds the search for an endpoint that accepts a connection; each is tried at least once. */
  readonly dialTimeoutMs: number;
  readonly tls?: TlsOptions;
  readonly login?: Login;
}

/** What a repeated call may do: a `write` whose outcome is unknown is never sent again. */
export type Effect = 'read' | 'write';

/** The members of one cluster: calls go to one endpoint until it fails, then to the next. */
export class Pool {
  readonly endpoints: readonly Endpoint[];
  readonly #options: PoolOptions;
  readonly #connections = new Map<string, Connection>();
  #grpc: Promise<Grpc> | undefined;
  #current = 0;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    const given = options.endpoints.filter((text) => text.trim() !== '').map(parseEndpoint);
    // One that is given twice is one: the next is always another.
    const targets = given.map(({ target }) => target);
    this.endpoints = given.filter(({ target }, at) => targets.indexOf(target) === at);
    if (this.endpoints.length === 0) {
      throw new ConfetdError('usage', 'no endpoint is given: write --endpoints host:port');
    }
  }

  /** The channel to an endpoint, whether it works or not. */
  async connection(endpoint: Endpoint): Promise<Connection> {
    // 33 ms to load: not for `version`, and not before flags are known to be right.
    this.#grpc ??= import('@grpc/grpc-js');
    const grpc = await this.#grpc;
    if (this.#closed) throw new ConfetdError('cancelled', 'the client is closed');
    let connection = this.#connections.get(endpoint.text);
    if (connection === undefined) {
      connection = new Connection(grpc, endpoint, this.#options);
      this.#connections.set(endpoint.text, connection);
    }
    return connection;
  }

  /** A connection that stands. Rejects with `unavailable`, naming what was tried. */
  async ready(timeoutMs: number, signal?: AbortSignal): Promise<Connection> {
    const { clock, random, dialTimeoutMs } = this.#options;
    const boundMs = Math.min(dialTimeoutMs, timeoutMs);
    const startMs = clock.monotonicMs();
    const failures = new Map<string, string>();
    for (let attempt = 0; ; attempt++) {
      const endpoint = this.#endpoint();
      const connection = await this.connection(endpoint);
      try {
        await connection.ready(boundMs, signal);
        return connection;
      } catch (error) {
        if (isRefusal(error)) throw error;
        if (signal?.aborted !== true) failures.set(endpoint.text, callError(error, endpoint.text).message);
        this.#leave(endpoint);
      }
      if (signal?.aborted === true) {
        const why = failures.size === 0 ? 'cancelled' : `can't connect: ${[...failures.values()].join('; ')}`;
        throw new ConfetdError('cancelled', why);
      }
      const triedAll = attempt + 1 >= this.endpoints.length;
      if (triedAll && clock.monotonicMs() - startMs >= boundMs) {
        throw new ConfetdError('unavailable', `can't connect: ${[...failures.values()].join('; ')}`);
      }
      if (triedAll) await pause(clock, backoffMs(random, attempt, 20, 250), signal);
    }
  }

  /** The endpoint that calls go to now. */
  get current(): Endpoint {
    return this.#endpoint();
  }

  /** A call failed where this connection leads: later ones go to another endpoint, or to another member of its name. */
  next(from: Connection): void {
    const { endpoint } = from;
    if (endpoint.named && this.#connections.get(endpoint.text) === from) {
      this.#connections.delete(endpoint.text);
      from.close();
    }
    this.#leave(endpoint);
  }

  /**
   * One call. A read that fails because the member is unavailable goes on to the next endpoint until its time is up, and
   * rejects with what a member answered last, if any did; a write is sent once: only endpoints that couldn't even be
   * connected to are skipped.
   */
  async call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    effect: Effect,
    options: CallOptions,
  ): Promise<Response> {
    const { clock, random } = this.#options;
    const { timeoutMs, signal } = options;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    const left = (): number => deadlineMs - clock.monotonicMs();
    /** "No leader" says more than that another try's time was too short. */
    let answer: unknown;
    for (let attempt = 0; ; attempt++) {
      const connection = await this.ready(Math.max(1, left()), signal).catch((error: unknown) => {
        throw codeOf(error) === 'unavailable' ? (answer ?? error) : error;
      });
      try {
        return await connection.unary(method, request, { ...options, timeoutMs: Math.max(1, left()) });
      } catch (error) {
        const silent = codeOf(error) === 'deadline_exceeded';
        const unavailable = codeOf(error) === 'unavailable';
        // One that doesn't answer may hang: whoever tries again does it elsewhere.
        if (unavailable || silent) this.next(connection);
        const delayMs = backoffMs(random, attempt, 20, 500);
        if (silent) throw answer ?? error;
        if (!unavailable || effect === 'write' || left() <= delayMs || signal?.aborted === true) throw error;
        answer = error;
        await pause(clock, delayMs, signal);
      }
    }
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#connections.values()) connection.close();
    this.#connections.clear();
  }

  #leave(endpoint: Endpoint): void {
    if (this.#endpoint() === endpoint) this.#current = (this.#current + 1) % this.endpoints.length;
  }

  #endpoint(): Endpoint {
    const endpoint = this.endpoints[this.#current];
    if (endpoint === undefined) throw new ConfetdError('usage', 'no endpoint is given');
    return endpoint;
  }
}

function codeOf(error: unknown): ErrorCode | undefined {
  return error instanceof ConfetdError ? error.code : undefined;
}

/** The server answered, and doesn't let us in: another one of its cluster won't either. */
function isRefusal(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && !['unavailable', 'cancelled', 'deadline_exceeded'].includes(code);
}
