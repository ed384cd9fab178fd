import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Log } from '../../io/log.js';
import { limitBody } from './body.js';
import { sendJson } from './send.js';

export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void;

/** What HTTP/1.1 serves: a handler a path, GET and HEAD only; everything else is answered with JSON and 404 or 405. */
export function httpRouter(
  routes: ReadonlyMap<string, HttpHandler>,
  maxBodyBytes: number,
  log: Log,
): RequestListener {
  return (request, response) => {
    response.on('error', () => {});
    if (!limitBody(request, response, maxBodyBytes)) return;
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    const handler = routes.get(path);
    if (handler === undefined) {
      sendJson(response, 404, { error: 'not found', paths: [...routes.keys()] });
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      sendJson(response, 405, { error: 'method not allowed' });
      return;
    }
    run(handler, request, response, log);
  };
}

function run(handler: HttpHandler, request: IncomingMessage, response: ServerResponse, log: Log): void {
  const failed = (error: unknown) => {
    log.error({ err: error, path: request.url }, 'an HTTP request met an unexpected error');
    if (response.headersSent) response.destroy();
    else sendJson(response, 500, { error: 'internal error; the log of the daemon has the details' });
  };
  try {
    Promise.resolve(handler(request, response)).catch(failed);
  } catch (error) {
    failed(error);
  }
}
