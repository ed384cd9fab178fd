import { ConfetdError, type ErrorCode } from '../base/errors.js';

/** gRPC's status codes by number (grpc/doc/statuscodes.md); 0 is never an error. */
const CODES: readonly ErrorCode[] = [
  'unknown',
  'cancelled',
  'unknown',
  'invalid_argument',
  'deadline_exceeded',
  'not_found',
  'already_exists',
  'permission_denied',
  'resource_exhausted',
  'failed_precondition',
  'unknown',
  'out_of_range',
  'unimplemented',
  'internal',
  'unavailable',
  'data_loss',
  'unauthenticated',
];

/** A failed call as a {@link ConfetdError}: the server's own message, or a sentence that names the endpoint. */
export function callError(error: unknown, endpoint: string, timeoutMs?: number): ConfetdError {
  if (error instanceof ConfetdError) return error;
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'number') {
    return new ConfetdError('unknown', `${endpoint}: ${String(error)}`, { cause: error });
  }
  const code = CODES[error.code] ?? 'unknown';
  const details = 'details' in error && typeof error.details === 'string' ? error.details : error.message;
  return new ConfetdError(code, sentence(code, details, endpoint, timeoutMs), { cause: error });
}

function sentence(code: ErrorCode, details: string, endpoint: string, timeoutMs: number | undefined): string {
  // etcd's own texts go through as they are: scripts match them.
  if (/^(etcdserver|etcdclient|auth|mvcc|rpc|confetd)\b/.test(details)) return details;
  if (code === 'deadline_exceeded') {
    const within = timeoutMs === undefined ? 'in time' : `within ${timeoutMs / 1000}s`;
    return `${endpoint} did not answer ${within}`;
  }
  if (code === 'unavailable') return `${endpoint}: ${connectFailure(details)}`;
  return details === '' ? `${endpoint}: ${code}` : details;
}

/** What went wrong in words, out of grpc-js's sentence around it. */
export function connectFailure(details: string): string {
  const [, reason] = /Last error: (?:Error: )?(.*?)(?:\. Resolution note:.*)?$/s.exec(details) ?? [];
  // grpc-js dates some of its reasons.
  return (reason ?? details).replace(/ \(\d{4}-\d\d-\d\dT[\d:.]+Z\)$/, '').trim();
}
