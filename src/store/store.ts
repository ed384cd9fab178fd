import { assert } from '../base/assert.js';
import type { ByteString } from '../base/bytes.js';
import { ConfetdError, messageOf } from '../base/errors.js';
import { etcdError } from '../base/etcd-errors.js';
import { Pace, type Sliced } from '../base/sliced.js';
import { type Clock, sleep } from '../io/clock.js';
import type { Backend, BackendCopy } from './backend/backend.js';
import type { WriterOptions } from './batch-writer.js';
import { type StoreHash, VersionHash } from './hash.js';
import { keyOfLeaseKey, leaseBounds } from './keys.js';
import { Layer, type TableAccess } from './layer.js';
import { LongReads } from './long-reads.js';
import { readCompacted, writeCompacted } from './meta.js';
import { RangeScan, singleResult } from './range-scan.js';
import { pairAt, type ReadView, RevisionView, SLICE_ROWS } from './read-view.js';
import { Scrubber } from './scrubber.js';
import { Tables } from './tables.js';
import type { KeyValue, RangeQuery, RangeResult, Watcher, WatchSink, WatchSpec } from './types.js';
import { VersionScan } from './version-scan.js';
import { WatchHub } from './watch/watch-hub.js';
import { type Committed, type RoomTable, type RowAccess, type TxnHost, WriteTxn } from './write-txn.js';

/** Of an entry, and of the events it makes: about a millisecond. */
const ENTRY_SLICE_ROWS = 200;
/** A hash takes about a second for a million keys, so it works for so long at once and rests as long as that. */
const HASH_STEP_MS = 1;
const HASH_REST_MS = 1;
/** Rows read at once: fewer where they are large. */
const HASH_ROWS = 100;
const FIRST_HASH_ROWS = 8;
const HASH_BYTES = 128 * 1024;
const LEASE_KEY_ROWS = 1_000;

/** `onFailure`: the state can't be written or read any more. Told once; the member must halt. */
export interface StoreOptions extends WriterOptions {
  readonly backend: Backend;
  /** Rows of a long entry that are applied in one turn; undefined: a fitting number. The result doesn't depend on it. */
  readonly sliceRows?: number;
}

/**
 * The keyspace with its history: every revision since the last compaction can be read and watched. One log entry at a
 * time changes it, through {@link begin}; reads see the newest entry, durable in the backend or not.
 */
export class Store implements TxnHost {
  readonly #clock: Clock;
  readonly #options: StoreOptions;
  readonly #hub: WatchHub;
  readonly #sliceRows: number;
  #backend: Backend;
  #tables: Tables;
  #scrubber: Scrubber;
  #revision: number;
  #compacted: number;
  readonly #reads = new LongReads();
  #failed = false;

