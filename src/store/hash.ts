import { crc32 } from 'node:zlib';
import { toBytes } from '../base/bytes.js';
import { leaseBytes, revisionBytes } from './keys.js';
import { decodeRecord, modRevisionOf, untilOf } from './record.js';
import type { Version } from './version-scan.js';

/** What two members compare: equal revisions and compactions must give equal hashes. */
export interface StoreHash {
  readonly hash: number;
  readonly revision: number;
  readonly compactedRevision: number;
}

/**
 * Checksum of every version that can be read between two revisions, both inclusive. It doesn't depend on how far the
 * background has deleted older ones, nor on what was written since: both differ between members.
 */
export class VersionHash {
  readonly #compacted: number;
  readonly #revision: number;
  #hash = 0;

  constructor(compacted: number, revision: number) {
    this.#compacted = compacted;
    this.#revision = revision;
  }

  get value(): number {
    return this.#hash;
  }

  add({ key, record }: Version): void {
    const modified = modRevisionOf(record);
    const until = untilOf(record);
    if (modified > this.#revision || (until !== 0 && until <= this.#compacted)) return;
    const { createRevision, version, lease, value } = decodeRecord(key, record);
    const head =
      revisionBytes(key.length) +
      key +
      revisionBytes(createRevision) +
      revisionBytes(modified) +
      revisionBytes(version) +
      revisionBytes(until > this.#revision ? 0 : until) +
      leaseBytes(lease) +
      revisionBytes(value.length);
    this.#hash = crc32(value, crc32(toBytes(head), this.#hash));
  }
}
