import { bytesOf, byteText } from '../base/byte-text.js';
import { toBytes } from '../base/bytes.js';
import { ConfetdError, messageOf } from '../base/errors.js';
import { backoffMs, pause } from '../client/backoff.js';
import { Client, type ClientOptions } from '../client/client.js';
import type { WatchEnd, Watching } from '../client/watch.js';
import type { Clock } from '../io/clock.js';
import { type Event, Event_EventType } from '../proto/generated/etcd_kv.js';
import { KVService, RangeRequest, type WatchResponse } from '../proto/generated/etcd_rpc.js';
import { decodePage, type PairsPage } from './decode.js';
import { hullOf, type KeyRange, rangesOf, selects } from './ranges.js';
import type { Change, Following, History, Pair, Snapshot, Source, SourceListener, Subtree } from './types.js';

export interface EtcdV3Options extends ClientOptions {
  /** Pairs asked for at once; 25,000. */
  readonly pageSize?: number;
  /** Before a broken watch is made anew, and the most that this doubles to; 50 ms and 5 s. */
  readonly firstRetryMs?: number;
  readonly maxRetryMs?: number;
}

/** Keys of a cluster that speaks etcd's v3 API: a real etcd, or a remote confetd. */
export class EtcdV3Source implements Source {
  readonly name = 'etcdv3';
  readonly history: History;
  readonly #options: EtcdV3Options;
  readonly #client: Client;
  readonly #followings = new Set<EtcdV3Following>();

  constructor(options: EtcdV3Options) {
    this.#options = options;
    this.#client = new Client({ requestTimeoutMs: REQUEST_TIMEOUT_MS, ...options });
    this.history = {
      loadAt: (subtrees, revision, signal) => this.#loadAt(subtrees, revision, signal),
      deletedAt: (key, from, to, signal) => this.#deletedAt(key, from, to, signal),
    };
  }

