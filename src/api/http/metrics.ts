import type { Registry } from 'prom-client';
import type { HttpHandler } from './router.js';
import { send } from './send.js';

/** `/metrics`, in Prometheus' text format. */
export function metrics(registry: Registry): HttpHandler {
  return async (_request, response) => {
    send(response, 200, registry.contentType, await registry.metrics());
  };
}
