import { ConfetdError } from '../base/errors.js';

export interface ListenAddress {
  /** As Node's `listen` takes it: no brackets around IPv6. */
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

/** The default of a URL without a port: etcd's client port. */
const CLIENT_PORT = 2379;

/** Takes a listen-client-urls entry apart; `usage` errors say what is wrong with it. */
export function parseListenUrl(text: string): ListenAddress {
  const match = /^(https?):\/\/(\[[0-9a-fA-F:.]+\]|[^:/?#@[\]\s]+)(?::(\d{1,5}))?\/?$/.exec(text);
  const [, scheme, hostname, portText] = match ?? [];
  const port = portText === undefined ? CLIENT_PORT : Number(portText);
  if (scheme === undefined || hostname === undefined || port > 65535) {
    throw new ConfetdError(
      'usage',
      `${text} is no URL to listen on: expected http://ADDRESS:PORT, such as http://127.0.0.1:2379`,
    );
  }
  // Resolvers may answer ::1 first, where no client of a default configuration looks.
  const host = hostname === 'localhost' ? '127.0.0.1' : hostname.replace(/^\[|\]$/g, '');
  return { host, port, tls: scheme === 'https' };
}

/** `host:port`, with brackets where the host is IPv6. */
export function hostPort({ host, port }: { host: string; port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether other machines may reach it whatever the interface. */
export function onAllInterfaces({ host }: ListenAddress): boolean {
  return host === '0.0.0.0' || /^(?:0{0,4}:)*:?0{0,4}$/.test(host);
}