  private constructor(options: StoreOptions) {
    this.#clock = options.clock;
    this.#options = options;
    this.#sliceRows = options.sliceRows ?? ENTRY_SLICE_ROWS;
    this.#hub = new WatchHub({
      history: this,
      clock: options.clock,
      sliceRows: this.#sliceRows,
      onFailure: (error) => this.#fail(error),
    });
    this.#backend = options.backend;
    this.#tables = this.#openTables();
    this.#scrubber = this.#openScrubber();
    this.#revision = this.#tables.applied.revision;
    this.#compacted = readCompacted(this.#tables.get('meta', 'compacted'));
    this.#resumeScrub();
  }

  /**
   * Opens the state that a backend holds; entries after `applied.index` are for the caller to apply again. Reads a
   * handful of rows, whatever its size.
   */
  static open(options: StoreOptions): Store {
    return new Store(options);
  }

  /** Of the newest entry. An empty store is at 1. */
  get revision(): number {
    return this.#revision;
  }

  /** Reads before it are refused; 0: nothing was compacted. */
  get compactedRevision(): number {
    return this.#compacted;
  }

  /** Index and term of the newest entry whose effects are here. */
  get applied(): { readonly index: number; readonly term: number } {
    return this.#tables.applied;
  }

  /** Entries up to here survive a power loss without the log. */
  get flushedIndex(): number {
    return this.#tables.flushedIndex;
  }

  /** Memory held for entries beyond {@link flushedIndex}, about. */
  get pendingBytes(): number {
    return this.#tables.pendingBytes;
  }

  /** The backend has no room for what was applied, which waits in memory. */
  get full(): boolean {
    return this.#tables.full;
  }

  get tables(): Tables {
    return this.#tables;
  }

  /** Undefined: apply on. Otherwise apply nothing until it resolves: the backend is behind. */
  room(): Promise<void> | undefined {
    return this.#tables.room();
  }

  /** Resolves when everything applied so far is durable in the backend; rejects with `disk` where that is full. */
  flush(): Promise<void> {
    return this.#tables.flush();
  }

  /** Bytes on disk (or where the backend keeps them), and those in use. Costs some 50 µs: not for every request. */
  size(): { readonly total: number; readonly inUse: number } {
    return this.#backend.size();
  }

  /** Opens an entry; {@link WriteTxn.end} must follow in the same turn. Throws `disk` once writing has failed. */
  begin(): WriteTxn {
    this.#tables.beginEntry();
    return new WriteTxn(this, { rows: this.#tables, layer: undefined, pace: new Pace(this.#sliceRows) });
  }

  /**
   * Opens an entry that may go on over several turns. Nobody sees anything of it before its end, and no other may begin
   * meanwhile. Where the state is closed or replaced first, the entry {@link WriteTxn.isOver | is over}.
   */
  beginSliced(): WriteTxn {
    this.#tables.beginLayer();
    const layer = new Layer(this.#tables);
    return new WriteTxn(this, { rows: layer, layer, pace: new Pace(this.#sliceRows) });
  }

  /** An entry without effects on any table, so that its index counts as applied. */
  skip(index: number, term: number): void {
    this.begin().end(index, term);
  }

  /** A key's newest pair. */
  get(key: ByteString): KeyValue | undefined {
    return pairAt(this.#tables, key, this.#revision, this.#revision);
  }

  /**
   * Reads at one revision, in one turn where that is short, otherwise in slices: the answer is the same. Throws (or
   * rejects with) `out_of_range` for a revision that is compacted or in the future.
   */
  range(query: RangeQuery): RangeResult | Promise<RangeResult> {
    this.checkRevision(query.revision);
    const revision = query.revision > 0 ? query.revision : this.#revision;
    if (query.end === '')
      return singleResult(query, pairAt(this.#tables, query.key, revision, this.#revision), this.#revision);
    const scan = new RangeScan(this.#tables, query, revision, this.#revision);
    scan.slice(SLICE_ROWS, this.#revision);
    return scan.done ? scan.result() : this.#finish(scan, revision);
  }

  /**
   * Reads several things at one revision, the newest one now, in as many turns as it takes. Rejects with what the work
   * throws, and with `unavailable` where the state is closed or replaced meanwhile.
   */
  async reading<T>(work: (view: ReadView) => Sliced<T>): Promise<T> {
    const slices = work(new RevisionView(this, new Pace(this.#sliceRows)));
    let step = slices.next();
    if (step.done !== true) {
      await this.#reads.run(this.#compacted, () => this.#clock.yield(), {
        done: () => step.done === true,
        slice: () => {
          step = slices.next();
        },
      });
    }
    return step.value as T;
  }

  /** Throws `out_of_range` for a revision that can't be read: compacted, or in the future. 0 is the newest. */
  checkRevision(revision: number): void {
    if (revision <= 0) return;
    if (revision < this.#compacted) throw etcdError('compacted');
    if (revision > this.#revision) throw etcdError('futureRevision');
  }

  watch(spec: WatchSpec, sink: WatchSink): Watcher {
    return this.#hub.watch(spec, sink);
  }

  /** Keys attached to a lease, sorted. */
  leaseKeys(lease: bigint): ByteString[] {
    const bounds = leaseBounds(lease);
    const keys: ByteString[] = [];
    for (let { start } = bounds; ; ) {
      const { rows, cut } = this.#tables.chunk('leaseKeys', {
        ...bounds,
        start,
        limit: LEASE_KEY_ROWS,
        keysOnly: true,
      });
      for (const { key } of rows) keys.push(keyOfLeaseKey(key));
      if (cut === undefined) return keys;
      start = `${cut}\0`;
    }
  }

  /** Another room's rows, for reading outside an entry. */
  table(name: RoomTable): Pick<RowAccess, 'get' | 'range'> {
    return {
      get: (key) => this.#tables.get(name, key),
      range: (range) => this.#tables.range(name, range),
    };
  }

  /**
   * Checksum of all that can be read up to a revision (0: the newest). Members whose revision and compacted revision
   * are equal have equal hashes. Rejects with `out_of_range` as {@link range} does, also where compaction passes the
   * revision meanwhile, and with `unavailable` where the state is closed or replaced.
   */
  async hash(revision: number): Promise<StoreHash> {
    this.checkRevision(revision);
    const at = revision > 0 ? revision : this.#revision;
    const compacted = this.#compacted;
    const hash = new VersionHash(compacted, at);
    const scan = new VersionScan(this.#tables, { start: '', end: undefined });
    const clock = this.#clock;
    let rows = FIRST_HASH_ROWS;
    await this.#reads.run(compacted, () => sleep(clock, HASH_REST_MS), {
      done: () => scan.done,
      slice: () => {
        this.checkRevision(at);
        const until = clock.monotonicMs() + HASH_STEP_MS;
        do {
          let bytes = 1;
          const versions = scan.slice(rows);
          for (const version of versions) {
            hash.add(version);
            bytes += version.record.length;
          }
          if (versions.length > 0)
            rows = Math.min(Math.max(Math.floor((HASH_BYTES * versions.length) / bytes), 1), HASH_ROWS);
        } while (!scan.done && clock.monotonicMs() < until);
      },
    });
    return { hash: hash.value, revision: at, compactedRevision: compacted };
  }

  /** A copy of the state for another member; its index is the one inside it. */
  async copy(): Promise<BackendCopy> {
    await this.flush();
    return this.#backend.copy();
  }

  /**
   * Goes on with another, newer state (a snapshot). Reads under way fail with `unavailable`; watchers are told what
   * they miss from its history, and nothing twice. The former backend is closed when it resolves.
   */
  async restore(backend: Backend): Promise<void> {
    const former = { backend: this.#backend, tables: this.#tables, revision: this.#revision };
    this.#scrubber.stop();
    this.#reads.end();
    this.#backend = backend;
    this.#tables = this.#openTables();
    this.#scrubber = this.#openScrubber();
    this.#revision = this.#tables.applied.revision;
    this.#compacted = readCompacted(this.#tables.get('meta', 'compacted'));
    this.#resumeScrub();
    this.#hub.restored(former.revision);
    // Its batch isn't wanted any more.
    if (former.tables.full) this.#options.onFull?.(false, '');
    await former.tables.halt();
    await former.backend.close();
  }

  /** Writes what is pending, if there is room, then closes the backend. Reads and entries after it fail. */
  async close(): Promise<void> {
    try {
      if (!this.#failed) await this.flush();
    } catch (error) {
      // What finds no room is left to the log.
      if (!this.full) throw error;
    }
    await this.halt();
    await this.#backend.close();
  }

  /** Stops at once, as a crash would: what isn't flushed is the log's to keep. The backend stays open. */
  async halt(): Promise<void> {
    this.#reads.end();
    this.#scrubber.stop();
    this.#hub.stop();
    await this.#tables.halt();
  }

  // What an open transaction asks for.

  readSingle(query: RangeQuery, revision: number, rows: TableAccess): RangeResult {
    const at = query.revision > 0 ? query.revision : revision;
    return singleResult(query, pairAt(rows, query.key, at, revision), revision);
  }

  *read(query: RangeQuery, revision: number, rows: TableAccess, pace: Pace): Sliced<RangeResult> {
    if (query.end === '') return this.readSingle(query, revision, rows);
    const at = query.revision > 0 ? query.revision : revision;
    const scan = new RangeScan(rows, query, at, revision);
    const most = Math.min(SLICE_ROWS, pace.rows);
    while (!scan.done) if (pace.spent(scan.slice(most, revision))) yield;
    return scan.result();
  }

  compact(revision: number): Promise<void> {
    if (revision <= this.#compacted) throw etcdError('compacted');
    if (revision > this.#revision) throw etcdError('futureRevision');
    this.#compacted = revision;
    this.#tables.put('meta', 'compacted', writeCompacted(revision));
    return this.#scrubber.scrub(revision);
  }

  commit({ index, term, revision, events, layer }: Committed): void {
    const moved = revision > this.#revision;
    this.#revision = revision;
    if (layer === undefined) this.#tables.endEntry({ index, term, revision });
    else this.#tables.endLayer(layer, { index, term, revision });
    if (moved) this.#hub.commit(revision, events);
  }

  async #finish(scan: RangeScan, revision: number): Promise<RangeResult> {
    await this.#reads.run(revision, () => this.#clock.yield(), {
      done: () => scan.done,
      slice: () => scan.slice(SLICE_ROWS, this.#revision),
    });
    return scan.result();
  }

  #openTables(): Tables {
    return new Tables({
      ...this.#options,
      backend: this.#backend,
      onFailure: (error) => this.#fail(error),
    });
  }

  #openScrubber(): Scrubber {
    return new Scrubber({
      tables: this.#tables,
      clock: this.#clock,
      oldestRead: () => this.#reads.oldest(this.#hub.oldestNeeded),
      onFailure: (error) => this.#fail(error),
    });
  }

  /** A compaction that a crash cut short goes on. */
  #resumeScrub(): void {
    assert(this.#compacted <= this.#revision, 'the compacted revision is ahead of the store');
    if (this.#compacted > 0) void this.#scrubber.scrub(this.#compacted);
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    void this.halt();
    this.#options.onFailure(
      error instanceof ConfetdError
        ? error
        : new ConfetdError('disk', `the state can't be read: ${messageOf(error)}`, { cause: error }),
    );
  }
}
