import type { handleUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { etcdError } from '../../base/etcd-errors.js';
import type { ResponseHeader } from '../../proto/generated/etcd_rpc.js';
import type { ServiceContext } from './context.js';
import { toGrpcStatus } from './errors.js';

interface Answer {
  header: ResponseHeader | undefined;
}

/**
 * A unary handler: checks what needs no state, asks the member, completes the header. Nothing that goes wrong inside
 * leaves it as an exception. One promise callback a call: this is the hot path. `learnerServes` says which requests a
 * learner answers; by default none.
 */
export function unary<Request, Response extends Answer>(
  context: ServiceContext,
  check: (request: Request) => void,
  run: (request: Request) => Promise<Response>,
  learnerServes: (request: Request) => boolean = () => false,
): handleUnaryCall<Request, Response> {
  const { headers, leader, member } = context;
  return (call, callback) => {
    let answer: Promise<Response>;
    try {
      if (member.isLearner && !learnerServes(call.request)) throw etcdError('learnerUnsupported');
      leader.check(call.metadata);
      check(call.request);
      answer = run(call.request);
    } catch (error) {
      refuse(context, callback, error);
      return;
    }
    answer.then(
      (response) => {
        response.header = headers.fill(response.header);
        respond(context, callback, response);
      },
      (error: unknown) => refuse(context, callback, error),
    );
  };
}

/** A unary handler whose answers carry no etcd header. */
export function plainUnary<Request, Response>(
  context: Pick<ServiceContext, 'log'>,
  run: (request: Request) => Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    let answer: Promise<Response>;
    try {
      answer = run(call.request);
    } catch (error) {
      refuse(context, callback, error);
      return;
    }
    answer.then(
      (response) => respond(context, callback, response),
      (error: unknown) => refuse(context, callback, error),
    );
  };
}

/** For requests that need no check of their own. */
export function nothingToCheck(): void {}

function respond<Response>(
  { log }: Pick<ServiceContext, 'log'>,
  done: sendUnaryData<Response>,
  response: Response,
): void {
  try {
    done(null, response);
  } catch (error) {
    // The connection went away under the answer: nobody is left to be told.
    log.debug({ err: error }, 'an answer could not be sent');
  }
}

function refuse<Response>(
  { log }: Pick<ServiceContext, 'log'>,
  done: sendUnaryData<Response>,
  reason: unknown,
): void {
  try {
    done(toGrpcStatus(reason, log));
  } catch (error) {
    log.debug({ err: error }, 'a refusal could not be sent');
  }
}
