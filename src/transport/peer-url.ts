import { isIP } from 'node:net';
import { ConfetdError } from '../base/errors.js';

/** Where a peer URL leads. */
export interface PeerAddress {
  /** As Node's `connect` takes it: no brackets around IPv6. */
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** For the HTTP/2 requests. */
  readonly authority: string;
}

/** etcd's peer port. */
const PEER_PORT = 2380;
const MAX_URL_LENGTH = 1024;

/** Takes a peer URL apart. Errors: `unavailable`, because another member may be called with it later. */
export function parsePeerUrl(url: string): PeerAddress {
  const match = /^(https?):\/\/(\[[0-9a-fA-F:.]+\]|[^:/?#@[\]\s]+)(?::(\d{1,5}))?\/?$/.exec(url);
  const [, scheme, hostname, portText] = match ?? [];
  const port = portText === undefined ? PEER_PORT : Number(portText);
  if (url.length > MAX_URL_LENGTH || scheme === undefined || hostname === undefined || port > 65535) {
    throw new ConfetdError(
      'unavailable',
      `${url.slice(0, MAX_URL_LENGTH)} is no peer URL: expected http://HOST:PORT or https://HOST:PORT, such as http://10.0.0.1:2380`,
    );
  }
  const host = hostname.replace(/^\[|\]$/g, '');
  return { host, port, tls: scheme === 'https', authority: `${hostname}:${port}` };
}

/** The name that a certificate must be for, told in the TLS handshake; IP addresses are never told. */
export function serverName(host: string): string {
  return isIP(host) === 0 ? host : '';
}
