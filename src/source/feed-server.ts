import { byteText } from '../base/byte-text.js';
import { byteStringToUtf8, utf8ToByteString } from '../base/bytes.js';
import { ConfetdError, messageOf } from '../base/errors.js';
import type { Clock, Timer } from '../io/clock.js';
import type {
  EmbeddedFeed,
  FeedBatch,
  FeedMessage,
  FeedPair,
  FeedRequest,
  FeedSink,
  FeedWatcher,
} from './feed.js';
import { LeaderWatch } from './leader-watch.js';
import { rangesOf, selects } from './ranges.js';
import type { Change, Pair } from './types.js';

export interface FeedServerOptions {
  readonly post: (message: FeedMessage) => void;
  readonly clock: Clock;
  /** See `sharedTimeOffsetMs`; 0 where all threads' clocks are one. */
  readonly timeOffsetMs: number;
}

/** Unacknowledged bytes of one following; below half of it a watch that was stopped goes on. */
const MAX_UNACKNOWLEDGED_BYTES = 8 * 1024 * 1024;
/** Unacknowledged batches; what comes then is merged. */
const MAX_UNACKNOWLEDGED_BATCHES = 64;
/** One turn of the event loop converts so many pairs of a snapshot, and about so many bytes. */
const PAGE_PAIRS = 1_000;
const PAGE_BYTES = 1024 * 1024;
/** What a pair costs besides its texts. */
const PAIR_OVERHEAD_BYTES = 64;
const CUT_OFF = 'cut off from the leader';
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;

/** The main thread's side of embedded sources: tells snapshots and changes, with credits, in turns that stay short. */
export class FeedServer {
  readonly #feed: EmbeddedFeed;
  readonly #options: FeedServerOptions;
  readonly #subscriptions = new Map<number, Subscription>();
  readonly #leader: LeaderWatch;

