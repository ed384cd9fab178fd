import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { FSWatcher } from 'chokidar';
import { messageOf } from '../base/errors.js';
import type { Clock, Timer } from '../io/clock.js';

export interface WatchOptions {
  readonly clock: Clock;
  /** Called once after each spell of changes, when it has been quiet. What has changed is for the callee to find out. */
  readonly onChange: () => void;
  /** Watching fails (too many watches, no permission); looking from time to time goes on. Called once a spell. */
  readonly onError: (message: string) => void;
}

export interface Watching {
  /** Nothing is called after it has resolved. */
  close(): Promise<void>;
}

const QUIET_MS = 200;
/** A writer that never rests doesn't put it off for ever. */
const MAX_WAIT_MS = 5_000;
/** How often the paths themselves are looked at: events get lost when a folder is removed and made again, or swapped. */
const LOOK_MS = 2_000;
const LOOK_WHILE_MISSING_MS = 250;
const MAX_DEPTH = 32;

/** Watches conf.d and templates. */
export function watchConfdir(confdir: string, options: WatchOptions): Promise<Watching> {
  return watchPaths([resolve(confdir, 'conf.d'), resolve(confdir, 'templates')], options);
}

/**
 * Watches files, and folders with all that is in them; links are followed, and what is missing may come later. Resolves
 * when every later change will be told.
 */
export async function watchPaths(paths: readonly string[], options: WatchOptions): Promise<Watching> {
  const watch = new PathWatch(paths, options);
  await watch.open();
  return watch;
}

class PathWatch implements Watching {
  readonly #paths: readonly string[];
  readonly #options: WatchOptions;
  #watcher: FSWatcher | undefined;
  #marks: readonly Mark[] = [];
  #look: Timer | undefined;
  #quiet: Timer | undefined;
  #spellStart = 0;
  #failing = false;
  /** One of the paths was removed since the watcher was made. */
  #unwatched = false;
  #closed = false;
  /** The look under way, so that closing can wait for it. */
  #looking: Promise<void> = Promise.resolve();

  constructor(paths: readonly string[], options: WatchOptions) {
    this.#paths = paths;
    this.#options = options;
  }

  async open(): Promise<void> {
    this.#marks = await Promise.all(this.#paths.map(markOf));
    await this.#arm();
    this.#lookLater();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#look?.cancel();
    this.#quiet?.cancel();
    await this.#looking;
    await this.#watcher?.close();
  }

  /** A new watcher: one whose folder was replaced would keep watching the old one. */
  async #arm(): Promise<void> {
    await this.#watcher?.close();
    const present = this.#paths.filter((_path, at) => this.#marks[at]?.identity !== MISSING);
    this.#watcher = undefined;
    if (present.length === 0) return;
    const { watch } = await import('chokidar');
    const watcher = watch(present, { ignoreInitial: true, ignorePermissionErrors: true, depth: MAX_DEPTH });
    this.#watcher = watcher;
    watcher.on('all', (event, path) => {
      // Made again at once, a folder may even get its old inode: the watch on it is gone all the same.
      if (event.startsWith('unlink') && this.#paths.includes(path)) this.#unwatched = true;
      this.#changed();
    });
    watcher.on('error', (error) => this.#fail(messageOf(error)));
    await new Promise<void>((ready) => {
      watcher.once('ready', () => ready());
      watcher.once('error', () => ready());
    });
  }

  #lookLater(): void {
    if (this.#closed) return;
    const missing = this.#marks.some(({ identity }) => identity === MISSING);
    this.#look = this.#options.clock.schedule(missing ? LOOK_WHILE_MISSING_MS : LOOK_MS, () => {
      this.#looking = this.#lookNow();
    });
  }

  /** Not waiting for the next look; one under way is followed by another. */
  #lookSoon(): void {
    this.#look?.cancel();
    this.#looking = this.#looking.then(() => {
      this.#look?.cancel();
      return this.#lookNow();
    });
  }

  #lookNow(): Promise<void> {
    return this.#compare()
      .catch((error: unknown) => this.#fail(messageOf(error)))
      .then(() => this.#lookLater());
  }

  async #compare(): Promise<void> {
    const before = this.#marks;
    const marks = await Promise.all(this.#paths.map(markOf));
    if (this.#closed) return;
    this.#marks = marks;
    const replaced = this.#unwatched || marks.some(({ identity }, at) => identity !== before[at]?.identity);
    this.#unwatched = false;
    if (replaced) await this.#arm();
    if (replaced || marks.some(({ version }, at) => version !== before[at]?.version)) this.#changed();
  }

  #changed(): void {
    if (this.#closed) return;
    const { clock } = this.#options;
    const now = clock.monotonicMs();
    if (this.#quiet === undefined) this.#spellStart = now;
    this.#quiet?.cancel();
    const delayMs = Math.max(0, Math.min(QUIET_MS, this.#spellStart + MAX_WAIT_MS - now));
    this.#quiet = clock.schedule(delayMs, () => {
      this.#quiet = undefined;
      this.#failing = false;
      if (this.#unwatched) this.#lookSoon();
      if (!this.#closed) this.#options.onChange();
    });
  }

  #fail(message: string): void {
    if (this.#failing || this.#closed) return;
    this.#failing = true;
    this.#options.onError(`can't watch ${this.#paths.join(' and ')}: ${message}`);
  }
}

/** What a path is now: which file or folder, and which version of it. */
interface Mark {
  readonly identity: string;
  readonly version: string;
}

const MISSING = 'missing';

async function markOf(path: string): Promise<Mark> {
  try {
    const { dev, ino, birthtimeMs, mtimeMs, size } = await stat(path);
    return { identity: `${dev}:${ino}:${birthtimeMs}`, version: `${mtimeMs}:${size}` };
  } catch {
    return { identity: MISSING, version: '' };
  }
}
