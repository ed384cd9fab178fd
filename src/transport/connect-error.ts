import { ConfetdError, messageOf, systemCode } from '../base/errors.js';

/** Why a peer could not be reached, in a sentence. */
export function connectError(url: string, error: unknown): ConfetdError {
  if (error instanceof ConfetdError) return error;
  return new ConfetdError('unavailable', `${url}: ${reason(error)}`, { cause: error });
}

function reason(error: unknown): string {
  const code = systemCode(error) ?? '';
  const known = REASONS.find(([pattern]) => pattern.test(code) || pattern.test(messageOf(error)));
  return known === undefined ? messageOf(error) : known[1];
}

const REASONS: readonly (readonly [RegExp, string])[] = [
  [/^ECONNREFUSED$/, 'nobody listens there'],
  [/^(ENOTFOUND|EAI_AGAIN)$/, 'the name of the host is not known here'],
  [/^(EHOSTUNREACH|ENETUNREACH|ETIMEDOUT)$/, 'the host can not be reached'],
  [/^(ECONNRESET|EPIPE)$/, 'the other side closed the connection'],
  [/^CERT_HAS_EXPIRED$/, "the member's certificate has expired: renew it there (--peer-cert-file)"],
  [/^CERT_NOT_YET_VALID$/, "the member's certificate is not valid yet: compare the clocks of both hosts"],
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    "the member's certificate is for other names: it must name the host of the peer URL (subjectAltName)",
  ],
  [
    /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_SIGNATURE_FAILURE)$/,
    "no certificate of --peer-trusted-ca-file vouches for the member's certificate",
  ],
  [
    /alert[ _](certificate[ _]required|handshake[ _]failure)/i,
    'the member asks for a certificate of ours: --peer-cert-file and --peer-key-file',
  ],
  [
    /alert[ _](unknown[ _]ca|(bad|unsupported)[ _]certificate|certificate[ _](expired|unknown))/i,
    'the member does not take our certificate (--peer-cert-file): expired, or no CA that it trusts vouches for it',
  ],
  [/wrong[ _]version[ _]number|EPROTO/i, 'no TLS is spoken there: is its peer URL http://, not https://?'],
];
