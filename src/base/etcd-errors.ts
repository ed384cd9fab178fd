import { ConfetdError, type ErrorCode } from './errors.js';

/** etcd's own words and codes for what it refuses (3.4): clients compare them, so they are exact. */
const ETCD_ERRORS = {
  emptyKey: ['invalid_argument', 'key is not provided'],
  keyNotFound: ['invalid_argument', 'key not found'],
  valueProvided: ['invalid_argument', 'value is provided'],
  leaseProvided: ['invalid_argument', 'lease is provided'],
  tooManyOps: ['invalid_argument', 'too many operations in txn request'],
  duplicateKey: ['invalid_argument', 'duplicate key given in txn request'],
  invalidSortOption: ['invalid_argument', 'invalid sort option'],
  requestTooLarge: ['invalid_argument', 'request is too large'],
  compacted: ['out_of_range', 'mvcc: required revision has been compacted'],
  futureRevision: ['out_of_range', 'mvcc: required revision is a future revision'],
  leaseTtlTooLarge: ['out_of_range', 'too large lease TTL'],
  leaseNotFound: ['not_found', 'requested lease not found'],
  leaseExists: ['failed_precondition', 'lease already exists'],
  noSpace: ['resource_exhausted', 'mvcc: database space exceeded'],
  corrupt: ['data_loss', 'corrupt cluster'],
  noLeader: ['unavailable', 'no leader'],
  leaderChanged: ['unavailable', 'leader changed'],
  timedOut: ['unavailable', 'request timed out'],
  stopped: ['unavailable', 'server stopped'],
  notLeader: ['failed_precondition', 'not leader'],
  badLeaderTransferee: ['failed_precondition', 'bad leader transferee'],
  leaderTransferTimedOut: ['unavailable', 'request timed out, leader transfer took too long'],
  learnerUnsupported: ['failed_precondition', 'rpc not supported for learner'],
  memberNotFound: ['not_found', 'member not found'],
  memberIdExists: ['failed_precondition', 'member ID already exist'],
  peerUrlExists: ['failed_precondition', 'Peer URLs already exists'],
  badMemberUrls: ['invalid_argument', 'given member URLs are invalid'],
  memberNotLearner: ['failed_precondition', 'can only promote a learner member'],
  learnerNotReady: ['failed_precondition', 'can only promote a learner member which is in sync with leader'],
  tooManyLearners: ['failed_precondition', 'too many learner members in cluster'],
  notEnoughStarted: ['unknown', 're-configuration failed due to not enough started members'],
  unhealthy: ['unavailable', 'unhealthy cluster'],
  tooManyRequests: ['unknown', 'too many requests'],
} as const satisfies Record<string, readonly [ErrorCode, string]>;

export type EtcdErrorName = keyof typeof ETCD_ERRORS;

/** One of etcd's refusals, as its clients know it. */
export function etcdError(name: EtcdErrorName): ConfetdError {
  const [code] = ETCD_ERRORS[name];
  return new ConfetdError(code, etcdMessage(name));
}

/** Its sentence alone, for answers that carry it as text. */
export function etcdMessage(name: EtcdErrorName): string {
  return `etcdserver: ${ETCD_ERRORS[name][1]}`;
}
