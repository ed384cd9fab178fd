import { assert } from '../base/assert.js';
import type { ByteString } from '../base/bytes.js';
import { ConfetdError } from '../base/errors.js';
import type { Clock, Timer } from '../io/clock.js';
import type { Backend, Row, RowRange, TableName } from './backend/backend.js';
import { BatchWriter, type WriterOptions } from './batch-writer.js';
import { type Applied, readApplied, writeApplied } from './meta.js';
import { ChunkCursor, type Cursor, merge, Overlay } from './overlay.js';

/** Rows that make a batch worth writing at once. */
const FLUSH_ROWS = 1_000;
/** What is less waits so long for company. */
const FLUSH_DELAY_MS = 50;
/** So many take long to hand over: not in the turn that made them, which was long already. */
const LARGE_ROWS = 10_000;
/** More than this waiting, and the member applies nothing until a batch has been written. */
const MAX_PENDING_ROWS = 8_000;
const MAX_PENDING_BYTES = 32 * 1024 * 1024;

export interface TablesOptions extends WriterOptions {
  readonly backend: Backend;
}

/**
 * A memtable over the backend. Writes go to an ordered overlay in memory, and reads see it; whole prefixes of entries,
 * with the index they end at, go to the backend in one asynchronous batch at a time. The log keeps what isn't there
 * yet: after a crash the entries past {@link flushedIndex} are applied again.
 */
export class Tables {
  readonly #backend: Backend;
  readonly #clock: Clock;
  readonly #writer: BatchWriter;
  #active = new Overlay();
  /** On its way to the backend. */
  #flushing: Overlay | undefined;
  #applied: Applied;
  /** Of the newest batch begun, and of the newest one that is durable. */
  #handed: Applied;
  #flushed: Applied;
  #inEntry = false;
  #timer: Timer | undefined;
  #ended = false;
  #waiting: (() => void)[] = [];
  /** Batches begun, for {@link flush}. */
  #batches = 0;

