import type { Mirror } from '../source/mirror.js';
import { inSubtrees, outermost } from '../source/subtree.js';
import type { ChangeBatch, Following, Snapshot, Source, Subtree } from '../source/types.js';

export interface KeyFeedListener {
  /** The mirror has been loaded anew; `before`: what it was. */
  snapshot(snapshot: Snapshot, before: { readonly origin: string; readonly revision: number }): void;
  /** The mirror has gone on; `names` are another pair now; `from`: the first revision of the batch. */
  changes(batch: ChangeBatch, names: ReadonlySet<string>, from: number): void;
  found(where: string): void;
  lost(reason: string, sinceMs: number | undefined): void;
}

/** One call of the source's follow. */
interface Subscription {
  readonly subtrees: readonly Subtree[];
  following: Following;
}

/**
 * Keeps a mirror at a source's newest revision. When other subtrees are asked for, the mirror goes on with the old ones
 * until the source has told the new ones: a source that can't be reached holds nothing up that was there before.
 */
export class KeyFeed {
  readonly #source: Source;
  readonly #mirror: Mirror;
  readonly #listener: KeyFeedListener;
  #current: Subscription | undefined;
  #next: Subscription | undefined;
  #closed = false;

  constructor(source: Source, mirror: Mirror, listener: KeyFeedListener) {
    this.#source = source;
    this.#mirror = mirror;
    this.#listener = listener;
  }

  /** A snapshot has come. */
  get loaded(): boolean {
    return this.#current !== undefined;
  }

  /** Whether the mirror has all keys of the subtrees. */
  covers(subtrees: readonly Subtree[]): boolean {
    return subtrees.every(
      (subtree) =>
        this.#current?.subtrees.some(
          (have) => have === '' || (subtree !== '' && inSubtrees([have], subtree)),
        ) ?? false,
    );
  }

  /** Follows these subtrees from now on. */
  follow(subtrees: readonly Subtree[]): void {
    const wanted = outermost(subtrees);
    const latest = this.#next ?? this.#current;
    if (this.#closed || wanted.length === 0) return;
    if (latest !== undefined && same(latest.subtrees, wanted)) return;
    void this.#next?.following.close();
    const next = { subtrees: wanted, following: IDLE };
    const following = this.#source.follow(wanted, {
      snapshot: (snapshot) => this.#snapshot(next, snapshot),
      changes: (batch) => this.#changes(next, batch),
      found: (where) => {
        if (this.#isLive(next)) this.#listener.found(where);
      },
      lost: (reason, sinceMs) => {
        if (this.#isLive(next)) this.#listener.lost(reason, sinceMs);
      },
    });
    next.following = following;
    if (this.#current !== next) this.#next = next;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#current?.following.close(), this.#next?.following.close()]);
  }

  #isLive(one: Subscription): boolean {
    return !this.#closed && (one === this.#current || this.#next === undefined || one === this.#next);
  }

  #snapshot(one: Subscription, snapshot: Snapshot): void {
    if (!this.#isLive(one)) return;
    if (one !== this.#current) {
      void this.#current?.following.close();
      this.#current = one;
      this.#next = undefined;
    }
    const { origin, revision } = this.#mirror;
    this.#mirror.load(snapshot);
    this.#listener.snapshot(snapshot, { origin, revision });
  }

  #changes(one: Subscription, batch: ChangeBatch): void {
    if (this.#closed || one !== this.#current) return;
    const from = this.#mirror.revision + 1;
    this.#listener.changes(batch, this.#mirror.apply(batch), from);
  }
}

const IDLE: Following = { close: () => Promise.resolve() };

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, at) => item === b[at]);
}
