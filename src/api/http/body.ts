import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendJson } from './send.js';

/**
 * Discards a request's body, and ends the connection with 413 where it is longer than `maxBytes`: no path served here
 * reads one, and a peer must not keep us reading for ever. False: refused already.
 */
export function limitBody(request: IncomingMessage, response: ServerResponse, maxBytes: number): boolean {
  const refuse = () => {
    response.setHeader('Connection', 'close');
    sendJson(response, 413, { error: `the request's body is longer than ${maxBytes} bytes` });
    response.once('finish', () => request.socket.destroySoon());
  };
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > maxBytes) {
    refuse();
    return false;
  }
  let bytes = 0;
  request.on('error', () => {});
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= maxBytes) return;
    request.removeAllListeners('data');
    if (response.headersSent) request.socket.destroy();
    else refuse();
  });
  return true;
}
