import { assert } from '../base/assert.js';
import type { ByteString } from '../base/bytes.js';
import type { Pace, Sliced } from '../base/sliced.js';
import type { V2Record } from '../proto/generated/store.js';
import type { Row, RowRange, TableName } from './backend/backend.js';
import { deletedKeyValue, encodeEvent, LiveEvent } from './events.js';
import {
  checkKey,
  eventKey,
  keyOfLeaseKey,
  latestBounds,
  leaseBounds,
  leaseKeyKey,
  pastKey,
} from './keys.js';
import type { Layer, TableAccess } from './layer.js';
import { decodeRecord, encodeRecord, endRecord } from './record.js';
import type { KeyValue, RangeQuery, RangeResult } from './types.js';

/** Rows read at once while keys are deleted: fewer where they are large. */
const CHUNK_ROWS = 250;
const FIRST_CHUNK_ROWS = 32;
const CHUNK_BYTES = 256 * 1024;

/** Tables that the store keeps itself: other rooms read and write the rest. */
type StoreTable = 'latest' | 'past' | 'events' | 'leaseKeys';
export type RoomTable = Exclude<TableName, StoreTable>;

/** Rows of another room (leases, members, alarms, users), written in the same batch as the entry they belong to. */
export interface RowAccess {
  get(key: ByteString): Buffer | undefined;
  range(range: RowRange): Row[];
  put(key: ByteString, value: Buffer): void;
  remove(key: ByteString): void;
}

/** What the store lends to the one transaction that is open. */
export interface TxnHost {
  readonly revision: number;
  readSingle(query: RangeQuery, revision: number, rows: TableAccess): RangeResult;
  read(query: RangeQuery, revision: number, rows: TableAccess, pace: Pace): Sliced<RangeResult>;
  checkRevision(revision: number): void;
  compact(revision: number): Promise<void>;
  commit(entry: Committed): void;
}

/** The effects of an entry, as they become everybody's. */
export interface Committed {
  readonly index: number;
  readonly term: number;
  readonly revision: number;
  readonly events: readonly LiveEvent[];
  /** Where its writes are; undefined: in the tables. */
  readonly layer: Layer | undefined;
}

/** Where a transaction's writes go. */
export interface TxnRows {
  /** With the layer on top, if there is one. */
  readonly rows: TableAccess;
  /** Its own, where it may take several turns; undefined: it ends in the turn in which it began. */
  readonly layer: Layer | undefined;
  readonly pace: Pace;
}

/**
 * The effects of one log entry. All writes share one revision; where there are none the revision doesn't move. A key
 * has at most one event in a revision: its last change counts. What may be long comes in slices: in a transaction with
 * a layer there may be turns between them, and nobody sees anything of it until it ends.
 */
export class WriteTxn {
  /** Says when a slice of this entry is full. */
  readonly pace: Pace;
  readonly #host: TxnHost;
  readonly #rows: TableAccess;
  readonly #layer: Layer | undefined;
  /** The revision that the first write makes. */
  readonly #main: number;
  #wrote = false;
  #events: LiveEvent[] = [];
  /** So many events at the beginning have keys that rise. */
  #rising = 0;
  /** Position of the events after those by key. */
  #positions: Map<ByteString, number> | undefined;
  #anyReplaced = false;
  /** Events that have their rows, and how many rows those are. */
  #written = 0;
  #rowsWritten = 0;
  #v2: V2Record | undefined;
  #atEnd: (() => void)[] | undefined;
  #ended = false;

  constructor(host: TxnHost, { rows, layer, pace }: TxnRows) {
    this.#host = host;
    this.#main = host.revision + 1;
    this.#rows = rows;
    this.#layer = layer;
    this.pace = pace;
  }

  /** The newest revision as seen from inside: the one being made, once something was written. */
  get revision(): number {
    return this.#wrote ? this.#main : this.#main - 1;
  }

  /** Given up, because the state was closed or replaced: it must not go on, and what it did is nobody's. */
  get isOver(): boolean {
    return this.#layer?.isOver === true;
  }

  get(key: ByteString): KeyValue | undefined {
    const record = this.#rows.get('latest', key);
    return record === undefined ? undefined : decodeRecord(key, record);
  }

