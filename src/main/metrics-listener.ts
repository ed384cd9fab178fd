import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { metrics } from '../api/http/metrics.js';
import { renderReadiness } from '../api/http/render-readiness.js';
import { type HttpHandler, httpRouter } from '../api/http/router.js';
import { send, sendJson } from '../api/http/send.js';
import type { RenderControl } from '../api/v3/render-control.js';
import { registerRenderMetrics } from '../api/v3/render-metrics.js';
import { ConfetdError, messageOf, systemCode } from '../base/errors.js';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import type { RenderStatusResponse } from '../proto/generated/render.js';

/** What the listener tells about. */
export interface MetricsSubjects {
  /** Undefined: this daemon renders nothing. */
  readonly render: RenderControl | undefined;
  /** The member's series; undefined: there is no member. */
  readonly registry: Registry | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** A renderer that is busy with a template answers late; one that hangs is not ready. */
const PATIENCE_MS = 5_000;
const MAX_BODY_BYTES = 64 * 1024;
const MAX_CONNECTIONS = 256;
const LIMITS = { headersTimeout: 10_000, requestTimeout: 30_000, maxHeaderSize: 16 * 1024 } as const;

/**
 * `--metrics-addr`, as the active fork of confd has it: `/metrics`, `/health` (this process answers), `/ready` (the backend
 * does), `/ready/detailed`, and `/readyz/render` (every file is what its keys say).
 */
export class MetricsListener {
  readonly #server: http.Server;

  private constructor(server: http.Server) {
    this.#server = server;
  }

  /** Fails with `usage` for the address, or `port_in_use`. */
  static async open(address: string, subjects: MetricsSubjects): Promise<MetricsListener> {
    const { host, port } = parseAddress(address);
    const server = http.createServer(LIMITS, httpRouter(routesOf(subjects), MAX_BODY_BYTES, subjects.log));
    server.maxConnections = MAX_CONNECTIONS;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(refusal(address, error)));
      server.listen({ port, ...(host === '' ? {} : { host }) }, resolve);
    });
    server.on('error', (error) =>
      subjects.log.error({ error: messageOf(error) }, 'the metrics listener failed'),
    );
    const listener = new MetricsListener(server);
    subjects.log.info({ address: listener.address }, `Starting metrics server on ${listener.address}`);
    return listener;
  }

  /** What was bound. */
  get address(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  }

  /** Answers that are under way are cut off: nobody needs the metrics of a daemon that has ended. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}

/** `:9100`, `HOST:9100` or `[IPv6]:9100`, as Go listens; without a host on all interfaces. Fails with `usage`. */
export function parseAddress(text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain = '', digits = ''] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s/]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535) {
    throw new ConfetdError(
      'usage',
      `--metrics-addr ${text}: expected HOST:PORT or :PORT, such as 127.0.0.1:9100`,
    );
  }
  return { host: bracketed ?? plain, port };
}

function refusal(address: string, error: Error): ConfetdError {
  if (systemCode(error) !== 'EADDRINUSE')
    return new ConfetdError('usage', `--metrics-addr ${address}: ${messageOf(error)}`, { cause: error });
  return new ConfetdError(
    'port_in_use',
    `--metrics-addr ${address}: the port is in use: name another, or end the process that has it`,
    { cause: error },
  );
}

function routesOf({ render, registry, clock }: MetricsSubjects): ReadonlyMap<string, HttpHandler> {
  const text = (response: http.ServerResponse, status: number, body: string): void =>
    send(response, status, 'text/plain; charset=utf-8', body);
  const routes = new Map<string, HttpHandler>([
    ['/metrics', metrics(registry ?? registryOf(render, clock))],
    ['/health', (_request, response) => text(response, 200, 'ok')],
  ]);
  if (render === undefined) {
    // Nothing is followed: there is no backend to be unhealthy.
    routes.set('/ready', (_request, response) => text(response, 200, 'ok'));
    return routes;
  }
  const health = () => healthOf(render, clock);
  routes.set('/ready', async (_request, response) => {
    const { healthy, message } = await health();
    text(response, healthy ? 200 : 503, healthy ? 'ok' : `backend unhealthy: ${message}`);
  });
  routes.set('/ready/detailed', async (_request, response) => {
    const found = await health();
    sendJson(response, found.healthy ? 200 : 503, found);
  });
  routes.set('/readyz/render', renderReadiness(render, clock));
  return routes;
}

function registryOf(render: RenderControl | undefined, clock: Clock): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  if (render !== undefined) registerRenderMetrics(registry, render, clock);
  return registry;
}

/** In the fork's words. */
interface Health {
  readonly healthy: boolean;
  readonly message: string;
  readonly duration_ms: number;
  readonly checked_at: string;
  readonly details: Readonly<Record<string, string>>;
}

async function healthOf(render: RenderControl, clock: Clock): Promise<Health> {
  const beganMs = clock.monotonicMs();
  const { status, message } = await answerOf(render, clock);
  const source = status?.source ?? '';
  // One that no resource wants to follow is not missed.
  const healthy = status !== undefined && ['connected', 'idle'].includes(status.sourceState);
  return {
    healthy,
    message: healthy
      ? `${source} backend is healthy`
      : status?.sourceError || message || 'it has not answered yet',
    duration_ms: Math.round(clock.monotonicMs() - beganMs),
    checked_at: new Date(clock.wallMs()).toISOString(),
    details:
      status === undefined
        ? {}
        : { backend: source, endpoint: status.sourceWhere, revision: String(status.sourceRevision) },
  };
}

/** What the renderer says, or why it says nothing. */
async function answerOf(
  render: RenderControl,
  clock: Clock,
): Promise<{ readonly status?: RenderStatusResponse; readonly message: string }> {
  return new Promise((resolve) => {
    const timer = clock.schedule(PATIENCE_MS, () =>
      resolve({ message: `the renderer did not answer within ${PATIENCE_MS / 1000} s` }),
    );
    const answered = render.status().then(
      (status) => ({ status, message: '' }),
      (error: unknown) => ({ message: messageOf(error) }),
    );
    void answered.then((answer) => {
      timer.cancel();
      resolve(answer);
    });
  });
}
