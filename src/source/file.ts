import { ConfetdError } from '../base/errors.js';
import { CountedKeys } from './counted-keys.js';
import { readKeys } from './files.js';
import { namePattern } from './name-pattern.js';
import { inSubtrees } from './subtree.js';
import type { Change, Following, Snapshot, Source, SourceListener, Subtree } from './types.js';

/** Tells when files or folders, or what is in them, may have changed. Resolves when every later change will be told. */
export type WatchPaths = (
  paths: readonly string[],
  tell: { readonly onChange: () => void; readonly onError: (message: string) => void },
) => Promise<{ close(): Promise<void> }>;

interface Follower {
  readonly subtrees: readonly Subtree[];
  readonly listener: SourceListener;
  /** It has had its snapshot. */
  started: boolean;
  /** It was told of the present spell of trouble. */
  lost: boolean;
}

/**
 * YAML and JSON files as keys. Where one key is in several files, the last one counts. Revisions count the changes that
 * this process has seen, from 1. A file that can't be read or parsed leaves the last good state in force.
 */
export class FileSource implements Source {
  readonly name = 'file';
  readonly #paths: readonly string[];
  readonly #watch: WatchPaths;
  readonly #filter: string;
  readonly #followers = new Set<Follower>();
  readonly #state: CountedKeys;
  #watching: Promise<{ close(): Promise<void> }> | undefined;
  /** Refreshes run one after another. */
  #refreshing: Promise<unknown> = Promise.resolve();
  /** One is queued and hasn't begun: another request is the same request. */
  #queued: Promise<string | undefined> | undefined;
  #closed = false;

  /**
   * Paths of files, or of folders whose .yaml, .yml and .json files are read in the order of their names; `filter`
   * (path.Match) leaves out those of folders whose name doesn't fit. Fails with `usage` where it isn't a pattern.
   */
  constructor(paths: readonly string[], watch: WatchPaths, filter = '*') {
    this.#paths = paths;
    this.#watch = watch;
    this.#filter = filter;
    this.#state = new CountedKeys(`file:${paths.join(',')}`);
    namePattern(filter);
  }

  async load(subtrees: readonly Subtree[], signal: AbortSignal): Promise<Snapshot> {
    const trouble = await beforeAbort(this.#refresh(), signal);
    if (trouble !== undefined) throw new ConfetdError('source', trouble);
    return this.#state.snapshot(subtrees);
  }

  follow(subtrees: readonly Subtree[], listener: SourceListener): Following {
    const follower: Follower = { subtrees, listener, started: false, lost: false };
    this.#followers.add(follower);
    this.#watching ??= this.#startWatching();
    void this.#watching.then(() => this.#refresh());
    return {
      close: async () => {
        this.#followers.delete(follower);
        if (this.#followers.size === 0) await this.#stopWatching();
      },
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#followers.clear();
    await this.#stopWatching();
    await this.#refreshing;
  }

  async #startWatching(): Promise<{ close(): Promise<void> }> {
    const tellLost = (message: string): void => {
      for (const follower of this.#followers) lose(follower, message);
    };
    try {
      return await this.#watch(this.#paths, { onChange: () => void this.#refresh(), onError: tellLost });
    } catch (error) {
      tellLost(`can't watch ${this.#paths.join(', ')}: ${String(error)}`);
      return { close: () => Promise.resolve() };
    }
  }

  async #stopWatching(): Promise<void> {
    const watching = await this.#watching;
    this.#watching = undefined;
    await watching?.close();
  }

  /** Reads everything anew and tells the followers. Answers what is wrong. */
  #refresh(): Promise<string | undefined> {
    if (this.#queued !== undefined) return this.#queued;
    const queued = this.#refreshing.then(() => {
      this.#queued = undefined;
      return this.#read();
    });
    this.#refreshing = this.#queued = queued;
    return queued;
  }

  async #read(): Promise<string | undefined> {
    const { keys, trouble } = await readKeys(this.#paths, namePattern(this.#filter));
    if (this.#closed) return 'the source is closed';
    if (keys === undefined) {
      for (const follower of this.#followers) lose(follower, trouble);
      return trouble;
    }
    const changes = this.#state.adopt(keys);
    for (const follower of this.#followers) this.#tell(follower, changes);
    return undefined;
  }

  #tell(follower: Follower, changes: readonly Change[]): void {
    const { subtrees, listener } = follower;
    if (follower.lost || !follower.started) listener.found(this.#paths.join(', '));
    follower.lost = false;
    if (!follower.started) {
      follower.started = true;
      listener.snapshot(this.#state.snapshot(subtrees));
      return;
    }
    const own = changes.filter((change) =>
      inSubtrees(subtrees, change.type === 'put' ? change.pair.key : change.key),
    );
    if (changes.length > 0) {
      listener.changes({ revision: this.#state.revision, changes: own, committedAtMs: undefined });
    }
  }
}

function lose(follower: Follower, reason: string): void {
  if (follower.lost) return;
  follower.lost = true;
  follower.listener.lost(reason);
}

async function beforeAbort<T>(task: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = (): void => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(new ConfetdError('source', 'the files were not read in time'));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([task, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
