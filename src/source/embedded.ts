import { ConfetdError } from '../base/errors.js';
import type { FeedMessage, FeedRequest } from './feed.js';
import type { Following, Pair, Snapshot, Source, SourceListener, Subtree } from './types.js';

interface Follower {
  readonly listener: SourceListener;
  /** The snapshot that is on its way. */
  pairs: Pair[];
}

export interface EmbeddedSourceOptions {
  readonly post: (request: FeedRequest) => void;
  /** See `sharedTimeOffsetMs`; 0 where all threads' clocks are one. */
  readonly timeOffsetMs: number;
}

/** The member of this process, seen from the worker: what the feed server tells over a message port. */
export class EmbeddedSource implements Source {
  readonly name = 'embedded';
  readonly #options: EmbeddedSourceOptions;
  readonly #followers = new Map<number, Follower>();
  #lastId = 0;

  constructor(options: EmbeddedSourceOptions) {
    this.#options = options;
  }

  async load(subtrees: readonly Subtree[], signal: AbortSignal): Promise<Snapshot> {
    let following: Following | undefined;
    let reason = 'the member of this process has not answered';
    let onAbort = (): void => {};
    try {
      return await new Promise<Snapshot>((resolve, reject) => {
        onAbort = () => reject(new ConfetdError('source', `embedded: ${reason}`));
        signal.addEventListener('abort', onAbort, { once: true });
        if (signal.aborted) onAbort();
        following = this.follow(subtrees, {
          snapshot: resolve,
          changes: () => {},
          lost: (why) => {
            reason = why;
          },
          found: () => {},
        });
      });
    } finally {
      signal.removeEventListener('abort', onAbort);
      await following?.close();
    }
  }

  follow(subtrees: readonly Subtree[], listener: SourceListener): Following {
    const id = ++this.#lastId;
    this.#followers.set(id, { listener, pairs: [] });
    this.#options.post({ type: 'follow', id, subtrees });
    return {
      close: () => {
        if (this.#followers.delete(id)) this.#options.post({ type: 'close', id });
        return Promise.resolve();
      },
    };
  }

  /** A message of the feed server has come. */
  receive(message: FeedMessage): void {
    const { id } = message;
    const follower = this.#followers.get(id);
    // What was on its way when the following was closed: nobody waits for its acknowledgement.
    if (follower === undefined) return;
    switch (message.type) {
      case 'restart':
        follower.pairs = [];
        return;
      case 'pairs':
        for (const pair of message.pairs) follower.pairs.push(pair);
        this.#options.post({ type: 'ack', id });
        return;
      case 'snapshot': {
        const { pairs } = follower;
        follower.pairs = [];
        follower.listener.snapshot({ origin: message.origin, revision: message.revision, pairs });
        return;
      }
      case 'changes': {
        const { batch } = message;
        const { committedAtMs } = batch;
        const here = committedAtMs === undefined ? undefined : committedAtMs - this.#options.timeOffsetMs;
        follower.listener.changes({ ...batch, committedAtMs: here });
        this.#options.post({ type: 'ack', id });
        return;
      }
      case 'found':
        follower.listener.found('the member of this process');
        return;
      case 'lost':
        follower.listener.lost(message.reason, message.sinceMs);
    }
  }

  close(): Promise<void> {
    for (const id of this.#followers.keys()) this.#options.post({ type: 'close', id });
    this.#followers.clear();
    return Promise.resolve();
  }
}
