import { Server } from '@grpc/grpc-js';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import { RenderService } from '../proto/generated/render.js';
import { livez } from './http/health.js';
import { metrics } from './http/metrics.js';
import { renderReadiness } from './http/render-readiness.js';
import { type HttpHandler, httpRouter } from './http/router.js';
import { sendJson } from './http/send.js';
import { ClientListener } from './listener.js';
import { guardStreams } from './v3/guard-streams.js';
import { renderService } from './v3/render.js';
import type { RenderControl } from './v3/render-control.js';
import { registerRenderMetrics } from './v3/render-metrics.js';

const MAX_BODY_BYTES = 64 * 1024;

export interface RenderApiOptions {
  readonly render: RenderControl;
  readonly clock: Clock;
  readonly log: Log;
}

/** What a daemon without a member serves: the state of its renderer. */
export class RenderApi {
  readonly #listener: ClientListener;

  constructor({ render, clock, log }: RenderApiOptions) {
    const grpc = new Server({ 'grpc.enable_channelz': 0, 'grpc.max_receive_message_length': MAX_BODY_BYTES });
    guardStreams(grpc, log);
    grpc.addService(RenderService, renderService({ log }, render));
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    registerRenderMetrics(registry, render, clock);
    const routes = new Map<string, HttpHandler>([
      ['/health', health(render)],
      ['/livez', livez],
      ['/metrics', metrics(registry)],
      ['/readyz/render', renderReadiness(render, clock)],
    ]);
    this.#listener = new ClientListener({ grpc, http: httpRouter(routes, MAX_BODY_BYTES, log), clock, log });
  }

  /** As {@link ClientApi.listen}. */
  listen(url: string, instead: string): Promise<{ host: string; port: number }> {
    return this.#listener.listen(url, instead);
  }

  close(): Promise<void> {
    return this.#listener.close();
  }
}

/** Healthy while the source can be followed. */
function health(render: RenderControl): HttpHandler {
  return async (_request, response) => {
    const { sourceError } = await render.status();
    sendJson(response, sourceError === '' ? 200 : 503, {
      health: sourceError === '' ? 'true' : 'false',
      ...(sourceError === '' ? {} : { reason: sourceError }),
    });
  };
}
