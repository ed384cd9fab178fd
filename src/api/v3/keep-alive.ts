import type { handleBidiStreamingCall, ServerDuplexStream } from '@grpc/grpc-js';
import { etcdError } from '../../base/etcd-errors.js';
import type { LeaseKeepAliveRequest, LeaseKeepAliveResponse } from '../../proto/generated/etcd_rpc.js';
import type { ServiceContext } from './context.js';
import { toGrpcStatus } from './errors.js';

type KeepAliveCall = ServerDuplexStream<LeaseKeepAliveRequest, LeaseKeepAliveResponse>;

/** Lease.LeaseKeepAlive: answers in the order of the requests, and a bounded number of renewals under way. */
export function keepAlive(
  context: ServiceContext,
): handleBidiStreamingCall<LeaseKeepAliveRequest, LeaseKeepAliveResponse> {
  return (call) => {
    let required: boolean;
    try {
      if (context.member.isLearner) throw etcdError('learnerUnsupported');
      required = context.leader.check(call.metadata);
    } catch (error) {
      call.emit('error', toGrpcStatus(error, context.log));
      return;
    }
    new KeepAliveStream(context, call).start(required);
  };
}

class KeepAliveStream {
  readonly #context: ServiceContext;
  readonly #call: KeepAliveCall;
  /** The renewals under way: each settles after the one before it. */
  #tail: Promise<void> = Promise.resolve();
  #inFlight = 0;
  /** The peer reads slower than it asks. */
  #full = false;
  #ended = false;
  #forget = () => {};

  constructor(context: ServiceContext, call: KeepAliveCall) {
    this.#context = context;
    this.#call = call;
  }

  start(leaderRequired: boolean): void {
    const { leader, streams } = this.#context;
    const untrack = leaderRequired ? leader.track(() => this.#fail(etcdError('noLeader'))) : () => {};
    const remove = streams.add(() => this.#fail(etcdError('stopped')));
    this.#forget = () => {
      untrack();
      remove();
    };
    this.#call.on('data', (request) => this.#receive(request));
    this.#call.on('drain', () => {
      this.#full = false;
      this.#pace();
    });
    this.#call.on('end', () => {
      // What was asked before the half-close is still answered.
      void this.#tail.then(() => this.#end());
    });
    this.#call.on('cancelled', () => this.#close());
    this.#call.on('error', () => this.#close());
  }

  #receive({ ID }: LeaseKeepAliveRequest): void {
    if (this.#ended) return;
    this.#inFlight++;
    this.#pace();
    const renewed = this.#context.member.leaseKeepAlive(ID);
    // Awaited in order below; until then a refusal must not count as unhandled.
    renewed.catch(() => {});
    this.#tail = this.#tail
      .then(() => renewed)
      .then(
        (TTL) => {
          this.#inFlight--;
          if (this.#ended) return;
          const header = this.#context.headers.at(this.#context.member.revision);
          if (!this.#call.write({ header, ID, TTL })) this.#full = true;
          this.#pace();
        },
        (error: unknown) => this.#fail(error),
      );
  }

  #pace(): void {
    if (this.#full || this.#inFlight >= this.#context.limits.maxKeepAlivesInFlight) this.#call.pause();
    else if (this.#call.isPaused()) this.#call.resume();
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.#close();
    this.#call.emit('error', toGrpcStatus(error, this.#context.log));
  }

  #end(): void {
    if (this.#ended) return;
    this.#close();
    this.#call.end();
  }

  #close(): void {
    this.#ended = true;
    this.#forget();
  }
}
