import type { ByteString } from '../base/bytes.js';
import { etcdError } from '../base/etcd-errors.js';
import type { Pace, Sliced } from '../base/sliced.js';
import { pastKey } from './keys.js';
import type { TableAccess } from './layer.js';
import { RangeScan, singleResult } from './range-scan.js';
import { decodeRecord, modRevisionOf, visibleAt } from './record.js';
import type { KeyValue, RangeQuery, RangeResult } from './types.js';
import type { WriteTxn } from './write-txn.js';

/** Rows of one turn. A read that needs no more is answered at once. */
export const SLICE_ROWS = 1_000;

/** Reading at one revision. */
export type ReadView = Pick<WriteTxn, 'revision' | 'pace' | 'get' | 'single' | 'range'>;

export interface ViewHost {
  readonly tables: TableAccess;
  readonly revision: number;
  readonly compactedRevision: number;
}

/** The newest revision of a store, which may move on meanwhile. What the view may ask for mustn't be deleted. */
export class RevisionView implements ReadView {
  readonly revision: number;
  readonly pace: Pace;
  readonly #host: ViewHost;
  readonly #compacted: number;

  constructor(host: ViewHost, pace: Pace) {
    this.#host = host;
    this.pace = pace;
    this.revision = host.revision;
    this.#compacted = host.compactedRevision;
  }

  get(key: ByteString): KeyValue | undefined {
    return this.#getAt(key, this.revision);
  }

  single(query: RangeQuery): RangeResult {
    return singleResult(query, this.#getAt(query.key, this.#revisionOf(query)), this.revision);
  }

  *range(query: RangeQuery): Sliced<RangeResult> {
    if (query.end === '') return this.single(query);
    const { tables } = this.#host;
    const scan = new RangeScan(tables, query, this.#revisionOf(query), this.revision);
    const most = Math.min(SLICE_ROWS, this.pace.rows);
    while (!scan.done) if (this.pace.spent(scan.slice(most, this.#host.revision))) yield;
    return scan.result();
  }

  #getAt(key: ByteString, revision: number): KeyValue | undefined {
    return pairAt(this.#host.tables, key, revision, this.#host.revision);
  }

  /** What could be read when the view was made still can. */
  #revisionOf({ revision }: RangeQuery): number {
    if (revision <= 0) return this.revision;
    if (revision < this.#compacted) throw etcdError('compacted');
    if (revision > this.revision) throw etcdError('futureRevision');
    return revision;
  }
}

/** A key at a revision. `newest` is the store's, or the open transaction's. */
export function pairAt(
  rows: TableAccess,
  key: ByteString,
  revision: number,
  newest: number,
): KeyValue | undefined {
  const latest = rows.get('latest', key);
  if (latest !== undefined && modRevisionOf(latest) <= revision) return decodeRecord(key, latest);
  if (revision >= newest) return undefined;
  const start = pastKey(key, 0);
  const end = pastKey(key, revision + 1);
  const [row] = rows.range('past', { start, end, limit: 1, reverse: true });
  return row !== undefined && visibleAt(row.value, revision) ? decodeRecord(key, row.value) : undefined;
}
