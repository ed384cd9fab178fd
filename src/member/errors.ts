import { ConfetdError, type ErrorCode } from '../base/errors.js';

/** etcd's words for what a member refuses: clients compare them, so they are exact. */
const REFUSALS = {
  keyNotFound: ['invalid_argument', 'etcdserver: key not found'],
  leaseNotFound: ['not_found', 'etcdserver: requested lease not found'],
  requestTooLarge: ['invalid_argument', 'etcdserver: request is too large'],
  tooManyRequests: ['unknown', 'etcdserver: too many requests'],
  noLeader: ['unavailable', 'etcdserver: no leader'],
  leaderChanged: ['unavailable', 'etcdserver: leader changed'],
  timedOut: ['unavailable', 'etcdserver: request timed out'],
  stopped: ['unavailable', 'etcdserver: server stopped'],
  noSpace: ['resource_exhausted', 'etcdserver: mvcc: database space exceeded'],
  corrupt: ['data_loss', 'etcdserver: corrupt cluster'],
} as const satisfies Record<string, readonly [ErrorCode, string]>;

export function refusal(name: keyof typeof REFUSALS): ConfetdError {
  const [code, message] = REFUSALS[name];
  return new ConfetdError(code, message);
}