  constructor(feed: EmbeddedFeed, options: FeedServerOptions) {
    this.#feed = feed;
    this.#options = options;
    this.#leader = new LeaderWatch({
      clock: options.clock,
      leaderKnown: () => feed.leaderKnown,
      onChange: () => {
        for (const subscription of this.#subscriptions.values()) subscription.report();
      },
    });
  }

  receive(request: FeedRequest): void {
    const { id } = request;
    switch (request.type) {
      case 'follow': {
        const subscription = new Subscription(id, request.subtrees, this.#feed, this.#leader, this.#options);
        this.#subscriptions.set(id, subscription);
        this.#leader.start();
        subscription.start();
        return;
      }
      case 'ack':
        this.#subscriptions.get(id)?.acknowledge();
        return;
      case 'close':
        this.#subscriptions.get(id)?.close();
        this.#subscriptions.delete(id);
        if (this.#subscriptions.size === 0) this.#leader.stop();
    }
  }

  close(): void {
    this.#leader.stop();
    for (const subscription of this.#subscriptions.values()) subscription.close();
    this.#subscriptions.clear();
  }
}

/** Changes gathered for one message. */
interface Gathered {
  revision: number;
  changes: Change[];
  committedAtMs: number | undefined;
  bytes: number;
}

class Subscription implements FeedSink {
  readonly #id: number;
  readonly #subtrees: readonly string[];
  /** The subtrees as bytes, to compare keys before anything is decoded. */
  readonly #byteSubtrees: readonly string[];
  readonly #feed: EmbeddedFeed;
  readonly #leader: LeaderWatch;
  readonly #options: FeedServerOptions;
  #watcher: FeedWatcher | undefined;
  /** Bytes of each message that isn't acknowledged, oldest first. */
  readonly #inFlight: number[] = [];
  #bytes = 0;
  #gathered: Gathered | undefined;
  #flushDue = false;
  #stopped = false;
  #roomWaiters: (() => void)[] = [];
  #failures = 0;
  #retry: Timer | undefined;
  /** Why there is no snapshot; '': nothing is wrong. */
  #trouble = '';
  #loaded = false;
  #told: 'nothing' | 'found' | 'lost' = 'nothing';
  #closed = false;

  constructor(
    id: number,
    subtrees: readonly string[],
    feed: EmbeddedFeed,
    leader: LeaderWatch,
    options: FeedServerOptions,
  ) {
    this.#id = id;
    this.#subtrees = subtrees;
    this.#byteSubtrees = subtrees.map(utf8ToByteString);
    this.#feed = feed;
    this.#leader = leader;
    this.#options = options;
  }

  /** Tells whether news comes, where that is another answer than before. */
  report(): void {
    const { post, clock } = this.#options;
    const id = this.#id;
    if (this.#closed) return;
    const { state, sinceMs = clock.wallMs() } = this.#leader;
    const reason = state === 'cut off' ? CUT_OFF : this.#trouble;
    if (reason !== '') {
      if (this.#told === 'lost') return;
      this.#told = 'lost';
      post({ type: 'lost', id, reason, sinceMs });
    } else if (this.#loaded && state === 'known' && this.#told !== 'found') {
      this.#told = 'found';
      post({ type: 'found', id });
    }
  }

  start(): void {
    void this.#snapshot().catch((error: unknown) => this.#again(error));
  }

  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
    this.#watcher?.cancel();
    this.#wakeWaiters();
  }

  acknowledge(): void {
    this.#bytes -= this.#inFlight.shift() ?? 0;
    this.#flush();
    if (this.#bytes + (this.#gathered?.bytes ?? 0) > MAX_UNACKNOWLEDGED_BYTES / 2) return;
    this.#wakeWaiters();
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#watcher?.resume();
  }

  deliver({ revision, events, committedAtMs }: FeedBatch): boolean {
    this.#gathered ??= { revision, changes: [], committedAtMs, bytes: 0 };
    const gathered = this.#gathered;
    gathered.revision = revision;
    gathered.committedAtMs = committedAtMs ?? gathered.committedAtMs;
    for (const { type, kv } of events) {
      if (!selects(this.#byteSubtrees, kv.key)) continue;
      gathered.changes.push(
        type === 'put'
          ? { type, pair: pairOf(kv) }
          : { type, key: byteStringToUtf8(kv.key), modRevision: kv.modRevision },
      );
      gathered.bytes += sizeOf(kv);
    }
    this.#flushSoon();
    this.#stopped = this.#bytes + gathered.bytes >= MAX_UNACKNOWLEDGED_BYTES;
    return !this.#stopped;
  }

  compacted(): void {
    this.#watcher = undefined;
    this.#gathered = undefined;
    this.start();
  }

  /** All pairs at one revision, and then every change after it. */
  async #snapshot(): Promise<void> {
    const { clock, post } = this.#options;
    await this.#ready();
    let revision = 0;
    let limit = PAGE_PAIRS;
    for (const range of rangesOf(this.#subtrees)) {
      for (let { key } = range; ; ) {
        if (this.#closed) return;
        const page = await this.#feed.page({ key, end: range.end }, revision, limit);
        // Every further page is of the first one's revision.
        revision = page.revision;
        const bytes = page.pairs.reduce((sum, pair) => sum + sizeOf(pair), 0);
        if (this.#closed) return;
        if (page.pairs.length > 0)
          this.#send({ type: 'pairs', id: this.#id, pairs: page.pairs.map(pairOf) }, bytes);
        limit = Math.max(1, Math.min(PAGE_PAIRS, Math.floor((limit * PAGE_BYTES) / Math.max(1, bytes))));
        const last = page.pairs.at(-1);
        if (!page.more || last === undefined) break;
        key = `${last.key}\0`;
        await clock.yield();
        if (this.#bytes >= MAX_UNACKNOWLEDGED_BYTES) await this.#room();
      }
    }
    if (this.#closed) return;
    this.#failures = 0;
    post({ type: 'snapshot', id: this.#id, origin: this.#feed.origin, revision });
    this.#loaded = true;
    this.#trouble = '';
    this.report();
    this.#watcher = this.#feed.watch(revision + 1, this);
  }

  async #ready(): Promise<void> {
    try {
      await this.#feed.ready();
    } catch (error) {
      const why = `nothing is rendered until this member has caught up with its cluster: ${messageOf(error)}`;
      throw new ConfetdError('unavailable', why, { cause: error });
    }
  }

  #again(error: unknown): void {
    if (this.#closed) return;
    const { clock, post } = this.#options;
    post({ type: 'restart', id: this.#id });
    // Compacted while it was being read: nothing is wrong.
    const compacted = error instanceof ConfetdError && error.code === 'out_of_range';
    if (!compacted) this.#trouble = messageOf(error);
    this.report();
    const delayMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 10);
    this.#retry = clock.schedule(compacted ? 0 : delayMs, () => this.start());
  }

  /** After everything that this turn commits, as one message. */
  #flushSoon(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    queueMicrotask(() => {
      this.#flushDue = false;
      this.#flush();
    });
  }

  #flush(): void {
    const gathered = this.#gathered;
    if (gathered === undefined || this.#closed) return;
    // A mere revision isn't worth a message while others are on their way.
    const room = gathered.changes.length === 0 ? 1 : MAX_UNACKNOWLEDGED_BATCHES;
    if (this.#inFlight.length >= room) return;
    this.#gathered = undefined;
    const { revision, changes, committedAtMs, bytes } = gathered;
    const shared = committedAtMs === undefined ? undefined : committedAtMs + this.#options.timeOffsetMs;
    this.#send({ type: 'changes', id: this.#id, batch: { revision, changes, committedAtMs: shared } }, bytes);
  }

  #send(message: FeedMessage, bytes: number): void {
    this.#inFlight.push(bytes);
    this.#bytes += bytes;
    this.#options.post(message);
  }

  #room(): Promise<void> {
    return new Promise((resolve) => this.#roomWaiters.push(resolve));
  }

  #wakeWaiters(): void {
    const waiters = this.#roomWaiters;
    this.#roomWaiters = [];
    for (const wake of waiters) wake();
  }
}

function pairOf({ key, value, modRevision }: FeedPair): Pair {
  return { key: byteStringToUtf8(key), value: byteText(value), modRevision };
}

function sizeOf({ key, value }: FeedPair): number {
  return key.length + value.length + PAIR_OVERHEAD_BYTES;
}
