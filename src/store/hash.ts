import { crc32c } from '../base/crc32c.js';
import { MAX_KEY_COST } from './keys.js';
import { copyHeader, HEADER_BYTES, modRevisionOf, untilOf, VALUE } from './record.js';
import type { Version } from './version-scan.js';

/** What two members compare: equal revisions and compactions must give equal hashes. */
export interface StoreHash {
  readonly hash: number;
  readonly revision: number;
  readonly compactedRevision: number;
}

/** Of each version: the key's length, the key, the record's header, the value's length; then the value as it is. */
const LENGTH_BYTES = 4;
const HEAD_BYTES = 2 * LENGTH_BYTES + MAX_KEY_COST + HEADER_BYTES;

/**
 * CRC32C of "key" and of every version that can be read between two revisions, both inclusive, in the order of (key,
 * revision). It doesn't depend on how far the background has deleted older ones, nor on what was written since: both
 * differ between members.
 */
export class VersionHash {
  readonly #compacted: number;
  readonly #revision: number;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #hash = crc32c(0, Buffer.from('key'));

  constructor(compacted: number, revision: number) {
    this.#compacted = compacted;
    this.#revision = revision;
  }

  get value(): number {
    return this.#hash;
  }

  add({ key, record }: Version): void {
    const until = untilOf(record);
    if (modRevisionOf(record) > this.#revision || (until !== 0 && until <= this.#compacted)) return;
    const head = this.#head;
    let at = head.writeUInt32BE(key.length, 0);
    at += head.write(key, at, 'latin1');
    at = copyHeader(head, at, record, until > this.#revision ? 0 : until);
    at = head.writeUInt32BE(record.length - VALUE, at);
    this.#hash = crc32c(crc32c(this.#hash, head, 0, at), record, VALUE);
  }
}
