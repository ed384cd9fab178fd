import { assert } from '../base/assert.js';
import type { ByteString } from '../base/bytes.js';
import type { KeyValue } from './types.js';

/*
 * One version of a key, in tables `latest` and `past`. Big-endian:
 *   0  layout, 1
 *   1  create revision, 6 bytes
 *   7  mod revision, 6 bytes
 *  13  version, 6 bytes
 *  19  until: the revision that replaced or deleted it, 6 bytes; 0 in `latest`
 *  25  lease, 8 bytes
 *  33  value
 */
const LAYOUT = 1;
const CREATE = 1;
const MOD = 7;
const VERSION = 13;
const UNTIL = 19;
const LEASE = 25;
export const HEADER_BYTES = 33;
/** Where a record's value begins. */
export const VALUE = HEADER_BYTES;

export const EMPTY_VALUE = Buffer.alloc(0);

export function encodeRecord(kv: KeyValue): Buffer {
  const record = Buffer.allocUnsafe(HEADER_BYTES + kv.value.length);
  record[0] = LAYOUT;
  record.writeUIntBE(kv.createRevision, CREATE, 6);
  record.writeUIntBE(kv.modRevision, MOD, 6);
  record.writeUIntBE(kv.version, VERSION, 6);
  record.fill(0, UNTIL, HEADER_BYTES);
  if (kv.lease !== 0n) record.writeBigInt64BE(kv.lease, LEASE);
  kv.value.copy(record, HEADER_BYTES);
  return record;
}

/** Writes a record's header with another `until` at `at`; answers where it ends. */
export function copyHeader(target: Buffer, at: number, record: Buffer, until: number): number {
  target.set(record.subarray(0, HEADER_BYTES), at);
  target.writeUIntBE(until, at + UNTIL, 6);
  return at + HEADER_BYTES;
}

/** The record as `past` keeps it: visible to reads at its mod revision up to the one before `until`. */
export function endRecord(record: Buffer, until: number): Buffer {
  // Half the cost of Buffer.from.
  const ended = Buffer.allocUnsafe(record.length);
  ended.set(record);
  ended.writeUIntBE(until, UNTIL, 6);
  return ended;
}

export function decodeRecord(key: ByteString, record: Buffer, withValue = true): KeyValue {
  assert(record[0] === LAYOUT && record.length >= HEADER_BYTES, 'a stored version has an unknown layout');
  return {
    key,
    value: withValue ? record.subarray(HEADER_BYTES) : EMPTY_VALUE,
    createRevision: record.readUIntBE(CREATE, 6),
    modRevision: record.readUIntBE(MOD, 6),
    version: record.readUIntBE(VERSION, 6),
    lease: leaseOf(record),
  };
}

function leaseOf(record: Buffer): bigint {
  // Few keys have one, and a bigint costs more than the rest of the header.
  if (record.readUInt32BE(LEASE) === 0 && record.readUInt32BE(LEASE + 4) === 0) return 0n;
  return record.readBigInt64BE(LEASE);
}

export function modRevisionOf(record: Buffer): number {
  return record.readUIntBE(MOD, 6);
}

export function createRevisionOf(record: Buffer): number {
  return record.readUIntBE(CREATE, 6);
}

/** 0: it is the latest. */
export function untilOf(record: Buffer): number {
  return record.readUIntBE(UNTIL, 6);
}

/** Whether a read at `revision` sees this version. At most one version of a key is visible at a revision. */
export function visibleAt(record: Buffer, revision: number): boolean {
  if (modRevisionOf(record) > revision) return false;
  const until = untilOf(record);
  return until === 0 || until > revision;
}
