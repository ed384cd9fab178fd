import type { handleBidiStreamingCall, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { etcdError } from '../../base/etcd-errors.js';
import { type WatchRequest, WatchService } from '../../proto/generated/etcd_rpc.js';
import { EventCache } from './codec/watch-response.js';
import type { ServiceContext } from './context.js';
import { toGrpcStatus } from './errors.js';
import type { RawCalls } from './raw-call.js';
import { PROGRESS_INTERVAL_MS } from './watch-progress.js';
import { type WatchShared, WatchStream } from './watch-stream.js';

export interface WatchOptions {
  /** Of progress notifications; etcd's ten minutes by default. */
  readonly progressIntervalMs?: number | undefined;
}

/** etcdserverpb.Watch, whose answers are encoded by the stream itself. */
export const WATCH_DEFINITION = {
  watch: {
    ...WatchService.watch,
    responseSerialize: (encoded: Buffer) => encoded,
    responseDeserialize: (encoded: Buffer) => encoded,
  },
} satisfies ServiceDefinition;

export function watchService(
  context: ServiceContext,
  calls: RawCalls,
  options: WatchOptions = {},
): UntypedServiceImplementation {
  const shared: WatchShared = {
    context,
    events: new EventCache(),
    progressIntervalMs: options.progressIntervalMs ?? PROGRESS_INTERVAL_MS,
  };
  const watch: handleBidiStreamingCall<WatchRequest, Buffer> = (call) => {
    try {
      if (context.member.isLearner) throw etcdError('learnerUnsupported');
      const required = context.leader.check(call.metadata);
      const raw = calls.of(call.metadata) ?? {
        sendMessage: (message, sent) => {
          call.write(message, sent);
        },
      };
      new WatchStream(shared, call, raw).start(required);
    } catch (error) {
      call.emit('error', toGrpcStatus(error, context.log));
    }
  };
  return { watch };
}
