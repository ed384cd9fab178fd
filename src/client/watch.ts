import { ConfetdError, messageOf } from '../base/errors.js';
import { etcdMessage } from '../base/etcd-errors.js';
import type { Clock } from '../io/clock.js';
import type { Random } from '../io/random.js';
import {
  KVService,
  RangeRequest,
  WatchCreateRequest,
  type WatchResponse,
} from '../proto/generated/etcd_rpc.js';
import { backoffMs, pause } from './backoff.js';
import type { Connection } from './connection.js';
import type { Pool } from './pool.js';
import { WatchStream } from './watch-stream.js';

export interface WatchOptions {
  readonly key: Buffer;
  /** Empty: the key alone; `"\0"`: every key from `key` on. */
  readonly rangeEnd: Buffer;
  /** 0: from now on. */
  readonly startRevision: number;
  readonly prevKv?: boolean;
  /** The server tells the revision now and then where nothing happens: see {@link WatchListener.progress}. */
  readonly progressNotify?: boolean;
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
  /** The watch is in place at an endpoint, for the first time and again after each {@link lost}. */
  created?(response: WatchResponse, endpoint: string): void;
  /**
   * Whole revisions, in order, none missing and none twice, whatever happened to the connection. A promise: no more is
   * told, nor read from the server, until it has settled.
   */
  events(response: WatchResponse): Promise<void> | undefined;
  /** The server's revision. Only where {@link WatchOptions.progressNotify} asked for it are all events up to it told. */
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

interface WatchPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly requestTimeoutMs: number;
}

/** Watches until it is closed or ended, resuming at the next revision after a broken stream. */
export function watch(
  pool: Pool,
  ports: WatchPorts,
  options: WatchOptions,
  listener: WatchListener,
): Watching {
  return new ResumingWatch(pool, ports, options, listener);
}

class ResumingWatch implements Watching {
  readonly #pool: Pool;
  readonly #ports: WatchPorts;
  readonly #options: WatchOptions;
  readonly #listener: WatchListener;
  readonly #abort = new AbortController();
  #stream: WatchStream<WatchEnd> | undefined;
  /** The listener is still busy with what a stream told, which may have ended since. */
  #busy: Promise<void> = Promise.resolve();
  #progressWanted = false;
  #nextRevision: number;
  #clusterId: bigint | undefined;
  #seen: { readonly revision: number; readonly raftTerm: number };
  #lost = false;

  constructor(pool: Pool, ports: WatchPorts, options: WatchOptions, listener: WatchListener) {
    this.#pool = pool;
    this.#ports = ports;
    this.#options = options;
    this.#listener = listener;
    this.#nextRevision = options.startRevision;
    this.#clusterId = options.clusterId;
    this.#seen = options.seen ?? { revision: 0, raftTerm: 0 };
    void this.#run();
  }

