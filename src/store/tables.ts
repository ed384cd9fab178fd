import { assert } from '../base/assert.js';
import type { ByteString } from '../base/bytes.js';
import { ConfetdError } from '../base/errors.js';
import type { Clock, Timer } from '../io/clock.js';
import type { Backend, Row, RowRange, TableName, Write } from './backend/backend.js';
import { BatchWriter, type WriterOptions } from './batch-writer.js';
import type { Layer, TableAccess } from './layer.js';
import { type Applied, readApplied, writeApplied } from './meta.js';
import { type Chunk, chunkOver, Overlay, rangeOver } from './overlay.js';

/** Rows that make a batch worth writing at once. */
const FLUSH_ROWS = 1_000;
/** What is less waits so long for company. */
const FLUSH_DELAY_MS = 50;
/** More than so many are listed one by one, as the backend takes them. */
const LARGE_ROWS = 2_000;
/** An entry of its own layer that has written no more goes to the others; a larger one is a generation by itself. */
const SMALL_LAYER_ROWS = 250;
/** So many of those wait for the backend at most. */
const MAX_LAYERS = 2;
/** More than this waiting, and the member applies nothing until a batch has been written. */
const MAX_PENDING_ROWS = 8_000;
const MAX_PENDING_BYTES = 32 * 1024 * 1024;

export interface TablesOptions extends WriterOptions {
  readonly backend: Backend;
}

/** Whole entries that change no more, until the backend has them. */
interface Generation {
  readonly overlay: Overlay;
  /** What the state is with them. */
  readonly applied: Applied;
  /** Made by one long entry. */
  readonly isLayer: boolean;
}

/**
 * A memtable over the backend. Writes go to an ordered overlay in memory, and reads see it; whole prefixes of entries,
 * with the index they end at, go to the backend in one asynchronous batch at a time. The log keeps what isn't there
 * yet: after a crash the entries past {@link flushedIndex} are applied again.
 */
export class Tables implements TableAccess {
  readonly #backend: Backend;
  readonly #clock: Clock;
  readonly #writer: BatchWriter;
  #active = new Overlay();
  /** The newest first; the last one is on its way to the backend. */
  #frozen: readonly Generation[] = [];
  /** {@link #active}, then those of {@link #frozen}: what a read looks through. */
  #overlays: readonly Overlay[] = [this.#active];
  #writing = false;
  #applied: Applied;
  #flushed: Applied;
  /** `apart`: its writes go to a layer, so the overlays hold whole entries only. */
  #entry: 'none' | 'direct' | 'apart' = 'none';
  #timer: Timer | undefined;
  #ended = false;
  #waiting: (() => void)[] = [];
  /** Generations made, and those written, for {@link flush}. */
  #made = 0;
  #written = 0;

  constructor({ backend, ...options }: TablesOptions) {
    this.#backend = backend;
    this.#clock = options.clock;
    this.#writer = new BatchWriter(backend, {
      ...options,
      onFailure: (error) => {
        if (this.#ended) return;
        this.#stop();
        options.onFailure(error);
      },
      onFull: (full, reason) => {
        // Whoever waits for a flush waits no longer.
        this.#wakeWaiting();
        options.onFull?.(full, reason);
      },
    });
    this.#applied = readApplied(backend.get('meta', 'applied'));
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
    let bytes = 0;
    for (const overlay of this.#overlays) bytes += overlay.bytes;
    return bytes;
  }

