import type { ServerDuplexStream } from '@grpc/grpc-js';
import { type ByteString, FROM_KEY_END, toByteString } from '../../base/bytes.js';
import { etcdError } from '../../base/etcd-errors.js';
import {
  WatchCreateRequest_FilterType as Filter,
  type WatchCreateRequest,
  type WatchRequest,
  WatchResponse,
} from '../../proto/generated/etcd_rpc.js';
import { maxReceiveBytes } from '../limits.js';
import type { EventCache } from './codec/watch-response.js';
import type { ServiceContext } from './context.js';
import { toGrpcStatus, WATCH_COMPACTED, WATCH_ID_DUPLICATE, WATCH_RANGE_EMPTY } from './errors.js';
import type { RawCall } from './raw-call.js';
import { type ChannelPort, WatchChannel } from './watch-channel.js';
import { WatchOutput } from './watch-output.js';
import { WatchProgress } from './watch-progress.js';

/** watch_id of answers that belong to no watcher. */
const NO_WATCHER = -1n;

export type WatchCall = ServerDuplexStream<WatchRequest, Buffer>;

/** What the streams of one server share. */
export interface WatchShared {
  readonly context: ServiceContext;
  readonly events: EventCache;
  readonly progressIntervalMs: number;
}

/** One Watch call: its watchers, its requests in order, its answers within a bound. */
export class WatchStream implements ChannelPort {
  readonly output: WatchOutput;
  readonly events: EventCache;
  readonly #context: ServiceContext;
  readonly #call: WatchCall;
  readonly #progress: WatchProgress;
  readonly #channels = new Map<bigint, WatchChannel>();
  /** Waiting for room, the longest first. */
  readonly #stalled = new Set<WatchChannel>();
  #dirty: WatchChannel[] = [];
  #nextId = 0n;
  #ended = false;
  #forget = () => {};

