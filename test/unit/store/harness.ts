import { atOnce, type Sliced } from '../../../src/base/sliced.js';
import type { Clock } from '../../../src/io/clock.js';
import { NodeClock } from '../../../src/io/node/clock.js';
import type { Backend } from '../../../src/store/backend/backend.js';
import { MemoryBackend } from '../../../src/store/backend/memory.js';
import { rangeQuery } from '../../../src/store/range-query.js';
import { Store } from '../../../src/store/store.js';
import type { KeyValue, RangeQuery, StoreEvent, WatchBatch, WatchSink } from '../../../src/store/types.js';
import type { WriteTxn } from '../../../src/store/write-txn.js';

export function query(key: string, end = '', more: Partial<RangeQuery> = {}): RangeQuery {
  return rangeQuery({ key, end }, more);
}

export function openStore(
  backend: Backend = new MemoryBackend(),
  clock: Clock = new NodeClock(),
  sliceRows?: number,
): Store {
  return Store.open({
    backend,
    clock,
    ...(sliceRows !== undefined && { sliceRows }),
    onFailure: (error) => {
      throw error;
    },
  });
}

/** Runs an entry on a store, with the next index. */
export function entry<T>(store: Store, work: (txn: WriteTxn) => T): T {
  const txn = store.begin();
  const result = work(txn);
  txn.end(store.applied.index + 1, 1);
  return result;
}

/** Runs an entry in slices; `between` has a turn after each. False: it was given up. */
export async function slicedEntry(
  store: Store,
  work: (txn: WriteTxn) => Sliced<unknown>,
  between: (txn: WriteTxn) => unknown = () => undefined,
): Promise<boolean> {
  const txn = store.beginSliced();
  const run = function* (): Sliced<void> {
    yield* work(txn);
    yield* txn.settle();
  };
  for (const _ of run()) {
    await between(txn);
    if (txn.isOver) return false;
  }
  txn.end(store.applied.index + 1, 1);
  return true;
}

export function put(store: Store, key: string, value = key, lease = 0n): void {
  entry(store, (txn) => txn.put(key, Buffer.from(value), lease));
}

export function remove(store: Store, key: string, end = ''): void {
  entry(store, (txn) => atOnce(txn.deleteRange(key, end)));
}

/** A pair in one line: `key=value create/mod/version`. */
export function show(kv: KeyValue): string {
  return `${kv.key}=${kv.value.toString()} ${kv.createRevision}/${kv.modRevision}/${kv.version}`;
}

export function showEvent(event: StoreEvent): string {
  return event.type === 'put' ? `put ${show(event.kv)}` : `delete ${event.kv.key} ${event.kv.modRevision}`;
}

/** A sink that takes so many revisions and then none until it is told to go on. */
export class Recorder implements WatchSink {
  readonly batches: WatchBatch[] = [];
  compactedAt: number | undefined;
  credit: number;
  #waiting: { test: () => boolean; done: () => void }[] = [];

  constructor(credit = Number.POSITIVE_INFINITY) {
    this.credit = credit;
  }

  deliver(batch: WatchBatch): boolean {
    this.batches.push(batch);
    this.credit--;
    this.#check();
    return this.credit > 0;
  }

  compacted(revision: number): void {
    this.compactedAt = revision;
    this.#check();
  }

  get events(): string[] {
    return this.batches.flatMap(({ events }) => events.map(showEvent));
  }

  get revisions(): number[] {
    return this.batches.map(({ revision }) => revision);
  }

  /** Resolves once so many revisions have come in all. */
  has(count: number): Promise<void> {
    return this.#until(() => this.batches.length >= count);
  }

  ended(): Promise<void> {
    return this.#until(() => this.compactedAt !== undefined);
  }

  #until(test: () => boolean): Promise<void> {
    if (test()) return Promise.resolve();
    return new Promise((done) => this.#waiting.push({ test, done }));
  }

  #check(): void {
    for (const waiting of this.#waiting) if (waiting.test()) waiting.done();
  }
}
