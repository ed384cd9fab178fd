import { assert } from '../../base/assert.js';
import type { ByteString } from '../../base/bytes.js';
import type { Row } from '../backend/backend.js';
import { decodeEvent, deletedKeyValue, type EventRecord } from '../events.js';
import { eventKey, pastKey, revisionOfEvent } from '../keys.js';
import { decodeRecord, modRevisionOf } from '../record.js';
import type { Tables } from '../tables.js';
import type { KeyValue, StoreEvent } from '../types.js';
import type { EventSource } from './watcher-index.js';

export interface HistoryHost {
  readonly tables: Tables;
  readonly revision: number;
  readonly compactedRevision: number;
}

/** All that happened in one revision. */
export interface PastRevision {
  readonly revision: number;
  readonly events: readonly EventSource[];
}

/** What a read of history has found. */
export interface PastRevisions {
  readonly revisions: readonly PastRevision[];
  /** Where to go on. */
  readonly next: number;
  /** The one at `next` has more events than a read takes: it is to be read in slices. */
  readonly isLong: boolean;
}

/**
 * Whole revisions from `from` on, in order, of no more than `limit` events. An answer that ends before the store's
 * revision says where to go on with `next`.
 */
export function readHistory(host: HistoryHost, from: number, limit: number): PastRevisions {
  const { tables, revision } = host;
  const end = eventKey(revision + 1, 0);
  let rows: readonly Row[] = tables.range('events', { start: eventKey(from, 0), end, limit });
  let next = revision + 1;
  let isLong = false;
  const last = rows.at(-1);
  if (rows.length === limit && last !== undefined) {
    // The last revision may be cut: it is left for the next time.
    next = revisionOfEvent(last.key);
    rows = rows.filter(({ key }) => revisionOfEvent(key) < next);
    isLong = rows.length === 0;
  }
  const revisions: { revision: number; events: EventSource[] }[] = [];
  for (const { key, value } of rows) {
    const of = revisionOfEvent(key);
    let current = revisions.at(-1);
    if (current?.revision !== of) {
      current = { revision: of, events: [] };
      revisions.push(current);
    }
    current.events.push(new PastEvent(host, of, decodeEvent(value)));
  }
  return { revisions, next, isLong };
}

/** The events of one revision, in slices. Another state may take the place of the one that was begun on. */
export class RevisionReader {
  readonly revision: number;
  readonly #host: HistoryHost;
  readonly #tables: Tables;
  #from: ByteString;

  constructor(host: HistoryHost, revision: number) {
    this.revision = revision;
    this.#host = host;
    this.#tables = host.tables;
    this.#from = eventKey(revision, 0);
  }

  /** The state was replaced: what was read is to be read again. */
  get isStale(): boolean {
    return this.#host.tables !== this.#tables;
  }

  /** The next ones; fewer than the limit are the last. */
  read(limit: number): EventSource[] {
    const end = eventKey(this.revision + 1, 0);
    const rows = this.#tables.range('events', { start: this.#from, end, limit });
    this.#from = `${rows.at(-1)?.key ?? this.#from}\0`;
    return rows.map(({ value }) => new PastEvent(this.#host, this.revision, decodeEvent(value)));
  }
}

class PastEvent implements EventSource, StoreEvent {
  readonly #host: HistoryHost;
  readonly #revision: number;
  readonly #record: EventRecord;
  #kv: KeyValue | undefined;

  constructor(host: HistoryHost, revision: number, record: EventRecord) {
    this.#host = host;
    this.#revision = revision;
    this.#record = record;
  }

  get type(): StoreEvent['type'] {
    return this.#record.type;
  }

  get key(): string {
    return this.#record.key;
  }

  get kv(): KeyValue {
    assert(this.#kv !== undefined, 'an event is loaded before it is told');
    return this.#kv;
  }

  load(): StoreEvent {
    this.#kv ??= this.#read();
    return this;
  }

  previous(): KeyValue | undefined {
    const { tables, compactedRevision } = this.#host;
    const { key, previous } = this.#record;
    if (previous === 0 || this.#revision - 1 < compactedRevision) return undefined;
    const record = tables.get('past', pastKey(key, previous));
    return record === undefined ? undefined : decodeRecord(key, record);
  }

  #read(): KeyValue {
    const { tables } = this.#host;
    const { type, key } = this.#record;
    if (type === 'delete') return deletedKeyValue(key, this.#revision);
    let record = tables.get('latest', key);
    if (record === undefined || modRevisionOf(record) !== this.#revision) {
      record = tables.get('past', pastKey(key, this.#revision));
    }
    assert(record !== undefined, `revision ${this.#revision} has an event without its version`);
    return decodeRecord(key, record);
  }
}
