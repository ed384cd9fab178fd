import { type ByteString, FROM_KEY_END, prefixEnd } from '../base/bytes.js';
import { ConfetdError } from '../base/errors.js';

/** Bound of a key's length plus its zero bytes, so that every composite key fits LMDB's 1,978 bytes. */
export const MAX_KEY_COST = 1_900;

/** No stored key is as long as this: a longer range bound selects the same keys when it is cut here. */
const MAX_BOUND = MAX_KEY_COST + 1;

/** The same for an escaped bound. It leaves room for a zero byte and its escape at the cut. */
const MAX_ESCAPED_BOUND = MAX_KEY_COST + 50;

const ZERO = '\0';
const ESCAPED_ZERO = '\0\u00ff';
const TERMINATOR = '\0\0';
const REVISION_BYTES = 8;

/** Whether a key can be stored. Depends on the key alone, so that every member answers alike. */
export function keyFits(key: ByteString): boolean {
  if (key.length > MAX_KEY_COST) return false;
  // Twice the length is the most it can cost.
  if (key.length * 2 <= MAX_KEY_COST || !key.includes(ZERO)) return true;
  return escapeKey(key).length <= MAX_KEY_COST;
}

/** Throws `invalid_argument` where {@link keyFits} says no. To be asked before proposing, and again before a put. */
export function checkKey(key: ByteString): void {
  if (keyFits(key)) return;
  throw new ConfetdError(
    'invalid_argument',
    `etcdserver: key is too long: its bytes, zero bytes counted twice, may be at most ${MAX_KEY_COST}`,
  );
}

function escapeKey(key: ByteString): ByteString {
  return key.includes(ZERO) ? key.replaceAll(ZERO, ESCAPED_ZERO) : key;
}

function unescapeKey(escaped: ByteString): ByteString {
  return escaped.includes(ZERO) ? escaped.replaceAll(ESCAPED_ZERO, ZERO) : escaped;
}

/** A revision, index or sub-revision as 8 bytes, big-endian: its order is the number's. */
export function revisionBytes(revision: number): ByteString {
  const high = Math.floor(revision / 0x1_0000_0000);
  const low = revision >>> 0;
  return String.fromCharCode(
    (high >>> 24) & 0xff,
    (high >>> 16) & 0xff,
    (high >>> 8) & 0xff,
    high & 0xff,
    low >>> 24,
    (low >>> 16) & 0xff,
    (low >>> 8) & 0xff,
    low & 0xff,
  );
}

function revisionAt(bytes: ByteString, at: number): number {
  return uint32At(bytes, at) * 0x1_0000_0000 + uint32At(bytes, at + 4);
}

function uint32At(bytes: ByteString, at: number): number {
  return (
    ((bytes.charCodeAt(at) << 24) |
      (bytes.charCodeAt(at + 1) << 16) |
      (bytes.charCodeAt(at + 2) << 8) |
      bytes.charCodeAt(at + 3)) >>>
    0
  );
}

/**
 * Key of table `past`: the key with 00 written 00 FF, then 00 00, then the revision. Its order is (key, revision),
 * whatever bytes the keys hold.
 */
export function pastKey(key: ByteString, revision: number): ByteString {
  return escapeKey(key) + TERMINATOR + revisionBytes(revision);
}

/** The key inside a {@link pastKey}. */
export function keyOfPast(composite: ByteString): ByteString {
  return unescapeKey(composite.slice(0, composite.length - REVISION_BYTES - TERMINATOR.length));
}

/** Key of table `events`: revision, then the position within it. */
export function eventKey(revision: number, sub: number): ByteString {
  return revisionBytes(revision) + revisionBytes(sub).slice(4);
}

export function revisionOfEvent(key: ByteString): number {
  return revisionAt(key, 0);
}

/** Key of table `leaseKeys`: the lease's ID, then the key as it is. */
export function leaseKeyKey(lease: bigint, key: ByteString): ByteString {
  return leaseBytes(lease) + key;
}

export function keyOfLeaseKey(composite: ByteString): ByteString {
  return composite.slice(REVISION_BYTES);
}

/** A lease's ID as 8 bytes, big-endian. */
export function leaseBytes(lease: bigint): ByteString {
  const bytes = Buffer.allocUnsafe(REVISION_BYTES);
  bytes.writeBigInt64BE(lease);
  return bytes.toString('latin1');
}

/** The rows of table `leaseKeys` that belong to a lease. */
export function leaseBounds(lease: bigint): Bounds {
  const start = leaseBytes(lease);
  const after = prefixEnd(start);
  return { start, end: after === FROM_KEY_END ? undefined : after };
}

/** Keys of a table from `start` on, before `end`; undefined: to the last. */
export interface Bounds {
  readonly start: ByteString;
  readonly end: ByteString | undefined;
}

/** What [key, end) of a client selects in table `latest`; `end` is not '' (a single key). */
export function latestBounds(key: ByteString, end: ByteString): Bounds {
  return {
    start: key.slice(0, MAX_BOUND),
    end: end === ZERO ? undefined : end.slice(0, MAX_BOUND),
  };
}

/** The rows of `past` whose keys lie within bounds of `latest`. */
export function pastBounds(bounds: Bounds): Bounds {
  return {
    start: pastBound(bounds.start),
    end: bounds.end === undefined ? undefined : pastBound(bounds.end),
  };
}

/** Sorts before every version of `key`, and after every version of the keys below it. */
function pastBound(key: ByteString): ByteString {
  return escapeKey(key).slice(0, MAX_ESCAPED_BOUND);
}
