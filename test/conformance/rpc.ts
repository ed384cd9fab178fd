import {
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import {
  CompactionRequest,
  DeleteRangeRequest,
  KVService,
  LeaseGrantRequest,
  type LeaseKeepAliveResponse,
  LeaseService,
  PutRequest,
  RangeRequest,
  type TxnRequest,
  WatchCreateRequest,
  type WatchRequest,
  type WatchResponse,
  WatchService,
} from '../../src/proto/generated/etcd_rpc.js';

/** What a server made of a request: its answer, or how it refused. Comparable with toEqual. */
export type Outcome<R> = { readonly response: R } | { readonly code: number; readonly details: string };

type Fields<Request> = { readonly [Key in keyof Request]?: Request[Key] };

/** A channel without anything of ours in between: no retries, no defaults. */
export class Rpc {
  readonly #client: Client;
  readonly #watches: Watching[] = [];

  constructor(endpoint: string) {
    this.#client = new Client(endpoint, credentials.createInsecure(), {
      'grpc.enable_channelz': 0,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
    });
  }

  outcome<Q, R>(
    { path, requestSerialize, responseDeserialize }: MethodDefinition<Q, R>,
    request: Q,
    metadata = new Metadata(),
  ): Promise<Outcome<R>> {
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        { deadline: Date.now() + 15_000 },
        (error: ServiceError | null, response?: R) => {
          if (error !== null) resolve({ code: error.code, details: error.details });
          else resolve({ response: response as R });
        },
      );
    });
  }

  /** The answer; throws the refusal. */
  async call<Q, R>(method: MethodDefinition<Q, R>, request: Q): Promise<R> {
    const outcome = await this.outcome(method, request);
    if ('response' in outcome) return outcome.response;
    throw new Error(`${method.path}: ${outcome.code} ${outcome.details}`);
  }

  /** How it was refused; throws where it wasn't. */
  async refusal<Q, R>(method: MethodDefinition<Q, R>, request: Q): Promise<string> {
    const outcome = await this.outcome(method, request);
    if ('response' in outcome) throw new Error(`${method.path} was not refused`);
    return `${outcome.code} ${outcome.details}`;
  }

  put(key: string, value = '', more: Fields<PutRequest> = {}) {
    return this.call(KVService.put, put(key, value, more));
  }

  range(key: string, more: Fields<RangeRequest> = {}) {
    return this.call(KVService.range, range(key, more));
  }

  del(key: string, more: Fields<DeleteRangeRequest> = {}) {
    return this.call(KVService.deleteRange, DeleteRangeRequest.fromPartial({ key: bytes(key), ...more }));
  }

  txn(request: Fields<TxnRequest>) {
    return this.call(KVService.txn, { compare: [], success: [], failure: [], ...request });
  }

  compact(revision: number, physical = false) {
    return this.call(KVService.compact, CompactionRequest.fromPartial({ revision, physical }));
  }

  grant(TTL: number, ID = 0n) {
    return this.call(LeaseService.leaseGrant, LeaseGrantRequest.fromPartial({ TTL, ID }));
  }

  revoke(ID: bigint) {
    return this.call(LeaseService.leaseRevoke, { ID });
  }

  /** One renewal, on a stream of its own. */
  keepAlive(ID: bigint): Promise<LeaseKeepAliveResponse> {
    const { path, requestSerialize, responseDeserialize } = LeaseService.leaseKeepAlive;
    return new Promise((resolve, reject) => {
      const stream = this.#client.makeBidiStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        new Metadata(),
      );
      stream.on('error', reject);
      stream.once('data', (response: LeaseKeepAliveResponse) => {
        resolve(response);
        stream.end();
      });
      stream.write({ ID });
    });
  }

  async revision(): Promise<number> {
    return (await this.range('x')).header?.revision ?? 0;
  }

  /** A stream of its own. */
  watching(): Watching {
    const { path, requestSerialize, responseDeserialize } = WatchService.watch;
    const watching = new Watching(
      this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, new Metadata()),
    );
    this.#watches.push(watching);
    return watching;
  }

  close(): void {
    for (const watching of this.#watches) watching.cancel();
    this.#client.close();
  }
}

/** One watch stream and all that it has said. */
export class Watching {
  readonly responses: WatchResponse[] = [];
  readonly #stream: ClientDuplexStream<WatchRequest, WatchResponse>;
  #waiting = new Set<() => void>();
  #ended: Error | undefined;

  constructor(stream: ClientDuplexStream<WatchRequest, WatchResponse>) {
    this.#stream = stream;
    stream.on('data', (response: WatchResponse) => {
      this.responses.push(response);
      this.#wake();
    });
    stream.on('error', (error) => {
      this.#ended = error;
      this.#wake();
    });
    stream.on('end', () => {
      this.#ended ??= new Error('the server ended the watch stream');
      this.#wake();
    });
  }

  create(fields: Fields<WatchCreateRequest> & { readonly key: Buffer }): void {
    const value = WatchCreateRequest.fromPartial(fields);
    this.#stream.write({ requestUnion: { $case: 'createRequest', value } });
  }

  /** Creates a watch and waits until the server says that it runs, or doesn't. Streams create in order. */
  async created(fields: Fields<WatchCreateRequest> & { readonly key: Buffer }): Promise<WatchResponse> {
    const before = this.responses.filter(({ created }) => created).length;
    this.create(fields);
    return this.that(() => this.responses.filter(({ created }) => created)[before]);
  }

  stop(watchId: bigint): void {
    this.#stream.write({ requestUnion: { $case: 'cancelRequest', value: { watchId } } });
  }

  progress(): void {
    this.#stream.write({ requestUnion: { $case: 'progressRequest', value: {} } });
  }

  cancel(): void {
    this.#stream.cancel();
  }

  /** Events of one watch so far. */
  events(watchId: bigint) {
    return this.responses.filter((response) => response.watchId === watchId).flatMap(({ events }) => events);
  }

  /** Resolves with what the function finds, once it finds something; rejects when the stream ends, or after the bound. */
  that<T>(find: () => T | undefined, timeoutMs = 10_000): Promise<T> {
    return new Promise((resolve, reject) => {
      const done = (finish: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        finish();
      };
      const look = (): void => {
        const found = find();
        if (found !== undefined) done(() => resolve(found));
        else if (this.#ended !== undefined) done(() => reject(this.#ended));
      };
      const timer = setTimeout(
        () =>
          done(() => reject(new Error(`not in ${timeoutMs} ms; so far ${this.responses.length} responses`))),
        timeoutMs,
      );
      this.#waiting.add(look);
      look();
    });
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look();
  }
}

/** A key or value from text, a character a byte. */
export function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

export function put(key: string, value = '', more: Fields<PutRequest> = {}): PutRequest {
  return PutRequest.fromPartial({ key: bytes(key), value: bytes(value), ...more });
}

export function range(key: string, more: Fields<RangeRequest> = {}): RangeRequest {
  return RangeRequest.fromPartial({ key: bytes(key), ...more });
}