  constructor(shared: WatchShared, call: WatchCall, raw: RawCall) {
    const { context } = shared;
    this.#context = context;
    this.#call = call;
    this.events = shared.events;
    this.output = new WatchOutput(raw, context.limits.watchBufferBytes, () => this.#room());
    this.#progress = new WatchProgress(context.clock, shared.progressIntervalMs, {
      channels: () => this.#channels.values(),
      send: (channel) => this.#sendProgress(channel),
    });
  }

  start(leaderRequired: boolean): void {
    const { leader, streams } = this.#context;
    const untrack = leaderRequired ? leader.track(() => this.#fail(etcdError('noLeader'))) : () => {};
    const remove = streams.add(() => this.#fail(etcdError('stopped')));
    this.#forget = () => {
      untrack();
      remove();
    };
    this.#call.on('data', (request: WatchRequest) => this.#receive(request));
    this.#call.on('end', () => {
      if (this.#ended) return;
      this.#close();
      this.#call.end();
    });
    this.#call.on('cancelled', () => this.#close());
    this.#call.on('error', () => this.#close());
  }

  header(revision: number): Buffer {
    return this.#context.headers.encoded(revision);
  }

  dirty(channel: WatchChannel): void {
    this.#dirty.push(channel);
    if (this.#dirty.length > 1) return;
    queueMicrotask(() => {
      const channels = this.#dirty;
      this.#dirty = [];
      for (const held of channels) held.flush();
    });
  }

  stalled(channel: WatchChannel): void {
    this.#stalled.add(channel);
  }

  ended(channel: WatchChannel, compactRevision: number): void {
    if (this.#channels.get(channel.spec.id) !== channel) return;
    this.#remove(channel);
    this.#answer({
      watchId: channel.spec.id,
      canceled: true,
      compactRevision,
      cancelReason: WATCH_COMPACTED,
    });
  }

  #receive({ requestUnion }: WatchRequest): void {
    if (this.#ended) return;
    try {
      if (requestUnion?.$case === 'createRequest') this.#create(requestUnion.value);
      else if (requestUnion?.$case === 'cancelRequest') this.#cancel(requestUnion.value.watchId);
      else if (requestUnion?.$case === 'progressRequest') this.#progress.request();
    } catch (error) {
      this.#fail(error);
      return;
    }
    // A client that asks without reading is not read either.
    if (this.output.full) this.#call.pause();
  }

  #create(request: WatchCreateRequest): void {
    const key: ByteString = request.key.length === 0 ? '\0' : toByteString(request.key);
    const end = toByteString(request.rangeEnd);
    const reason = this.#refusal(request, key, end);
    if (reason !== undefined) {
      this.#answer({ watchId: NO_WATCHER, created: true, canceled: true, cancelReason: reason });
      return;
    }
    const id = request.watchId === 0n ? this.#freeId() : request.watchId;
    const channel = new WatchChannel(
      {
        id,
        prevKv: request.prevKv,
        progressNotify: request.progressNotify,
        fragmentBytes: request.fragment ? maxReceiveBytes(this.#context.limits) : 0,
      },
      this,
    );
    this.#channels.set(id, channel);
    // Written first: whatever the watcher delivers comes behind it.
    this.#answer({ watchId: id, created: true });
    const watcher = this.#context.member.watch(
      {
        key,
        end,
        startRevision: Math.max(request.startRevision, 0),
        noPut: request.filters.includes(Filter.Noput),
        noDelete: request.filters.includes(Filter.Nodelete),
      },
      channel,
    );
    if (this.#channels.get(id) !== channel) return;
    channel.watcher = watcher;
    if (request.progressNotify) this.#progress.notify();
  }

  #freeId(): bigint {
    while (this.#channels.has(this.#nextId)) this.#nextId++;
    return this.#nextId++;
  }

  #refusal({ watchId }: WatchCreateRequest, key: ByteString, end: ByteString): string | undefined {
    if (end !== '' && end !== FROM_KEY_END && key >= end) return WATCH_RANGE_EMPTY;
    if (watchId !== 0n && this.#channels.has(watchId)) return WATCH_ID_DUPLICATE;
    const { maxWatchersPerStream } = this.#context.limits;
    if (this.#channels.size < maxWatchersPerStream) return undefined;
    return `etcdserver: too many watchers on one stream (at most ${maxWatchersPerStream})`;
  }

  #cancel(id: bigint): void {
    const channel = this.#channels.get(id);
    if (channel === undefined) return;
    channel.flush();
    this.#remove(channel);
    this.#answer({ watchId: id, canceled: true });
  }

  #remove(channel: WatchChannel): void {
    this.#channels.delete(channel.spec.id);
    this.#stalled.delete(channel);
    channel.watcher?.cancel();
  }

  #sendProgress(channel: WatchChannel | undefined): void {
    this.#answer({ watchId: channel === undefined ? NO_WATCHER : channel.spec.id });
  }

  /** An answer without events, of the store's present revision. */
  #answer(fields: Partial<WatchResponse>): void {
    const header = this.#context.headers.at(this.#context.member.revision);
    this.output.send(
      Buffer.from(WatchResponse.encode(WatchResponse.fromPartial({ header, ...fields })).finish()),
    );
  }

  #room(): void {
    if (this.#ended) return;
    const waiting = [...this.#stalled];
    this.#stalled.clear();
    for (const [index, channel] of waiting.entries()) {
      if (this.output.full) {
        // The rest keeps its turn.
        for (const later of waiting.slice(index)) this.#stalled.add(later);
        return;
      }
      channel.watcher?.resume();
    }
    if (!this.output.full) this.#call.resume();
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.#close();
    this.#call.emit('error', toGrpcStatus(error, this.#context.log));
  }

  #close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#forget();
    this.#progress.stop();
    this.#stalled.clear();
    for (const channel of this.#channels.values()) {
      channel.drop();
      channel.watcher?.cancel();
    }
    this.#channels.clear();
  }
}
