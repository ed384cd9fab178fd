import type { ServerCredentials } from '@grpc/grpc-js';
import type { Registry } from 'prom-client';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import type { MemberService } from '../member/types.js';
import { health, livez, readyz } from './http/health.js';
import { metrics } from './http/metrics.js';
import { renderReadiness } from './http/render-readiness.js';
import { type HttpHandler, httpRouter } from './http/router.js';
import { type ApiVersions, version } from './http/version.js';
import { type ApiLimits, DEFAULT_API_LIMITS } from './limits.js';
import { ClientListener, type ListenerLimits } from './listener.js';
import { CallCounts } from './metrics.js';
import type { ServiceContext } from './v3/context.js';
import { createGrpcServer } from './v3/grpc-server.js';
import { ResponseHeaders } from './v3/header.js';
import { OpenStreams } from './v3/open-streams.js';
import type { RenderControl } from './v3/render-control.js';
import { LeaderRequirement } from './v3/require-leader.js';

export interface ClientApiOptions {
  readonly member: MemberService;
  readonly clock: Clock;
  readonly log: Log;
  readonly versions: ApiVersions;
  readonly electionTimeoutMs: number;
  /** Without it the Render service is answered UNIMPLEMENTED. */
  readonly render?: RenderControl;
  /** Served at /metrics; without it that path is not found. */
  readonly registry?: Registry;
  readonly limits?: Partial<ApiLimits>;
  readonly listener?: Partial<ListenerLimits>;
  readonly credentials?: ServerCredentials;
  /** etcd's grpc-keepalive-interval and -timeout; milliseconds. */
  readonly keepaliveIntervalMs?: number;
  readonly keepaliveTimeoutMs?: number;
  readonly maxConcurrentStreams?: number;
  readonly progressIntervalMs?: number;
}

/** What clients reach: the v3 services and the HTTP paths, on any number of addresses. */
export class ClientApi {
  readonly #listener: ClientListener;
  readonly #leader: LeaderRequirement;
  readonly #streams = new OpenStreams();

  constructor(options: ClientApiOptions) {
    const { member, clock, log, registry } = options;
    const limits: ApiLimits = { ...DEFAULT_API_LIMITS, ...options.limits };
    this.#leader = new LeaderRequirement(member, clock, options.electionTimeoutMs);
    const context: ServiceContext = {
      member,
      headers: new ResponseHeaders(member),
      leader: this.#leader,
      streams: this.#streams,
      limits,
      clock,
      log,
    };
    const grpc = createGrpcServer(context, {
      version: options.versions.server,
      render: options.render,
      counts: registry === undefined ? undefined : new CallCounts(registry),
      keepaliveIntervalMs: options.keepaliveIntervalMs ?? 2 * 60 * 60 * 1000,
      keepaliveTimeoutMs: options.keepaliveTimeoutMs ?? 20_000,
      maxConcurrentStreams: options.maxConcurrentStreams ?? 16_384,
      progressIntervalMs: options.progressIntervalMs,
    });
    const routes = new Map<string, HttpHandler>([
      ['/health', health(member, clock)],
      ['/livez', livez],
      ['/readyz', readyz(member, clock)],
      ['/version', version(options.versions)],
    ]);
    if (options.render !== undefined) routes.set('/readyz/render', renderReadiness(options.render, clock));
    if (registry !== undefined) routes.set('/metrics', metrics(registry));
    this.#listener = new ClientListener({
      grpc,
      http: httpRouter(routes, limits.maxRequestBytes, log),
      clock,
      log,
      ...(options.listener === undefined ? {} : { limits: options.listener }),
      ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    });
  }

  /**
   * Serves one URL (`http://127.0.0.1:2379`; port 0 takes a free one) and answers with what was bound. Errors:
   * `usage` for the URL, `port_in_use`, whose sentence ends with `instead`, the command line to type.
   */
  listen(url: string, instead: string): Promise<{ host: string; port: number }> {
    return this.#listener.listen(url, instead);
  }

  /** Ends streams, lets calls under way end within a bound, and closes every connection. */
  close(): Promise<void> {
    this.#leader.stop();
    this.#streams.endAll();
    return this.#listener.close();
  }
}