  /** As {@link range}, of one key: it takes no slices. */
  single(query: RangeQuery): RangeResult {
    this.#host.checkRevision(query.revision);
    return this.#host.readSingle(query, this.revision, this.#rows);
  }

  /** Sees the writes before it. Throws `out_of_range` for a revision that is compacted or in the future. */
  *range(query: RangeQuery): Sliced<RangeResult> {
    this.#host.checkRevision(query.revision);
    return yield* this.#host.read(query, this.revision, this.#rows, this.pace);
  }

  /** Stores a pair and answers the one before. Whether the lease exists is the caller's to know. */
  put(key: ByteString, value: Buffer, lease: bigint): KeyValue | undefined {
    checkKey(key);
    const rows = this.#rows;
    const record = rows.get('latest', key);
    const previous = record === undefined ? undefined : decodeRecord(key, record);
    const next = encodeRecord({
      key,
      value,
      createRevision: previous?.createRevision ?? this.#main,
      modRevision: this.#main,
      version: (previous?.version ?? 0) + 1,
      lease,
    });
    if (record !== undefined && previous !== undefined) this.#retire(previous, record);
    rows.put('latest', key, next);
    this.#moveLease(key, previous?.lease ?? 0n, lease);
    this.#record(new LiveEvent('put', decodeRecord(key, next), previous));
    return previous;
  }

  /** Deletes one key and answers what was there. */
  delete(key: ByteString): KeyValue | undefined {
    const record = this.#rows.get('latest', key);
    return record === undefined ? undefined : this.#delete(key, record);
  }

