import type { TLSSocket } from 'node:tls';
import { messageOf, systemCode } from '../base/errors.js';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';

/** Between two lines about failed handshakes: whoever can connect must not be able to fill the log. */
const QUIET_MS = 1_000;

/** Says in the log why connections don't get through TLS. */
export class TlsRefusals {
  readonly #clock: Clock;
  readonly #log: Log;
  #toldMs = Number.NEGATIVE_INFINITY;
  #untold = 0;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  tell(error: Error, socket: TLSSocket): void {
    const now = this.#clock.monotonicMs();
    if (now - this.#toldMs < QUIET_MS) {
      this.#untold++;
      return;
    }
    this.#toldMs = now;
    const more = this.#untold === 0 ? {} : { untold: this.#untold };
    this.#untold = 0;
    this.#log.warn(
      { address: socket.remoteAddress, ...more },
      `refused a TLS connection: ${tlsRefusal(error, socket)}`,
    );
  }
}

/** Why a handshake failed, seen from the server. */
export function tlsRefusal(
  error: Error,
  { authorizationError }: Pick<TLSSocket, 'authorizationError'>,
): string {
  const code = `${String(authorizationError ?? '')} ${systemCode(error) ?? ''} ${messageOf(error)}`;
  return REASONS.find(([pattern]) => pattern.test(code))?.[1] ?? messageOf(error);
}

const REASONS: readonly (readonly [RegExp, string])[] = [
  [/CERT_HAS_EXPIRED/, "the other side's certificate has expired: renew it"],
  [/CERT_NOT_YET_VALID/, "the other side's certificate is not valid yet: compare the clocks of both hosts"],
  [
    /SELF_SIGNED_CERT|UNABLE_TO_|CERT_SIGNATURE_FAILURE|INVALID_CA/,
    "no certificate of the trusted CA file vouches for the other side's certificate",
  ],
  [
    /PEER_DID_NOT_RETURN_A_CERTIFICATE/,
    'the other side shows no certificate, which the flag for client certificates asks for',
  ],
  [/HTTP_REQUEST|WRONG_VERSION_NUMBER/, 'the other side speaks no TLS: does it use an http:// URL?'],
  [
    /alert[ _](unknown[ _]ca|bad[ _]certificate|certificate[ _](unknown|expired))/i,
    'the other side does not trust our certificate',
  ],
  [/ERR_TLS_HANDSHAKE_TIMEOUT/, 'the handshake took too long'],
  [
    /ECONNRESET/,
    'the other side broke off the handshake: it may not trust our certificate, or not take its names or dates',
  ],
];