  requestProgress(): void {
    if (this.#stream === undefined) this.#progressWanted = true;
    else this.#stream.requestProgress();
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

  /**
   * Before resuming: whether who answers now is still the cluster that was followed, and has all that it had. A member
   * that lags answers once it has caught up with its leader, and one without a leader refuses.
   */
  async #wentBack(connection: Connection): Promise<WatchEnd | undefined> {
    if (this.#clusterId === undefined) return undefined;
    // A key of the watched range itself: who may watch it may read it.
    const { key } = this.#options;
    const request = RangeRequest.fromPartial({ key: key.length > 0 ? key : ANY_KEY, keysOnly: true });
    const { header } = await connection.unary(KVService.range, request, {
      timeoutMs: this.#ports.requestTimeoutMs,
      signal: this.#abort.signal,
      requireLeader: true,
    });
    if (header === undefined) throw new ConfetdError('unknown', 'the server sent no header');
    if (header.clusterId !== this.#clusterId) return otherCluster(header.clusterId, this.#clusterId);
    const { revision, raftTerm } = header;
    const seen = this.#seen;
    // A linearizable read's revision can't be lower than one that was seen before, unless history was replaced.
    if (revision >= seen.revision && raftTerm >= seen.raftTerm) {
      // Terms are compared with other reads' only: a member that was cut off stamps its events with ever higher ones.
      this.#seen = { ...seen, raftTerm };
      return undefined;
    }
    return {
      kind: 'replaced',
      reason: `the cluster went back to revision ${revision} (term ${raftTerm}) from ${seen.revision} (term ${seen.raftTerm})`,
    };
  }

  /** Follows one stream to the watch's end; rejects where only the stream ended. */
  async #follow(connection: Connection): Promise<WatchEnd> {
    await this.#busy;
    const { key, rangeEnd, prevKv = false, progressNotify = false } = this.#options;
    const startRevision = this.#nextRevision;
    const stream = new WatchStream<WatchEnd>(connection, {
      request: WatchCreateRequest.fromPartial({ key, rangeEnd, prevKv, progressNotify, startRevision }),
      clock: this.#ports.clock,
      patienceMs: this.#ports.requestTimeoutMs,
      take: (response) => this.#take(response, connection.endpoint.text),
    });
    if (this.#abort.signal.aborted) stream.cancel();
    this.#stream = stream;
    try {
      return await stream.ended;
    } finally {
      this.#stream = undefined;
    }
  }

  #take(response: WatchResponse, endpoint: string): { readonly end: WatchEnd } | Promise<void> | undefined {
    const { header, events } = response;
    if (this.#abort.signal.aborted) return undefined;
    if (header !== undefined && header.clusterId !== 0n) {
      this.#clusterId ??= header.clusterId;
      if (header.clusterId !== this.#clusterId) {
        return { end: otherCluster(header.clusterId, this.#clusterId) };
      }
    }
    if (response.canceled) {
      const { compactRevision, cancelReason } = response;
      if (compactRevision !== 0) return { end: { kind: 'compacted', reason: COMPACTED, response } };
      return { end: { kind: 'cancelled', reason: cancelReason, response } };
    }
    if (response.created) {
      this.#created(response, endpoint);
      return undefined;
    }
    return events.length === 0 ? this.#progress(response) : this.#events(response);
  }

  #created(response: WatchResponse, endpoint: string): void {
    this.#lost = false;
    // From now on: what comes after a break starts where this began.
    if (this.#nextRevision === 0) this.#nextRevision = (response.header?.revision ?? 0) + 1;
    if (this.#progressWanted) {
      this.#progressWanted = false;
      this.requestProgress();
    }
    this.#listener.created?.(response, endpoint);
  }

  #progress(response: WatchResponse): undefined {
    const revision = response.header?.revision ?? 0;
    // An answer to requestProgress names no watch, and etcd may send it ahead of events.
    if (this.#options.progressNotify === true && response.watchId !== NO_WATCH) this.#reached(revision);
    this.#listener.progress?.(response);
  }

  #events(response: WatchResponse): Promise<void> | undefined {
    const from = this.#nextRevision;
    // Whatever a server repeats, it is told once.
    const events = response.events.filter(({ kv }) => (kv?.modRevision ?? 0) >= from);
    if (events.length === 0) return undefined;
    this.#reached(events.at(-1)?.kv?.modRevision ?? 0);
    const taken = this.#listener.events({ ...response, events });
    if (taken !== undefined) this.#busy = taken.catch(() => {});
    return taken;
  }

  /** Everything up to a revision has been told. */
  #reached(revision: number): void {
    this.#nextRevision = Math.max(this.#nextRevision, revision + 1);
    this.#seen = { ...this.#seen, revision: Math.max(this.#seen.revision, revision) };
  }
}

const COMPACTED = etcdMessage('compacted');
const ANY_KEY = Buffer.of(0);
const NO_WATCH = -1n;
const STEADY_MS = 5_000;

function otherCluster(found: bigint, wanted: bigint): WatchEnd {
  return {
    kind: 'replaced',
    reason: `another cluster answers: ${found.toString(16)} instead of ${wanted.toString(16)}`,
  };
}
