import type { ClientDuplexStream } from '@grpc/grpc-js';
import { ConfetdError, messageOf } from '../base/errors.js';
import { etcdMessage } from '../base/etcd-errors.js';
import type { Clock } from '../io/clock.js';
import type { Random } from '../io/random.js';
import {
  KVService,
  RangeRequest,
  WatchCreateRequest,
  type WatchRequest,
  type WatchResponse,
  WatchService,
} from '../proto/generated/etcd_rpc.js';
import { backoffMs, pause } from './backoff.js';
import type { Connection } from './connection.js';
import { callError } from './errors.js';
import type { Pool } from './pool.js';

export interface WatchOptions {
  readonly key: Buffer;
  /** Empty: the key alone; `"\0"`: every key from `key` on. */
  readonly rangeEnd: Buffer;
  /** 0: from now on. */
  readonly startRevision: number;
  readonly prevKv?: boolean;
  /** Ends the watch, at any time, where another cluster answers; undefined: whichever answers first. */
  readonly clusterId?: bigint;
  /** The newest revision and term already seen of that cluster: a store that lacks them went back in time. */
  readonly seen?: { readonly revision: number; readonly raftTerm: number };
}

export type WatchEnd =
  /** The next revision wanted is no longer kept: load the keys anew. */
  | { readonly kind: 'compacted'; readonly reason: string; readonly response: WatchResponse }
  /** Another cluster answers, or this one's history went back (restored from a backup). */
  | { readonly kind: 'replaced'; readonly reason: string }
  /** The server refuses the watch. */
  | { readonly kind: 'cancelled'; readonly reason: string; readonly response: WatchResponse };

export interface WatchListener {
  /** The watch is in place, for the first time and again after each {@link lost}. */
  created?(response: WatchResponse): void;
  /** Whole revisions, in order, none missing and none twice, whatever happened to the connection. */
  events(response: WatchResponse): void;
  /** All events up to the header's revision have been told. */
  progress?(response: WatchResponse): void;
  /** The stream broke and is made anew, with backoff. Once a spell. */
  lost?(reason: string): void;
  ended(end: WatchEnd): void;
}

export interface Watching {
  /** Asks for a {@link WatchListener.progress}. */
  requestProgress(): void;
  /** Tells nothing any more. */
  close(): void;
}

/** Watches until it is closed or ended, resuming at the next revision after a broken stream. */
export function watch(
  pool: Pool,
  ports: { readonly clock: Clock; readonly random: Random; readonly requestTimeoutMs: number },
  options: WatchOptions,
  listener: WatchListener,
): Watching {
  return new ResumingWatch(pool, ports, options, listener);
}

type Stream = ClientDuplexStream<WatchRequest, WatchResponse>;

class ResumingWatch implements Watching {
  readonly #pool: Pool;
  readonly #ports: { readonly clock: Clock; readonly random: Random; readonly requestTimeoutMs: number };
  readonly #options: WatchOptions;
  readonly #listener: WatchListener;
  readonly #abort = new AbortController();
  #stream: Stream | undefined;
  #progressWanted = false;
  #nextRevision: number;
  #clusterId: bigint | undefined;
  #seen = { revision: 0, raftTerm: 0 };
  #lost = false;

  constructor(
    pool: Pool,
    ports: { readonly clock: Clock; readonly random: Random; readonly requestTimeoutMs: number },
    options: WatchOptions,
    listener: WatchListener,
  ) {
    this.#pool = pool;
    this.#ports = ports;
    this.#options = options;
    this.#listener = listener;
    this.#nextRevision = options.startRevision;
    this.#clusterId = options.clusterId;
    this.#seen = { ...this.#seen, ...options.seen };
    void this.#run();
  }

