import { type HistoryHost, RevisionReader } from './history.js';
import type { HubWatcher } from './watcher.js';
import { type EventSource, Gathered, type WatcherIndex } from './watcher-index.js';

/** Where the events of a revision come from, in slices. */
interface Source {
  /** The next ones; fewer than the limit are the last. */
  read(limit: number): readonly EventSource[];
  /** What was read counts no more: begin again. */
  readonly isStale: boolean;
}

/** One revision of very many events, made ready for its watchers in slices and then told as a whole. */
export class LongRevision {
  readonly revision: number;
  readonly #committedAtMs: number | undefined;
  readonly #open: () => Source;
  #source: Source;
  #gathered: Gathered;

  private constructor(revision: number, committedAtMs: number | undefined, open: () => Source) {
    this.revision = revision;
    this.#committedAtMs = committedAtMs;
    this.#open = open;
    this.#source = open();
    this.#gathered = new Gathered(revision, committedAtMs);
  }

  /** One that has just been committed. */
  static live(revision: number, events: readonly EventSource[], committedAtMs: number): LongRevision {
    return new LongRevision(revision, committedAtMs, () => {
      let at = 0;
      return {
        isStale: false,
        read: (limit) => {
          at += limit;
          return events.slice(at - limit, at);
        },
      };
    });
  }

  static past(history: HistoryHost, revision: number): LongRevision {
    return new LongRevision(revision, undefined, () => new RevisionReader(history, revision));
  }

  /** Goes on for so many events. True: all are there. The index is always the same one. */
  gather(index: WatcherIndex, limit: number): boolean {
    if (this.#source.isStale) {
      this.drop();
      this.#source = this.#open();
    }
    const events = this.#source.read(limit);
    index.gather(this.#gathered, events);
    return events.length < limit;
  }

  /** `full` hears of those who took it and want no more. */
  tell(full: (watcher: HubWatcher) => void): void {
    this.#gathered.tell(full);
  }

  /** Nobody is told. */
  drop(): void {
    this.#gathered.drop();
    this.#gathered = new Gathered(this.revision, this.#committedAtMs);
  }
}