  /** Deletes one key (`end` is '') or a range, and answers what was there, in the order of the keys. */
  *deleteRange(key: ByteString, end: ByteString): Sliced<KeyValue[]> {
    if (end === '') {
      const gone = this.delete(key);
      return gone === undefined ? [] : [gone];
    }
    const deleted: KeyValue[] = [];
    const bounds = latestBounds(key, end);
    const most = Math.min(CHUNK_ROWS, this.pace.rows);
    let limit = Math.min(FIRST_CHUNK_ROWS, most);
    // Behind what was deleted: from the start, each chunk would step over all that went before it.
    for (let start: ByteString | undefined = bounds.start; start !== undefined; ) {
      const { rows, cut } = this.#rows.chunk('latest', { ...bounds, start, limit });
      let bytes = 0;
      for (const row of rows) {
        bytes += row.value.length;
        deleted.push(this.#delete(row.key, row.value));
      }
      if (this.pace.spent(cut === undefined ? rows.length : limit, bytes)) yield;
      if (rows.length > 0)
        limit = Math.min(Math.max(Math.floor((CHUNK_BYTES * rows.length) / bytes), 1), most);
      start = cut === undefined ? undefined : `${cut}\0`;
    }
    return deleted;
  }

  /** Deletes the keys attached to a lease, in their order, and answers what was there. */
  *deleteLeaseKeys(lease: bigint): Sliced<KeyValue[]> {
    const deleted: KeyValue[] = [];
    const bounds = leaseBounds(lease);
    const limit = Math.min(CHUNK_ROWS, this.pace.rows);
    for (let start: ByteString | undefined = bounds.start; start !== undefined; ) {
      const { rows, cut } = this.#rows.chunk('leaseKeys', { ...bounds, start, limit, keysOnly: true });
      for (const row of rows) {
        const gone = this.delete(keyOfLeaseKey(row.key));
        if (gone !== undefined) deleted.push(gone);
        if (this.pace.spent(1, gone?.value.length)) yield;
      }
      start = cut === undefined ? undefined : `${cut}\0`;
    }
    return deleted;
  }

  /** The rows of another room. */
  table(name: RoomTable): RowAccess {
    const rows = this.#rows;
    return {
      get: (key) => rows.get(name, key),
      range: (range) => rows.range(name, range),
      put: (key, value) => rows.put(name, key, value),
      remove: (key) => rows.remove(name, key),
    };
  }

  /** etcd v2's view of this revision, kept with its first event. */
  setV2Record(record: V2Record): void {
    this.#v2 = record;
  }

  /**
   * Makes history before `revision` unreadable, at once; what nobody can read any more is deleted in the background.
   * Resolves when it is gone (etcd's `physical`). Throws `out_of_range` at or below the compacted revision and in the
   * future.
   */
  compact(revision: number): Promise<void> {
    return this.#host.compact(revision);
  }

  /** Runs in the turn in which the entry's effects become visible; never, where it is given up. */
  whenEnded(task: () => void): void {
    this.#atEnd ??= [];
    this.#atEnd.push(task);
  }

  /** Writes down what happened, which {@link end} would do in one turn. Nothing may be changed after it. */
  *settle(): Sliced<void> {
    while (this.#written < this.#events.length) {
      const rows = Math.min(this.#events.length - this.#written, CHUNK_ROWS, this.pace.rows);
      this.#writeEvents(this.#written + rows);
      if (this.pace.spent(rows)) yield;
    }
  }

  /**
   * Ends the entry: its effects are visible now, and watchers have heard of them when this returns (of very many, they
   * do soon after).
   */
  end(index: number, term: number): void {
    assert(!this.#ended && !this.isOver, 'a transaction ends once');
    this.#ended = true;
    this.#writeEvents(this.#events.length);
    const events = this.#anyReplaced ? this.#events.filter(({ replaced }) => !replaced) : this.#events;
    if (this.#atEnd !== undefined) for (const task of this.#atEnd) task();
    this.#host.commit({ index, term, revision: this.revision, events, layer: this.#layer });
  }

  #writeEvents(end: number): void {
    for (; this.#written < end; this.#written++) {
      const event = this.#events[this.#written] as LiveEvent;
      if (event.replaced) continue;
      const sub = this.#rowsWritten++;
      const row = encodeEvent(event.record, sub === 0 ? this.#v2 : undefined);
      this.#rows.put('events', eventKey(this.#main, sub), row);
    }
  }

  #delete(key: ByteString, record: Buffer): KeyValue {
    const previous = decodeRecord(key, record);
    this.#retire(previous, record);
    this.#rows.remove('latest', key);
    this.#moveLease(key, previous.lease, 0n);
    this.#record(new LiveEvent('delete', deletedKeyValue(key, this.#main), previous));
    return previous;
  }

  /** Keeps a version that is no longer the latest for reads at older revisions; one of this revision has none. */
  #retire(version: KeyValue, record: Buffer): void {
    if (version.modRevision === this.#main) return;
    this.#rows.put('past', pastKey(version.key, version.modRevision), endRecord(record, this.#main));
  }

  #moveLease(key: ByteString, from: bigint, to: bigint): void {
    if (from === to) return;
    const rows = this.#rows;
    if (from !== 0n) rows.remove('leaseKeys', leaseKeyKey(from, key));
    if (to !== 0n) rows.put('leaseKeys', leaseKeyKey(to, key), LEASE_KEY_ROW);
  }

  #record(event: LiveEvent): void {
    this.#wrote = true;
    const { key } = event.kv;
    const at = this.#events.length;
    if (this.#rising === at && (at === 0 || key > (this.#events[at - 1] as LiveEvent).key)) {
      // As a range is deleted: no key comes twice, and it can be found without a map of a hundred thousand.
      this.#events.push(event);
      this.#rising++;
      return;
    }
    this.#positions ??= new Map();
    const before = this.#events[this.#positions.get(key) ?? this.#risingPosition(key)];
    this.#positions.set(key, at);
    if (before === undefined) {
      this.#events.push(event);
      return;
    }
    // The key's second change in this revision: what came before the revision is what it replaces.
    before.replaced = true;
    this.#anyReplaced = true;
    this.#events.push(new LiveEvent(event.type, event.kv, before.previous()));
  }

  /** −1: the key isn't among the rising ones. */
  #risingPosition(key: ByteString): number {
    let low = 0;
    let high = this.#rising - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = (this.#events[middle] as LiveEvent).key;
      if (found === key) return middle;
      if (found < key) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }
}

/** The key says it all. One byte, because an empty value is the hardest thing to tell from none. */
const LEASE_KEY_ROW = Buffer.from([1]);
