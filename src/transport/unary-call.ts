import { ConfetdError, type ErrorCode } from '../base/errors.js';
import type { Clock } from '../io/clock.js';
import { PeerRequest, PeerResponse, PeerService, Refusal } from '../proto/generated/peer.js';
import type { PeerSession } from './dial.js';
import { frameOf } from './frames.js';
import { nameOf } from './handshake.js';

/** A request on an open connection. Errors as {@link PeerNetwork.call}. */
export async function unaryCall(
  session: PeerSession,
  request: PeerRequest,
  clock: Clock,
  timeoutMs: number,
): Promise<PeerResponse> {
  const call = session.call(PeerService.call.path);
  let late = false;
  const timer = clock.schedule(timeoutMs, () => {
    late = true;
    call.cancel();
  });
  try {
    call.write(frameOf(PeerRequest.encode(request).finish()));
    call.end();
    return accepted(decode(await call.next(), session.url), session.url);
  } catch (error) {
    if (late)
      throw new ConfetdError('unavailable', `${session.url} did not answer within ${timeoutMs / 1000}s`);
    if (error instanceof ConfetdError) throw error;
    throw session.failure ?? error;
  } finally {
    timer.cancel();
  }
}

function decode(bytes: Buffer, url: string): PeerResponse {
  try {
    return PeerResponse.decode(bytes);
  } catch (error) {
    throw new ConfetdError('unavailable', `${url} answers with garbage: no member listens there`, {
      cause: error,
    });
  }
}

function accepted(response: PeerResponse, url: string): PeerResponse {
  const { refusal, error } = response;
  // The other side's own words, which clients of this one may be told: etcd's errors keep their texts.
  if (error !== undefined && refusal === Refusal.ADMITTED) {
    throw new ConfetdError(codeOf(error.code), error.message);
  }
  if (error !== undefined) throw new ConfetdError('unavailable', `${url}: ${error.message}`);
  if (refusal !== Refusal.ADMITTED) {
    throw new ConfetdError('unavailable', `${url}: the member refuses the request: ${nameOf(refusal)}`);
  }
  return response;
}

/** Codes that a client may be told of; a newer member may know more. */
const CODES: ReadonlySet<string> = new Set<ErrorCode>([
  'invalid_argument',
  'out_of_range',
  'not_found',
  'already_exists',
  'failed_precondition',
  'resource_exhausted',
  'permission_denied',
  'unauthenticated',
  'unavailable',
  'deadline_exceeded',
  'cancelled',
  'unimplemented',
  'data_loss',
  'internal',
]);

function codeOf(code: string): ErrorCode {
  return isErrorCode(code) ? code : 'unknown';
}

function isErrorCode(code: string): code is ErrorCode {
  return CODES.has(code);
}
