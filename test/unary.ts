import { Client, credentials, status as grpcStatus, Metadata, type MethodDefinition } from '@grpc/grpc-js';

/** A gRPC code of a refusal or of what went wrong on the way. */
export interface Failed {
  readonly code: number;
  readonly details: string;
}

export type Answered<R> = { readonly response: R } | Failed;

/** A channel that tries again soon: its server comes and goes. */
export function channelTo(endpoint: string): Client {
  return new Client(endpoint, credentials.createInsecure(), {
    'grpc.enable_channelz': 0,
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.initial_reconnect_backoff_ms': 20,
    'grpc.min_reconnect_backoff_ms': 20,
    'grpc.max_reconnect_backoff_ms': 100,
    'grpc.max_receive_message_length': -1,
  });
}

/** One call with a deadline of its own; never rejects. */
export function unary<Q, R>(
  client: Client,
  { path, requestSerialize, responseDeserialize }: MethodDefinition<Q, R>,
  request: Q,
  timeoutMs: number,
): Promise<Answered<R>> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      new Metadata(),
      { deadline: Date.now() + timeoutMs },
      (error, response) => {
        if (error !== null) resolve({ code: error.code, details: error.details });
        else if (response === undefined) resolve({ code: grpcStatus.INTERNAL, details: 'an empty answer' });
        else resolve({ response });
      },
    );
  });
}
