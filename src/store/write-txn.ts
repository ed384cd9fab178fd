import { assert } from '../base/assert.js';
import type { ByteString } from '../base/bytes.js';
import type { V2Record } from '../proto/generated/store.js';
import type { Row, RowRange, TableName } from './backend/backend.js';
import { deletedKeyValue, encodeEvent, LiveEvent } from './events.js';
import { checkKey, eventKey, latestBounds, leaseKeyKey, pastKey } from './keys.js';
import { decodeRecord, encodeRecord, endRecord } from './record.js';
import type { Tables } from './tables.js';
import type { KeyValue, RangeQuery, RangeResult } from './types.js';

/** Rows read at once while keys are deleted. */
const DELETE_CHUNK_ROWS = 1_000;

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
  readonly tables: Tables;
  readonly revision: number;
  read(query: RangeQuery, revision: number): RangeResult;
  checkRevision(revision: number): void;
  compact(revision: number): Promise<void>;
  leaseKeys(lease: bigint): ByteString[];
  commit(entry: { index: number; term: number }, revision: number, events: readonly LiveEvent[]): void;
}

/**
 * The effects of one log entry. All writes share one revision; where there are none the revision doesn't move. A key
 * has at most one event in a revision: its last change counts. To be ended in the turn in which it began.
 */
export class WriteTxn {
  readonly #host: TxnHost;
  /** The revision that the first write makes. */
  readonly #main: number;
  #wrote = false;
  #events: (LiveEvent | undefined)[] = [];
  /** Position among the events by key; made with the first change whose key isn't above all before it. */
  #positions: Map<ByteString, number> | undefined;
  #v2: V2Record | undefined;
  #ended = false;

  constructor(host: TxnHost) {
    this.#host = host;
    this.#main = host.revision + 1;
    host.tables.beginEntry();
  }

  /** The newest revision as seen from inside: the one being made, once something was written. */
  get revision(): number {
    return this.#wrote ? this.#main : this.#main - 1;
  }

  get(key: ByteString): KeyValue | undefined {
    const record = this.#host.tables.get('latest', key);
    return record === undefined ? undefined : decodeRecord(key, record);
  }

  /** Sees the writes before it. Throws `out_of_range` for a revision that is compacted or in the future. */
  range(query: RangeQuery): RangeResult {
    this.#host.checkRevision(query.revision);
    return this.#host.read(query, this.revision);
  }

  /** Stores a pair and answers the one before. Whether the lease exists is the caller's to know. */
  put(key: ByteString, value: Buffer, lease: bigint): KeyValue | undefined {
    checkKey(key);
    const { tables } = this.#host;
    const record = tables.get('latest', key);
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
    tables.put('latest', key, next);
    this.#moveLease(key, previous?.lease ?? 0n, lease);
    this.#record(new LiveEvent('put', decodeRecord(key, next), previous));
    return previous;
  }

  /** Deletes one key (`end` is '') or a range, and answers what was there, in the order of the keys. */
  deleteRange(key: ByteString, end: ByteString): KeyValue[] {
    if (end === '') {
      const record = this.#host.tables.get('latest', key);
      return record === undefined ? [] : [this.#delete(key, record)];
    }
    const deleted: KeyValue[] = [];
    const bounds = latestBounds(key, end);
    for (let { start } = bounds; ; ) {
      const rows = this.#host.tables.range('latest', { ...bounds, start, limit: DELETE_CHUNK_ROWS });
      for (const row of rows) deleted.push(this.#delete(row.key, row.value));
      const last = rows.at(-1);
      if (last === undefined || rows.length < DELETE_CHUNK_ROWS) return deleted;
      // Behind what was deleted: from the start, each chunk would step over all that went before it.
      start = `${last.key}\0`;
    }
  }

  /** Keys attached to a lease, sorted. */
  leaseKeys(lease: bigint): ByteString[] {
    return this.#host.leaseKeys(lease);
  }

  /** The rows of another room. */
  table(name: RoomTable): RowAccess {
    const { tables } = this.#host;
    return {
      get: (key) => tables.get(name, key),
      range: (range) => tables.range(name, range),
      put: (key, value) => tables.put(name, key, value),
      remove: (key) => tables.remove(name, key),
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

  /** Ends the entry: its effects are visible now, and watchers hear of them before this returns. */
  end(index: number, term: number): void {
    assert(!this.#ended, 'a transaction ends once');
    this.#ended = true;
    const events = this.#events.filter((event) => event !== undefined);
    for (const [sub, event] of events.entries()) {
      const row = encodeEvent(event.record, sub === 0 ? this.#v2 : undefined);
      this.#host.tables.put('events', eventKey(this.#main, sub), row);
    }
    this.#host.commit({ index, term }, this.revision, events);
  }

  #delete(key: ByteString, record: Buffer): KeyValue {
    const previous = decodeRecord(key, record);
    this.#retire(previous, record);
    this.#host.tables.remove('latest', key);
    this.#moveLease(key, previous.lease, 0n);
    this.#record(new LiveEvent('delete', deletedKeyValue(key, this.#main), previous));
    return previous;
  }

  /** Keeps a version that is no longer the latest for reads at older revisions; one of this revision has none. */
  #retire(version: KeyValue, record: Buffer): void {
    if (version.modRevision === this.#main) return;
    this.#host.tables.put('past', pastKey(version.key, version.modRevision), endRecord(record, this.#main));
  }

  #moveLease(key: ByteString, from: bigint, to: bigint): void {
    if (from === to) return;
    const { tables } = this.#host;
    if (from !== 0n) tables.remove('leaseKeys', leaseKeyKey(from, key));
    if (to !== 0n) tables.put('leaseKeys', leaseKeyKey(to, key), LEASE_KEY_ROW);
  }

  #record(event: LiveEvent): void {
    this.#wrote = true;
    const { key } = event.kv;
    const last = this.#events.at(-1);
    if (this.#positions === undefined && (last === undefined || key > last.kv.key)) {
      // In ascending order, as a range is deleted, no key comes twice.
      this.#events.push(event);
      return;
    }
    this.#positions ??= new Map(this.#events.map((each, at) => [each?.kv.key ?? '', at]));
    const before = this.#positions.get(key);
    this.#positions.set(key, this.#events.length);
    if (before === undefined) {
      this.#events.push(event);
      return;
    }
    // The key's second change in this revision: what came before the revision is what it replaces.
    const original = this.#events[before]?.previous();
    this.#events[before] = undefined;
    this.#events.push(new LiveEvent(event.type, event.kv, original));
  }
}

/** The key says it all. One byte, because an empty value is the hardest thing to tell from none. */
const LEASE_KEY_ROW = Buffer.from([1]);
