import { ConfetdError } from '../base/errors.js';

/** Where one member serves clients. */
export interface Endpoint {
  /** As it was given: for messages and tables. */
  readonly text: string;
  /** What gRPC dials: `host:port`, or `unix:PATH`. */
  readonly target: string;
  /** Undefined: the endpoint doesn't say, so it is TLS where certificates were given. */
  readonly tls: boolean | undefined;
  /** A host name, which may stand for several members. */
  readonly named: boolean;
}

/** Reads `host:port`, `http://host:port`, `https://host:port` or `unix://path`. Throws a `usage` error. */
export function parseEndpoint(given: string): Endpoint {
  const text = given.trim();
  const [, scheme, rest = text] = /^([a-z]+):\/\/(.*)$/i.exec(text) ?? [];
  switch (scheme?.toLowerCase()) {
    case 'unix':
    case 'unixs':
      return { text, target: `unix:${rest}`, tls: scheme?.toLowerCase() === 'unixs', named: false };
    case undefined:
    case 'http':
    case 'https':
      break;
    default:
      throw new ConfetdError(
        'usage',
        `endpoint ${text}: ${scheme}:// is not known: write http://, https:// or host:port`,
      );
  }
  const target = rest.replace(/\/+$/, '');
  if (!/^(\[[0-9a-f:.%]+\]|[^:/\s[\]]+):\d{1,5}$/i.test(target)) {
    throw new ConfetdError(
      'usage',
      `endpoint ${JSON.stringify(text)}: expected host:port or http://host:port`,
    );
  }
  const tls = scheme === undefined ? undefined : scheme.toLowerCase() === 'https';
  return { text, target, tls, named: !/^(\[|[\d.]+:)/.test(target) };
}
