import { Server, type ServerInterceptor } from '@grpc/grpc-js';
import { ClusterService, LeaseService, MaintenanceService } from '../../proto/generated/etcd_rpc.js';
import { RenderService } from '../../proto/generated/render.js';
import { maxReceiveBytes } from '../limits.js';
import type { CallCounts } from '../metrics.js';
import { clusterService } from './cluster.js';
import type { ServiceContext } from './context.js';
import { guardStreams } from './guard-streams.js';
import { KV_DEFINITION, kvService } from './kv.js';
import { leaseService } from './lease.js';
import { maintenanceService } from './maintenance.js';
import { RawCalls } from './raw-call.js';
import { renderService } from './render.js';
import type { RenderControl } from './render-control.js';
import { WATCH_DEFINITION, type WatchOptions, watchService } from './watch.js';

export interface GrpcOptions extends WatchOptions {
  /** What Maintenance.Status claims. */
  readonly version: string;
  readonly render: RenderControl | undefined;
  readonly counts: CallCounts | undefined;
  /** grpc-keepalive-interval and -timeout: pings to silent clients, and how long an answer may take; ms. */
  readonly keepaliveIntervalMs: number;
  readonly keepaliveTimeoutMs: number;
  /** Calls at once on one connection. */
  readonly maxConcurrentStreams: number;
}

const TOO_LARGE = /^Received message larger than max \((\d+) vs (\d+)\)$/;

/** The gRPC server with every service, bound to no port: the listener hands it connections. */
export function createGrpcServer(context: ServiceContext, options: GrpcOptions): Server {
  const calls = new RawCalls();
  const server = new Server({
    // Channelz costs a third of the throughput.
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': maxReceiveBytes(context.limits),
    'grpc.max_send_message_length': -1,
    'grpc.keepalive_time_ms': options.keepaliveIntervalMs,
    'grpc.keepalive_timeout_ms': options.keepaliveTimeoutMs,
    'grpc.max_concurrent_streams': options.maxConcurrentStreams,
    interceptors: [observe(calls, options.counts)],
  });
  guardStreams(server, context.log);
  server.addService(KV_DEFINITION, kvService(context));
  server.addService(WATCH_DEFINITION, watchService(context, calls, options));
  server.addService(LeaseService, leaseService(context));
  server.addService(ClusterService, clusterService(context));
  server.addService(MaintenanceService, maintenanceService(context, options.version));
  if (options.render !== undefined) server.addService(RenderService, renderService(context, options.render));
  return server;
}

/**
 * Counts calls by their outcome and words the refusals of grpc-js itself as etcd's clients know them. It replaces
 * `sendStatus` on the call instead of wrapping the call: grpc-js's own refusals don't pass through a wrapper, and a
 * wrapper costs every call.
 */
function observe(calls: RawCalls, counts: CallCounts | undefined): ServerInterceptor {
  return (method, next) => {
    // The type says it is the wrapper; what arrives is the interface, and what leaves may be it too.
    const call = next as Parameters<RawCalls['intercept']>[0];
    const send = call.sendStatus.bind(call);
    const row = counts?.of(method.path);
    call.sendStatus = (status) => {
      row?.ended(status.code);
      const tooLarge = TOO_LARGE.exec(status.details ?? '');
      if (tooLarge !== null) {
        const details = `grpc: received message larger than max (${tooLarge[1]} vs. ${tooLarge[2]})`;
        send({ ...status, details });
      } else {
        send(status);
      }
    };
    return method.path === WATCH_DEFINITION.watch.path ? calls.intercept(call) : call;
  };
}