  constructor({ backend, ...options }: TablesOptions) {
    this.#backend = backend;
    this.#clock = options.clock;
    this.#writer = new BatchWriter(backend, {
      ...options,
      onFailure: (error) => {
        if (this.#ended) return;
        this.#end();
        options.onFailure(error);
      },
      onFull: (full, reason) => {
        // Whoever waits for a flush waits no longer.
        this.#wakeWaiting();
        options.onFull?.(full, reason);
      },
    });
    this.#applied = readApplied(backend.get('meta', 'applied'));
    this.#handed = this.#applied;
    this.#flushed = this.#applied;
  }

  /** Of the last entry whose effects are here. */
  get applied(): Applied {
    return this.#applied;
  }

  /** Entries up to here are durable in the backend, so the log may let go of them. */
  get flushedIndex(): number {
    return this.#flushed.index;
  }

  /** Memory held for what isn't in the backend yet, about. */
  get pendingBytes(): number {
    return this.#active.bytes + (this.#flushing?.bytes ?? 0);
  }

  get pendingRows(): number {
    return this.#active.rows + (this.#flushing?.rows ?? 0);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The backend has no room: a batch is kept and tried again and again, and memory fills up to its bound. */
  get full(): boolean {
    return this.#writer.full;
  }

  get(table: TableName, key: ByteString): Buffer | undefined {
    let value = this.#active.get(table, key);
    if (value === undefined) value = this.#flushing?.get(table, key);
    if (value === undefined) return this.#backend.get(table, key);
    return value ?? undefined;
  }

  /** Rows in order, no more than the limit. They are of this moment: a caller that yields starts again from a key. */
  range(table: TableName, range: RowRange): Row[] {
    const { start, end, limit, reverse = false, keysOnly = false } = range;
    if (end !== undefined && end <= start) return [];
    const overlays: Cursor[] = [];
    for (const overlay of [this.#active, this.#flushing]) {
      const cursor = overlay?.cursor(table, start, end, reverse);
      if (cursor?.key !== undefined) overlays.push(cursor);
    }
    if (overlays.length === 0) return this.#backend.range(table, range);
    let ended = false;
    const base = new ChunkCursor((after) => {
      if (ended) return [];
      const from =
        after === undefined ? range : { ...range, ...(reverse ? { end: after } : { start: `${after}\0` }) };
      const rows = this.#backend.range(table, from);
      ended = rows.length < limit;
      return rows;
    });
    return merge([...overlays, base], { limit, reverse, keysOnly });
  }

  put(table: TableName, key: ByteString, value: Buffer): void {
    this.#active.set(table, key, value);
    if (!this.#inEntry) this.#flushSoon();
  }

  remove(table: TableName, key: ByteString): void {
    this.#active.set(table, key, null);
    if (!this.#inEntry) this.#flushSoon();
  }

  /** From here to {@link endEntry} nothing is handed to the backend. */
  beginEntry(): void {
    assert(!this.#inEntry, 'the entry before has not ended');
    if (this.#ended) {
      throw new ConfetdError('disk', 'the state can no longer be written; see the error logged before this');
    }
    this.#inEntry = true;
  }

  endEntry(applied: Applied): void {
    assert(this.#inEntry, 'no entry has begun');
    assert(applied.index > this.#applied.index, `entry ${applied.index} after ${this.#applied.index}`);
    this.#inEntry = false;
    this.#applied = applied;
    this.#flushSoon();
  }

  /**
   * Undefined: there is room for more. Otherwise it resolves once a batch has been written (or never will be).
   * `share` is the part of all room that the asker may fill: background work leaves the rest to entries.
   */
  room(share = 1): Promise<void> | undefined {
    if (this.#ended || this.#flushing === undefined) return undefined;
    if (this.pendingRows < share * MAX_PENDING_ROWS && this.pendingBytes < share * MAX_PENDING_BYTES) {
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /**
   * Everything applied so far is in the backend when it resolves; what comes later isn't waited for. Rejects with
   * `disk` where the backend has failed or is full.
   */
  async flush(): Promise<void> {
    assert(!this.#inEntry, 'flush inside an entry');
    const isPending = this.#active.rows > 0 || this.#applied.index > this.#handed.index;
    const last = this.#batches + (isPending ? 1 : 0);
    for (;;) {
      if (this.#ended) throw new ConfetdError('disk', 'the state could not be written');
      if (this.full) throw new ConfetdError('disk', 'the state waits for room on its disk');
      if (this.#batches >= last && (this.#flushing === undefined || this.#batches > last)) return;
      if (this.#flushing === undefined) this.#startFlush();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Writes no more. What isn't in the backend is left to the log; resolves when no write is under way. */
  async halt(): Promise<void> {
    this.#end();
    await this.#writer.stop();
  }

  #flushSoon(): void {
    if (this.#ended || this.#inEntry || this.#flushing !== undefined) return;
    const { rows } = this.#active;
    if (rows >= FLUSH_ROWS && rows < LARGE_ROWS) {
      this.#startFlush();
      return;
    }
    if (rows >= LARGE_ROWS) {
      this.#timer?.cancel();
      this.#timer = undefined;
    }
    this.#timer ??= this.#clock.schedule(rows >= LARGE_ROWS ? 0 : FLUSH_DELAY_MS, () => {
      this.#timer = undefined;
      // Inside an entry its end will see to it.
      if (!this.#ended && !this.#inEntry && this.#flushing === undefined) this.#startFlush();
    });
  }

  #startFlush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const frozen = this.#active;
    const applied = this.#applied;
    this.#active = new Overlay();
    this.#flushing = frozen;
    const writes = frozen.writes();
    writes.push({ table: 'meta', key: 'applied', value: writeApplied(applied) });
    this.#handed = applied;
    this.#batches++;
    this.#writer.write(writes, () => this.#wrote(applied));
  }

  #wrote(applied: Applied): void {
    if (this.#ended) return;
    this.#flushing = undefined;
    this.#flushed = applied;
    this.#wakeWaiting();
    if (this.#active.rows > 0 || this.#applied.index > applied.index) this.#flushSoon();
  }

  #end(): void {
    this.#ended = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#wakeWaiting();
  }

  #wakeWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