  async load(subtrees: readonly Subtree[], signal: AbortSignal): Promise<Snapshot> {
    const loader = new Loader(this.#client, this.#options);
    try {
      return (await loader.load(subtrees, signal)).snapshot;
    } catch (error) {
      throw this.#failure(messageOf(error), error);
    }
  }

  follow(subtrees: readonly Subtree[], listener: SourceListener): Following {
    const loader = new Loader(this.#client, this.#options);
    const following = new EtcdV3Following(this.#client, this.#options, loader, subtrees, listener);
    this.#followings.add(following);
    return {
      close: () => {
        this.#followings.delete(following);
        return following.close();
      },
    };
  }

  async #loadAt(subtrees: readonly Subtree[], revision: number, signal: AbortSignal): Promise<Snapshot> {
    const loader = new Loader(this.#client, this.#options);
    try {
      return (await loader.loadAt(subtrees, revision, signal)).snapshot;
    } catch (error) {
      if (!(error instanceof ConfetdError) || error.code !== 'out_of_range')
        throw this.#failure(messageOf(error), error);
      // Which of the two it is only the newest revision tells.
      const { revision: newest } = await this.load([], signal);
      const why =
        revision > newest
          ? `revision ${revision} is still to come: the newest is ${newest}`
          : `revision ${revision} is compacted, its keys are gone for good: ask for a later one, up to ${newest}`;
      throw this.#failure(why, error);
    }
  }

  /** By halving: a number of small reads that grows with the logarithm of the distance. */
  async #deletedAt(key: string, from: number, to: number, signal: AbortSignal): Promise<number | undefined> {
    const isThere = async (revision: number): Promise<boolean> => {
      const request = { key: bytesOf(key), countOnly: true, revision };
      return (await this.#client.range(request, { signal })).count > 0;
    };
    try {
      if (!(await isThere(from))) return undefined;
      let [there, gone] = [from, to];
      while (gone - there > 1) {
        const middle = there + Math.floor((gone - there) / 2);
        if (await isThere(middle)) there = middle;
        else gone = middle;
      }
      return gone;
    } catch (error) {
      throw this.#failure(messageOf(error), error);
    }
  }

  #failure(why: string, cause: unknown): ConfetdError {
    return new ConfetdError('source', `etcdv3 (${this.#options.endpoints.join(', ')}): ${why}`, { cause });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#followings].map((following) => following.close()));
    this.#followings.clear();
    this.#client.close();
  }
}

interface Loaded {
  readonly snapshot: Snapshot;
  readonly clusterId: bigint;
  readonly raftTerm: number;
}

/** Reads subtrees at one revision, page by page. */
class Loader {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #pageSize: number;

  constructor(client: Client, { clock, pageSize = PAGE_SIZE }: EtcdV3Options) {
    this.#client = client;
    this.#clock = clock;
    this.#pageSize = pageSize;
  }

  /** Starts over where the revision is compacted, or the cluster replaced, meanwhile. */
  async load(subtrees: readonly Subtree[], signal: AbortSignal): Promise<Loaded> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.loadAt(subtrees, NEWEST, signal);
      } catch (error) {
        const again =
          error instanceof ConfetdError && error.code === 'out_of_range' && attempt < MAX_ATTEMPTS;
        if (!again) throw error;
      }
    }
  }

  /** Fails with `out_of_range` where the revision is compacted, or still to come. */
  async loadAt(subtrees: readonly Subtree[], asked: number, signal: AbortSignal): Promise<Loaded> {
    const [first = NO_KEY, ...others] = rangesOf(subtrees);
    // The first page settles the revision of all the others.
    const opening = await this.#page(first, asked, signal);
    const { clusterId, raftTerm } = opening.header;
    const revision = asked === NEWEST ? opening.header.revision : asked;
    const read = async (range: KeyRange, page: PairsPage): Promise<Pair[][]> => {
      const pages: Pair[][] = [];
      let current = page;
      for (let from = current.nextKey; from !== undefined; from = current.nextKey) {
        const next = this.#page({ key: from.toString('latin1'), end: range.end }, revision, signal);
        // Decoded while the next one is on its way: a turn later, when its request has been sent.
        const decoded = this.#clock.yield().then(current.pairs);
        const [pairs, following] = await Promise.all([decoded, next]);
        if (following.header.clusterId !== clusterId)
          throw new ConfetdError('out_of_range', 'another cluster answers');
        pages.push(pairs);
        current = following;
      }
      pages.push(current.pairs());
      return pages;
    };
    const start = { header: opening.header, pairs: () => [] };
    const parts = await inLanes(others, LANES, (range) =>
      read(range, { ...start, nextKey: toBytes(range.key) }),
    );
    const pairs = (await read(first, opening)).concat(...parts).flat();
    return { snapshot: { origin: clusterId.toString(16), revision, pairs }, clusterId, raftTerm };
  }

  #page(range: KeyRange, revision: number, signal: AbortSignal): Promise<PairsPage> {
    const request = RangeRequest.fromPartial({
      key: toBytes(range.key),
      rangeEnd: toBytes(range.end),
      limit: this.#pageSize,
      revision,
    });
    // Never of a member that was cut off: that would wait, or be behind what was seen before.
    return this.#client.call(RANGE_PAIRS, request, 'read', { signal, requireLeader: true });
  }
}

/** One follower: load, then one watch over the subtrees' hull, and anew whenever that can't go on. */
class EtcdV3Following implements Following {
  readonly #client: Client;
  readonly #options: EtcdV3Options;
  readonly #loader: Loader;
  readonly #subtrees: readonly Subtree[];
  readonly #listener: SourceListener;
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;
  #lost = false;
  /** The newest revision that the listener has. */
  #told = 0;

  constructor(
    client: Client,
    options: EtcdV3Options,
    loader: Loader,
    subtrees: readonly Subtree[],
    listener: SourceListener,
  ) {
    this.#client = client;
    this.#options = options;
    this.#loader = loader;
    this.#subtrees = subtrees;
    this.#listener = listener;
    this.#done = this.#run();
  }

  close(): Promise<void> {
    this.#abort.abort();
    return this.#done;
  }

