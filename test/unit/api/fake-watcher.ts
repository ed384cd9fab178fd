import type { StoreEvent, WatchBatch, Watcher, WatchSink, WatchSpec } from '../../../src/store/types.js';

/** What a watcher sees of its member. */
export interface Watched {
  readonly revision: number;
  readonly compacted: number;
  readonly history: readonly { readonly revision: number; readonly events: readonly StoreEvent[] }[];
  readonly watchers: Set<FakeWatcher>;
}

/** A watcher as the store's: a position, never a queue. */
export class FakeWatcher implements Watcher {
  position: number;
  stopped = false;
  resumed = 0;
  readonly #member: Watched;
  readonly #spec: WatchSpec;
  readonly #sink: WatchSink;

  constructor(member: Watched, spec: WatchSpec, sink: WatchSink) {
    this.#member = member;
    this.#spec = spec;
    this.#sink = sink;
    this.position = spec.startRevision === 0 ? member.revision + 1 : spec.startRevision;
  }

  get synced(): boolean {
    return !this.stopped && this.position > this.#member.revision;
  }

  resume(): void {
    this.resumed++;
    this.stopped = false;
    this.catchUp();
  }

  cancel(): void {
    this.#member.watchers.delete(this);
  }

  live(committedAtMs: number): void {
    if (!this.stopped && this.position >= this.#member.revision) this.#advance(committedAtMs);
  }

  catchUp(): void {
    // A little later, as a store that reads history does.
    setImmediate(() => {
      if (this.#member.watchers.has(this)) this.#advance(undefined);
    });
  }

  #advance(committedAtMs: number | undefined): void {
    if (this.position <= this.#member.compacted) {
      this.#member.watchers.delete(this);
      this.#sink.compacted(this.#member.compacted);
      return;
    }
    for (const { revision, events } of this.#member.history) {
      if (this.stopped) return;
      if (revision < this.position) continue;
      this.position = revision + 1;
      const wanted = events.filter((event) => this.#wants(event));
      if (wanted.length === 0) continue;
      const batch: WatchBatch = { revision, events: wanted, committedAtMs };
      if (!this.#sink.deliver(batch)) this.stopped = true;
    }
  }

  #wants({ type, kv: { key } }: StoreEvent): boolean {
    if (type === 'put' ? this.#spec.noPut : this.#spec.noDelete) return false;
    const { key: start, end } = this.#spec;
    return end === '' ? key === start : key >= start && (end === '\0' || key < end);
  }
}