  requestProgress(): void {
    if (this.#stream === undefined) this.#progressWanted = true;
    else this.#stream.write({ requestUnion: { $case: 'progressRequest', value: {} } });
  }

  close(): void {
    this.#abort.abort();
    this.#stream?.cancel();
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#ports;
    const { signal } = this.#abort;
    for (let attempt = 0; !signal.aborted; attempt++) {
      let connection: Connection | undefined;
      const startMs = clock.monotonicMs();
      try {
        connection = await this.#pool.ready(this.#ports.requestTimeoutMs, signal);
        const end = (await this.#wentBack(connection)) ?? (await this.#follow(connection));
        if (!signal.aborted) this.#listener.ended(end);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (connection !== undefined) this.#pool.next(connection);
        if (!this.#lost) {
          this.#lost = true;
          this.#listener.lost?.(messageOf(error));
        }
        // A stream that stood for a while was worth having: the next one may come quickly.
        if (clock.monotonicMs() - startMs > STEADY_MS) attempt = 0;
        await pause(clock, backoffMs(random, attempt), signal);
      }
    }
  }

  /** Before resuming: whether who answers now is still the cluster that was followed, and has all that it had. */
  async #wentBack(connection: Connection): Promise<WatchEnd | undefined> {
    if (this.#clusterId === undefined) return undefined;
    // A key of the watched range itself: who may watch it may read it.
    const { key } = this.#options;
    const request = RangeRequest.fromPartial({ key: key.length > 0 ? key : ANY_KEY, keysOnly: true });
    const timeoutMs = this.#ports.requestTimeoutMs;
    const { signal } = this.#abort;
    const { header } = await connection.unary(KVService.range, request, { timeoutMs, signal });
    if (header === undefined) throw new ConfetdError('unknown', 'the server sent no header');
    if (header.clusterId !== this.#clusterId) return otherCluster(header.clusterId, this.#clusterId);
    // A linearizable read's revision can't be lower than one that was seen before, unless history was replaced.
    if (header.revision >= this.#seen.revision && header.raftTerm >= this.#seen.raftTerm) return undefined;
    return {
      kind: 'replaced',
      reason: `the cluster went back to revision ${header.revision} (term ${header.raftTerm}) from ${this.#seen.revision} (term ${this.#seen.raftTerm})`,
    };
  }

  /** Follows one stream to the watch's end; rejects where only the stream ended. */
  #follow(connection: Connection): Promise<WatchEnd> {
    return new Promise((resolve, reject) => {
      const stream: Stream = connection.duplex(WatchService.watch);
      this.#stream = stream;
      const finish = (): void => {
        if (this.#stream === stream) this.#stream = undefined;
        stream.removeAllListeners('data').on('data', () => {});
        stream.cancel();
      };
      stream.on('data', (response: WatchResponse) => {
        const end = this.#abort.signal.aborted ? undefined : this.#take(response);
        if (end === undefined) return;
        finish();
        resolve(end);
      });
      stream.on('error', (error: Error) => {
        finish();
        reject(callError(error, connection.endpoint.text));
      });
      stream.on('end', () => {
        finish();
        reject(new ConfetdError('unavailable', `${connection.endpoint.text} ended the watch`));
      });
      const { key, rangeEnd, prevKv = false } = this.#options;
      const value = WatchCreateRequest.fromPartial({
        key,
        rangeEnd,
        prevKv,
        startRevision: this.#nextRevision,
      });
      stream.write({ requestUnion: { $case: 'createRequest', value } });
    });
  }

  #take(response: WatchResponse): WatchEnd | undefined {
    const { header, events } = response;
    if (header !== undefined && header.clusterId !== 0n) {
      this.#clusterId ??= header.clusterId;
      if (header.clusterId !== this.#clusterId) return otherCluster(header.clusterId, this.#clusterId);
    }
    if (response.canceled) {
      const { compactRevision, cancelReason } = response;
      if (compactRevision !== 0) return { kind: 'compacted', reason: COMPACTED, response };
      return { kind: 'cancelled', reason: cancelReason, response };
    }
    if (response.created) {
      this.#lost = false;
      // From now on: what comes after a break starts where this began.
      if (this.#nextRevision === 0 && header !== undefined) this.#nextRevision = header.revision + 1;
      if (this.#progressWanted) {
        this.#progressWanted = false;
        this.requestProgress();
      }
      this.#listener.created?.(response);
      return undefined;
    }
    if (events.length === 0) {
      this.#listener.progress?.(response);
      return undefined;
    }
    const newest = events.at(-1)?.kv?.modRevision ?? 0;
    this.#nextRevision = Math.max(this.#nextRevision, newest + 1);
    this.#seen = {
      revision: Math.max(this.#seen.revision, newest),
      raftTerm: Math.max(this.#seen.raftTerm, header?.raftTerm ?? 0),
    };
    this.#listener.events(response);
    return undefined;
  }
}

const COMPACTED = etcdMessage('compacted');
const ANY_KEY = Buffer.of(0);
const STEADY_MS = 5_000;

function otherCluster(found: bigint, wanted: bigint): WatchEnd {
  return {
    kind: 'replaced',
    reason: `another cluster answers: ${found.toString(16)} instead of ${wanted.toString(16)}`,
  };
}
