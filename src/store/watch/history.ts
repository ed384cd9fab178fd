import { assert } from '../../base/assert.js';
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

/**
 * Whole revisions from `from` on, in order: about `limit` events, but one revision at least. An answer that ends
 * before the store's revision says where to go on with `next`.
 */
export function readHistory(
  host: HistoryHost,
  from: number,
  limit: number,
): { revisions: PastRevision[]; next: number } {
  const { tables, revision } = host;
  const end = eventKey(revision + 1, 0);
  let rows: readonly Row[] = tables.range('events', { start: eventKey(from, 0), end, limit });
  let next = revision + 1;
  const last = rows.at(-1);
  if (rows.length === limit && last !== undefined) {
    // The last revision may be cut: it is left for the next time, unless it is all there is.
    next = revisionOfEvent(last.key);
    rows = rows.filter(({ key }) => revisionOfEvent(key) < next);
    if (rows.length === 0) {
      rows = readRevision(tables, next);
      next++;
    }
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
  return { revisions, next };
}

const READ_ROWS = 1_000;

function readRevision(tables: Tables, revision: number): Row[] {
  const rows: Row[] = [];
  const end = eventKey(revision + 1, 0);
  for (let start = eventKey(revision, 0); ; ) {
    const more = tables.range('events', { start, end, limit: READ_ROWS });
    for (const row of more) rows.push(row);
    if (more.length < READ_ROWS) return rows;
    start = `${rows.at(-1)?.key}\0`;
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