  get pendingRows(): number {
    let rows = 0;
    for (const overlay of this.#overlays) rows += overlay.rows;
    return rows;
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
    if (value === undefined && this.#frozen.length > 0) value = this.#getFrozen(table, key);
    if (value === undefined) return this.#backend.get(table, key);
    return value ?? undefined;
  }

  #getFrozen(table: TableName, key: ByteString): Buffer | null | undefined {
    for (const { overlay } of this.#frozen) {
      const value = overlay.get(table, key);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** `top` is an open entry's own layer. */
  range(table: TableName, range: RowRange, top?: Overlay): Row[] {
    if (range.end !== undefined && range.end <= range.start) return [];
    return rangeOver(this.#under(top), this.#backend, table, range);
  }

  chunk(table: TableName, range: RowRange, top?: Overlay): Chunk {
    if (range.end !== undefined && range.end <= range.start) return { rows: [], cut: undefined };
    return chunkOver(this.#under(top), this.#backend, table, range);
  }

  #under(top: Overlay | undefined): readonly Overlay[] {
    return top === undefined ? this.#overlays : [top, ...this.#overlays];
  }

  put(table: TableName, key: ByteString, value: Buffer): void {
    this.#active.set(table, key, value);
    if (this.#entry !== 'direct') this.#flushSoon();
  }

  remove(table: TableName, key: ByteString): void {
    this.#active.set(table, key, null);
    if (this.#entry !== 'direct') this.#flushSoon();
  }

  /** From here to {@link endEntry} nothing is handed to the backend. */
  beginEntry(): void {
    this.#begin('direct');
  }

  endEntry(applied: Applied): void {
    this.#end(applied, 'direct');
    this.#flushSoon();
  }

  /** An entry whose writes go to a layer: until it ends, all goes on as if there were none. */
  beginLayer(): void {
    this.#begin('apart');
  }

  /** The entry's writes are seen from now on. They aren't copied where they are many. */
  endLayer({ overlay }: Layer, applied: Applied): void {
    const before = this.#applied;
    this.#end(applied, 'apart');
    if (overlay.rows <= SMALL_LAYER_ROWS) {
      for (const { table, key, value } of overlay.eachWrite()) this.#active.set(table, key, value ?? null);
    } else {
      if (this.#isPending(before)) this.#freeze(before);
      this.#push({ overlay, applied, isLayer: true });
    }
    this.#flushSoon();
  }

  #begin(kind: 'direct' | 'apart'): void {
    assert(this.#entry === 'none', 'the entry before has not ended');
    if (this.#ended) {
      throw new ConfetdError('disk', 'the state can no longer be written; see the error logged before this');
    }
    this.#entry = kind;
  }

  #end(applied: Applied, kind: 'direct' | 'apart'): void {
    assert(this.#entry === kind, 'no entry has begun');
    assert(applied.index > this.#applied.index, `entry ${applied.index} after ${this.#applied.index}`);
    this.#entry = 'none';
    this.#applied = applied;
  }

  /**
   * Undefined: there is room for more. Otherwise it resolves once a batch has been written (or never will be).
   * `share` is the part of all room that the asker may fill: background work leaves the rest to entries.
   */
  room(share = 1): Promise<void> | undefined {
    if (this.#ended || !this.#writing) return undefined;
    let { rows, bytes } = this.#active;
    // Those of long entries are bounded by their number: they don't hold up short ones.
    let layers = 0;
    for (const { overlay, isLayer } of this.#frozen) {
      if (isLayer) layers++;
      rows += isLayer ? 0 : overlay.rows;
      bytes += isLayer ? 0 : overlay.bytes;
    }
    if (rows < share * MAX_PENDING_ROWS && bytes < share * MAX_PENDING_BYTES && layers < MAX_LAYERS) {
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /**
   * Everything applied so far is in the backend when it resolves; what comes later isn't waited for. Rejects with
   * `disk` where the backend has failed or is full.
   */
  async flush(): Promise<void> {
    assert(this.#entry !== 'direct', 'flush inside an entry');
    const last = this.#made + (this.#isPending(this.#applied) ? 1 : 0);
    for (;;) {
      if (this.#ended) throw new ConfetdError('disk', 'the state could not be written');
      if (this.full) throw new ConfetdError('disk', 'the state waits for room on its disk');
      if (this.#written >= last) return;
      if (!this.#writing) this.#startFlush();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Writes no more. What isn't in the backend is left to the log; resolves when no write is under way. */
  async halt(): Promise<void> {
    this.#stop();
    await this.#writer.stop();
  }

  #flushSoon(): void {
    if (this.#ended || this.#entry === 'direct' || this.#writing) return;
    if (this.#frozen.length > 0 || this.#active.rows >= FLUSH_ROWS) {
      this.#startFlush();
      return;
    }
    this.#timer ??= this.#clock.schedule(FLUSH_DELAY_MS, () => {
      this.#timer = undefined;
      // Inside an entry its end will see to it.
      if (!this.#ended && this.#entry !== 'direct' && !this.#writing) this.#startFlush();
    });
  }

  /** Whether the active overlay holds anything, or stands for entries that no generation has. */
  #isPending(applied: Applied): boolean {
    return this.#active.rows > 0 || applied.index > (this.#frozen[0]?.applied ?? this.#flushed).index;
  }

  #freeze(applied: Applied): void {
    const overlay = this.#active;
    this.#active = new Overlay();
    this.#push({ overlay, applied, isLayer: false });
  }

  #push(generation: Generation): void {
    this.#made++;
    this.#setFrozen([generation, ...this.#frozen]);
  }

  #setFrozen(frozen: readonly Generation[]): void {
    this.#frozen = frozen;
    this.#overlays = [this.#active, ...frozen.map(({ overlay }) => overlay)];
  }

  /** The oldest generation goes first, each with the index it ends at. */
  #startFlush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#frozen.length === 0) this.#freeze(this.#applied);
    const oldest = this.#frozen.at(-1);
    assert(oldest !== undefined, 'there is nothing to write');
    this.#writing = true;
    this.#writer.write(writesOf(oldest), () => this.#wrote(oldest));
  }

  #wrote({ applied }: Generation): void {
    if (this.#ended) return;
    this.#writing = false;
    this.#written++;
    this.#flushed = applied;
    this.#setFrozen(this.#frozen.slice(0, -1));
    this.#wakeWaiting();
    if (this.#frozen.length > 0 || this.#isPending(this.#applied)) this.#flushSoon();
  }

  #stop(): void {
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

/** A generation as one batch. It may have to be handed over more than once. */
function writesOf({ overlay, applied }: Generation): Iterable<Write> {
  const last: Write = { table: 'meta', key: 'applied', value: writeApplied(applied) };
  if (overlay.rows > LARGE_ROWS) return { [Symbol.iterator]: () => eachWrite(overlay, last) };
  const writes = overlay.writes();
  writes.push(last);
  return writes;
}

function* eachWrite(overlay: Overlay, last: Write): Generator<Write, void, void> {
  yield* overlay.eachWrite();
  yield last;
}
