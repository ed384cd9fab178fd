import { status as Status } from '@grpc/grpc-js';
import { ConfetdError, type ErrorCode, messageOf } from '../../base/errors.js';
import { etcdMessage } from '../../base/etcd-errors.js';
import type { Log } from '../../io/log.js';

/** What a gRPC client is told: a code and a sentence. */
export interface GrpcStatus {
  readonly code: Status;
  readonly details: string;
}

const STATUS_OF: Readonly<Record<ErrorCode, Status>> = {
  invalid_argument: Status.INVALID_ARGUMENT,
  out_of_range: Status.OUT_OF_RANGE,
  not_found: Status.NOT_FOUND,
  already_exists: Status.ALREADY_EXISTS,
  failed_precondition: Status.FAILED_PRECONDITION,
  resource_exhausted: Status.RESOURCE_EXHAUSTED,
  permission_denied: Status.PERMISSION_DENIED,
  unauthenticated: Status.UNAUTHENTICATED,
  unavailable: Status.UNAVAILABLE,
  deadline_exceeded: Status.DEADLINE_EXCEEDED,
  cancelled: Status.CANCELLED,
  unimplemented: Status.UNIMPLEMENTED,
  data_loss: Status.DATA_LOSS,
  unknown: Status.UNKNOWN,
  internal: Status.INTERNAL,
  data_folder: Status.INTERNAL,
  wal_corrupt: Status.DATA_LOSS,
  port_in_use: Status.INTERNAL,
  disk: Status.INTERNAL,
  usage: Status.INVALID_ARGUMENT,
  config: Status.FAILED_PRECONDITION,
  template: Status.FAILED_PRECONDITION,
  command: Status.FAILED_PRECONDITION,
  source: Status.UNAVAILABLE,
};

const UNEXPECTED: GrpcStatus = {
  code: Status.INTERNAL,
  details: 'confetd: internal error; the log of the daemon has the details',
};

/**
 * The status for anything a handler threw. What is no ConfetdError is a defect of ours: logged here, once, and kept
 * from the client.
 */
export function toGrpcStatus(error: unknown, log: Log): GrpcStatus {
  if (error instanceof ConfetdError) {
    return { code: STATUS_OF[error.code], details: wellFormed(error.message) };
  }
  log.error({ err: error, reason: messageOf(error) }, 'a request met an unexpected error');
  return UNEXPECTED;
}

/** gRPC percent-encodes the sentence, which a lone surrogate would make throw. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

/** The reasons that watch responses carry in words. */
export const WATCH_RANGE_EMPTY = 'mvcc: watcher range is empty';
export const WATCH_ID_DUPLICATE = 'mvcc: duplicate watch ID provided on the WatchStream';
export const WATCH_COMPACTED = etcdMessage('compacted');
