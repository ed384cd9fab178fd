import { ConfetdError } from '../../../src/base/errors.js';
import type { EmbeddedFeed, FeedBatch, FeedSink } from '../../../src/source/feed.js';

/** A member with history, as its feed shows it. */
export class FeedStore implements EmbeddedFeed {
  readonly origin = 'abc';
  revision = 0;
  compacted = 0;
  readonly #history: FeedBatch[] = [];
  readonly #watchers = new Set<{ sink: FeedSink; next: number; open: boolean }>();
  pages = 0;
  /** Runs before each page is answered. */
  beforePage = (): void => {};
  broken = '';
  leaderKnown = true;
  /** Why the applied state may not be rendered yet. */
  unready = '';

  ready(): Promise<void> {
    return this.unready === ''
      ? Promise.resolve()
      : Promise.reject(new ConfetdError('unavailable', this.unready));
  }

  put(keys: Readonly<Record<string, string | null>>): void {
    this.#commit(keys);
    this.#drain();
  }

  /** The state of the leader is installed: so many revisions further, and none before it can be told. */
  install(revisions: number, keys: Readonly<Record<string, string | null>>): void {
    for (let count = 0; count < revisions; count++) this.#commit(keys);
    this.compacted = this.revision;
    this.#drain();
  }

  #commit(keys: Readonly<Record<string, string | null>>): void {
    this.revision++;
    const events = Object.entries(keys).map(([key, value]) => ({
      type: value === null ? ('delete' as const) : ('put' as const),
      kv: {
        key: Buffer.from(key).toString('latin1'),
        value: Buffer.from(value ?? ''),
        modRevision: this.revision,
      },
    }));
    this.#history.push({ revision: this.revision, events, committedAtMs: 100 + this.revision });
  }

  at(revision: number): Map<string, Buffer> {
    const pairs = new Map<string, Buffer>();
    for (const batch of this.#history) {
      if (batch.revision > revision) break;
      for (const { type, kv } of batch.events) {
        if (type === 'put') pairs.set(kv.key, kv.value);
        else pairs.delete(kv.key);
      }
    }
    return pairs;
  }

  page: EmbeddedFeed['page'] = async ({ key, end }, asked, limit) => {
    this.pages++;
    this.beforePage();
    await Promise.resolve();
    if (this.broken !== '') throw new ConfetdError('unavailable', this.broken);
    const revision = asked || this.revision;
    if (revision < this.compacted) throw new ConfetdError('out_of_range', 'compacted');
    const all = [...this.at(revision)]
      .filter(([name]) => (end === '' ? name === key : name >= key && (end === '\0' || name < end)))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const pairs = all.slice(0, limit).map(([name, value]) => ({ key: name, value, modRevision: 1 }));
    return { revision, pairs, more: all.length > limit };
  };

  watch(startRevision: number, sink: FeedSink) {
    const watcher = { sink, next: startRevision, open: true };
    this.#watchers.add(watcher);
    this.#drain();
    return {
      resume: () => {
        watcher.open = true;
        this.#drain();
      },
      cancel: () => this.#watchers.delete(watcher),
    };
  }

  #drain(): void {
    for (const watcher of this.#watchers) {
      while (watcher.open && watcher.next <= this.revision) {
        if (watcher.next <= this.compacted) {
          this.#watchers.delete(watcher);
          watcher.sink.compacted(this.compacted);
          break;
        }
        const batch = this.#history[watcher.next - 1];
        watcher.next++;
        if (batch !== undefined) watcher.open = watcher.sink.deliver(batch);
      }
    }
  }
}