  async #run(): Promise<void> {
    const { clock, random, firstRetryMs = FIRST_BACKOFF_MS, maxRetryMs = MAX_BACKOFF_MS } = this.#options;
    const { signal } = this.#abort;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const loaded = await this.#loader.load(this.#subtrees, signal);
        if (signal.aborted) return;
        this.#told = loaded.snapshot.revision;
        this.#listener.snapshot(loaded.snapshot);
        const startMs = clock.monotonicMs();
        const end = await this.#watch(loaded);
        if (end === undefined) return;
        if (clock.monotonicMs() - startMs > MAX_BACKOFF_MS) attempt = 0;
        // Compacted is no failure: the keys are there. The others mean that the store is not what it was.
        if (end.kind !== 'compacted') this.#lose(end.reason);
      } catch (error) {
        if (signal.aborted) return;
        this.#lose(messageOf(error));
      }
      await pause(clock, backoffMs(random, attempt, firstRetryMs, maxRetryMs), signal);
    }
  }

  #lose(reason: string): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#listener.lost(reason);
  }

  /** Resolves when the watch can't go on; undefined: it was closed. */
  #watch(loaded: Loaded): Promise<WatchEnd | undefined> {
    const { signal } = this.#abort;
    const { snapshot, clusterId, raftTerm } = loaded;
    const { revision } = snapshot;
    const { key, end } = hullOf(this.#subtrees);
    return new Promise((resolve) => {
      if (signal.aborted) {
        resolve(undefined);
        return;
      }
      const watching: Watching = this.#client.watch(
        {
          key: toBytes(key),
          rangeEnd: toBytes(end),
          startRevision: revision + 1,
          progressNotify: true,
          clusterId,
          seen: { revision, raftTerm },
        },
        {
          created: (_response, endpoint) => {
            this.#lost = false;
            this.#listener.found(endpoint);
          },
          events: (response) => {
            this.#tell(response);
          },
          // A quiet watch goes on with the store, so that a compaction doesn't pass it.
          progress: ({ header }) => this.#goOn(header?.revision ?? 0, []),
          lost: (reason) => this.#lose(reason),
          ended: resolve,
        },
      );
      signal.addEventListener(
        'abort',
        () => {
          watching.close();
          resolve(undefined);
        },
        { once: true },
      );
    });
  }

  /** Tells revisions that touch none of the subtrees too, as batches without changes: who waits for them may go on. */
  #tell(response: WatchResponse): void {
    const changes: Change[] = [];
    let revision = 0;
    for (const event of response.events) {
      const change = changeOf(event);
      revision = Math.max(revision, event.kv?.modRevision ?? 0);
      if (
        change !== undefined &&
        selects(this.#subtrees, change.type === 'put' ? change.pair.key : change.key)
      ) {
        changes.push(change);
      }
    }
    this.#goOn(revision, changes);
  }

  #goOn(revision: number, changes: readonly Change[]): void {
    if (revision <= this.#told) return;
    this.#told = revision;
    this.#listener.changes({ revision, changes, committedAtMs: undefined });
  }
}

function changeOf(event: Event): Change | undefined {
  const { kv, type } = event;
  if (kv === undefined) return undefined;
  const key = byteText(kv.key);
  const { modRevision } = kv;
  if (type === Event_EventType.DELETE) return { type: 'delete', key, modRevision };
  return { type: 'put', pair: { key, value: byteText(kv.value), modRevision } };
}

/** Runs `task` for each item, at most `lanes` at a time; the results in the items' order. */
async function inLanes<Item, Result>(
  items: readonly Item[],
  lanes: number,
  task: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) {
      const item = items[at];
      if (item !== undefined) results[at] = await task(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane));
  return results;
}

/** etcd's own sign for it. */
const NEWEST = 0;
const RANGE_PAIRS = { ...KVService.range, responseDeserialize: decodePage };
/** No subtree at all: a read that finds nothing still tells the revision. */
const NO_KEY: KeyRange = { key: '\0', end: '' };
/** Measured: each page costs etcd a walk over the whole range, for its count. */
const PAGE_SIZE = 25_000;
/** Longer than a hung member takes to be noticed: what is left is for the next one. */
const REQUEST_TIMEOUT_MS = 15_000;
const LANES = 8;
const MAX_ATTEMPTS = 10;
const FIRST_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 5_000;
