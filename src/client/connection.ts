import type { ClientDuplexStream, Client as GrpcClient, Metadata, ServiceError } from '@grpc/grpc-js';
import { ConfetdError } from '../base/errors.js';
import type { Clock } from '../io/clock.js';
import { MaintenanceService } from '../proto/generated/etcd_rpc.js';
import { AUTHENTICATE, isAuthenticationOff, isTokenRefused, type Login } from './authenticate.js';
import type { Endpoint } from './endpoint.js';
import { callError } from './errors.js';

export type Grpc = typeof import('@grpc/grpc-js');

/** PEM files' contents. */
export interface TlsOptions {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  /** Accepts any certificate: for tests only. */
  readonly skipVerify?: boolean;
}

/** One method of a generated service; the codec may be a narrower one. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

export interface CallOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** A member without a leader refuses the call at once, instead of letting it wait. */
  readonly requireLeader?: boolean;
}

export interface ConnectionOptions {
  readonly tls?: TlsOptions | undefined;
  readonly clock: Clock;
  readonly login?: Login | undefined;
}

/** A channel to one endpoint, dialled and logged in when first used. */
export class Connection {
  readonly endpoint: Endpoint;
  readonly #grpc: Grpc;
  readonly #client: GrpcClient;
  readonly #clock: Clock;
  readonly #login: Login | undefined;
  /** What the server gave for the login; '': it wants none; undefined: not logged in. */
  #token: string | undefined;
  #loggingIn: Promise<void> | undefined;

  constructor(grpc: Grpc, endpoint: Endpoint, { tls, clock, login }: ConnectionOptions) {
    this.endpoint = endpoint;
    this.#grpc = grpc;
    this.#clock = clock;
    this.#login = login;
    this.#client = new grpc.Client(endpoint.target, credentials(grpc, endpoint, tls), CHANNEL_OPTIONS);
  }

  /**
   * Resolves once the channel is connected and logged in. Rejects with `unavailable` as soon as dialling fails, or after
   * `timeoutMs`, with `cancelled` when the signal aborts, and with the server's own error where it refuses the login.
   */
  async ready(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    await this.#connected(timeoutMs, signal);
    if (this.#login === undefined || this.#token !== undefined) return;
    // Calls that come together share one login: it costs the server a slow hash.
    this.#loggingIn ??= this.#logIn(this.#login, timeoutMs).finally(() => {
      this.#loggingIn = undefined;
    });
    await this.#loggingIn;
  }

  async #logIn({ username, password }: Login, timeoutMs: number): Promise<void> {
    try {
      this.#token = await this.#call(AUTHENTICATE, { name: username, password }, { timeoutMs });
    } catch (error) {
      // As etcd's own client: who may do everything needs no token.
      if (!isAuthenticationOff(error)) throw error;
      this.#token = '';
    }
  }

  async #connected(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const { connectivityState: state } = this.#grpc;
    const channel = this.#client.getChannel();
    const deadlineMs = this.#clock.wallMs() + timeoutMs;
    for (;;) {
      const now = channel.getConnectivityState(true);
      if (now === state.READY) return;
      if (now === state.TRANSIENT_FAILURE || now === state.SHUTDOWN) throw await this.#failure(timeoutMs);
      const changed = await new Promise<boolean>((resolve) => {
        const stop = (): void => resolve(false);
        signal?.addEventListener('abort', stop, { once: true });
        channel.watchConnectivityState(now, deadlineMs, (error) => {
          signal?.removeEventListener('abort', stop);
          resolve(error === undefined);
        });
      });
      if (signal?.aborted === true) throw new ConfetdError('cancelled', 'cancelled');
      if (!changed) {
        const within = `within ${timeoutMs / 1000}s`;
        throw new ConfetdError('unavailable', `${this.endpoint.text}: no connection ${within}`);
      }
    }
  }

  /** One call, carried out at most once. */
  async unary<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    options: CallOptions,
  ): Promise<Response> {
    const token = this.#token;
    try {
      return await this.#call(method, request, options);
    } catch (error) {
      // A server forgets tokens, and refuses such a call before it does anything.
      if (token === undefined || !isTokenRefused(error)) throw error;
      if (this.#token === token) this.#token = undefined;
      await this.ready(options.timeoutMs, options.signal);
      return await this.#call(method, request, options);
    }
  }

  #call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    options: CallOptions,
  ): Promise<Response> {
    const { timeoutMs, signal, requireLeader = false } = options;
    const metadata = this.#metadata(requireLeader);
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(new ConfetdError('cancelled', 'cancelled'));
        return;
      }
      const cancel = (): void => call.cancel();
      const call = this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadata,
        { deadline: this.#clock.wallMs() + timeoutMs },
        (error: ServiceError | null, response?: Response) => {
          signal?.removeEventListener('abort', cancel);
          if (error !== null) reject(callError(error, this.endpoint.text, timeoutMs));
          else if (response === undefined) reject(callError('an empty answer', this.endpoint.text));
          else resolve(response);
        },
      );
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  /** A stream in both directions, broken off by the server where the member has no leader. */
  duplex<Request, Response>(method: Method<Request, Response>): ClientDuplexStream<Request, Response> {
    return this.#client.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      this.#metadata(true),
    );
  }

  /** Calls under way go on to their end. */
  close(): void {
    this.#client.close();
  }

  #metadata(requireLeader: boolean): Metadata {
    const metadata = new this.#grpc.Metadata();
    if (requireLeader) metadata.set('hasleader', 'true');
    if (this.#token !== undefined && this.#token !== '') metadata.set('token', this.#token);
    return metadata;
  }

  /** Why dialling fails: only a call is told the reason, and on a failing channel it is told at once, unsent. */
  async #failure(timeoutMs: number): Promise<ConfetdError> {
    try {
      await this.unary(MaintenanceService.status, {}, { timeoutMs });
      return new ConfetdError('unavailable', `${this.endpoint.text}: the connection came and went`);
    } catch (error) {
      return new ConfetdError('unavailable', callError(error, this.endpoint.text, timeoutMs).message);
    }
  }
}

const CHANNEL_OPTIONS = {
  'grpc.enable_channelz': 0,
  'grpc.service_config_disable_resolution': 1,
  // Not shared between clients: closing one must close its sockets.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.max_receive_message_length': 2 ** 31 - 1,
  'grpc.max_send_message_length': 2 ** 31 - 1,
  // A name may stand for several members: each dialling takes another one first.
  'grpc.service_config': JSON.stringify({
    loadBalancingConfig: [{ pick_first: { shuffleAddressList: true } }],
  }),
  // A peer that hangs is noticed within 9 s. etcd closes connections whose pings come more often than every 5 s.
  'grpc.keepalive_time_ms': 6_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.min_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 1_000,
} as const;

function credentials(grpc: Grpc, endpoint: Endpoint, tls: TlsOptions | undefined) {
  const certified = tls?.ca !== undefined || tls?.cert !== undefined;
  if (!(endpoint.tls ?? certified)) return grpc.credentials.createInsecure();
  return grpc.credentials.createSsl(
    tls?.ca ?? null,
    tls?.key ?? null,
    tls?.cert ?? null,
    tls?.skipVerify === true ? { rejectUnauthorized: false } : {},
  );
}
