import type { ServerResponse } from 'node:http';

/** Ends the response with a JSON body; one that has ended already is left alone. */
export function sendJson(response: ServerResponse, status: number, body: object): void {
  send(response, status, 'application/json', JSON.stringify(body));
}

/** Ends the response with a body of a content type; one that has ended already is left alone. */
export function send(response: ServerResponse, status: number, type: string, body: string): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}
