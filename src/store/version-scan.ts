import type { ByteString } from '../base/bytes.js';
import type { Row } from './backend/backend.js';
import { type Bounds, keyOfPast, pastBounds } from './keys.js';
import type { TableAccess } from './layer.js';

/** One version of a key: a record of `latest` or of `past`. */
export interface Version {
  readonly key: ByteString;
  readonly record: Buffer;
}

/**
 * Reads all versions of the keys within bounds in slices, by (key, revision). Between two slices the store may move
 * on; a version that goes from `latest` to `past` meanwhile is still told exactly once. Versions that compaction may
 * delete are the caller's to protect.
 */
export class VersionScan {
  readonly #tables: Pick<TableAccess, 'chunk'>;
  readonly #latestEnd: ByteString | undefined;
  readonly #pastEnd: ByteString | undefined;
  #latestFrom: ByteString;
  #pastFrom: ByteString;
  #done = false;

  constructor(tables: Pick<TableAccess, 'chunk'>, bounds: Bounds) {
    const past = pastBounds(bounds);
    this.#tables = tables;
    this.#latestFrom = bounds.start;
    this.#latestEnd = bounds.end;
    this.#pastFrom = past.start;
    this.#pastEnd = past.end;
  }

  get done(): boolean {
    return this.#done;
  }

  /** The next versions: up to `limit` of either table. */
  slice(limit: number): Version[] {
    const latest = this.#tables.chunk('latest', { start: this.#latestFrom, end: this.#latestEnd, limit });
    const past = this.#tables.chunk('past', { start: this.#pastFrom, end: this.#pastEnd, limit });
    const lastLatest = latest.cut;
    const lastPast = past.cut;
    const lastPastKey = lastPast === undefined ? undefined : keyOfPast(lastPast);

    // Where one table was cut, the other must not run ahead: the rest of it belongs to a later slice.
    let old = past.rows.map(({ key, value }) => ({ key: keyOfPast(key), record: value }));
    let current = latest.rows;
    if (lastPastKey !== undefined && (lastLatest === undefined || lastPastKey <= lastLatest)) {
      current = latest.rows.filter(({ key }) => key < lastPastKey);
      this.#latestFrom = lastPastKey;
      this.#pastFrom = `${lastPast}\0`;
    } else if (lastLatest !== undefined) {
      old = old.filter(({ key }) => key <= lastLatest);
      this.#latestFrom = `${lastLatest}\0`;
      // Not the first row left out: a version of a key before it may still go from `latest` to `past`.
      this.#pastFrom = pastBounds({ start: this.#latestFrom, end: undefined }).start;
    } else {
      this.#done = true;
    }
    return interleave(old, current);
  }
}

function interleave(past: readonly Version[], latest: readonly Row[]): Version[] {
  const versions: Version[] = [];
  let at = 0;
  for (const { key, value } of latest) {
    for (let old = past[at]; old !== undefined && old.key <= key; old = past[++at]) versions.push(old);
    versions.push({ key, record: value });
  }
  while (at < past.length) versions.push(past[at++] as Version);
  return versions;
}
