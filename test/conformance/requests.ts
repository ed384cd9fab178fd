import type { Prng } from '../../src/base/prng.js';
import {
  CompactionRequest,
  type Compare,
  DeleteRangeRequest,
  LeaseGrantRequest,
  type LeaseRevokeRequest,
  type LeaseTimeToLiveRequest,
  PutRequest,
  RangeRequest,
  type RequestOp,
  type TxnRequest,
  WatchCreateRequest,
} from '../../src/proto/generated/etcd_rpc.js';
import { bytes } from './rpc.js';

/** One request of a random history; both servers get the same. */
export type Step =
  | { readonly kind: 'range'; readonly request: RangeRequest }
  | { readonly kind: 'put'; readonly request: PutRequest }
  | { readonly kind: 'deleteRange'; readonly request: DeleteRangeRequest }
  | { readonly kind: 'txn'; readonly request: TxnRequest }
  | { readonly kind: 'compact'; readonly request: CompactionRequest }
  | { readonly kind: 'grant'; readonly request: LeaseGrantRequest }
  | { readonly kind: 'revoke'; readonly request: LeaseRevokeRequest }
  | { readonly kind: 'timeToLive'; readonly request: LeaseTimeToLiveRequest }
  | { readonly kind: 'leases' }
  | { readonly kind: 'watch'; readonly request: WatchCreateRequest }
  | { readonly kind: 'unwatch' };

/**
 * Few keys, so that everything meets everything; neighbours in byte order, prefixes of each other, bytes that aren't
 * text. At most twelve: beyond that etcd's own sort isn't stable, so ties would come in any order.
 */
const KEYS = ['a', 'a\0', 'a/', 'a/b', 'a/c', 'b', 'b\xff', '\0', '\xff', '\xff\xff', '/x', '/x/y'];
const ENDS = [...KEYS, 'c', '0', 'a0', '\xff\xff\xff'];
const VALUES = ['', '0', '1', '2', 'a longer value', '\0\xff'];
const LEASES = [1n, 2n, 3n, 0x7fff_ffff_ffff_ffffn];

/** What a history is at: the newest and the compacted revision. */
export interface Now {
  readonly revision: number;
  readonly compacted: number;
}

/** Makes requests: mostly sensible ones, all options, and every kind of wrong one. */
export class Requests {
  readonly #random: Prng;

  constructor(random: Prng) {
    this.#random = random;
  }

  next(now: Now): Step {
    const dice = this.#random.below(100);
    if (dice < 30) return { kind: 'put', request: this.#put() };
    if (dice < 50) return { kind: 'range', request: this.#range(now) };
    if (dice < 60) return { kind: 'deleteRange', request: this.#deleteRange() };
    if (dice < 80) return { kind: 'txn', request: this.#txn(now, 0) };
    if (dice < 82) return { kind: 'compact', request: this.#compact(now) };
    if (dice < 86) return { kind: 'grant', request: this.#grant() };
    if (dice < 88) return { kind: 'revoke', request: { ID: this.#pick([...LEASES, 99n]) } };
    if (dice < 91)
      return { kind: 'timeToLive', request: { ID: this.#pick([...LEASES, 99n]), keys: this.#chance(0.7) } };
    if (dice < 92) return { kind: 'leases' };
    if (dice < 98) return { kind: 'watch', request: this.#watch(now) };
    return { kind: 'unwatch' };
  }

  #put(): PutRequest {
    const ignoreValue = this.#chance(0.08);
    const ignoreLease = this.#chance(0.08);
    return PutRequest.fromPartial({
      key: this.#key(),
      // With ignore_value a value is an error: sometimes.
      value: ignoreValue && this.#chance(0.8) ? bytes('') : bytes(this.#pick(VALUES)),
      lease: this.#chance(0.25) ? this.#pick([...LEASES, 99n]) : 0n,
      prevKv: this.#chance(0.4),
      ignoreValue,
      ignoreLease,
    });
  }

  #range(now: Now): RangeRequest {
    const sortTarget = this.#chance(0.5) ? this.#random.below(5) : 0;
    const bound = (): number => (this.#chance(0.12) ? this.#revision(now) : 0);
    return RangeRequest.fromPartial({
      ...this.#span(0.75),
      limit: this.#chance(0.3) ? this.#pick([1, 2, 3, 100]) : 0,
      revision: this.#chance(0.35) ? this.#revision(now) : 0,
      // A target without an order sorts ascending; etcd limits such a range before it sorts it, we after.
      sortOrder: sortTarget !== 0 ? 1 + this.#random.below(2) : this.#random.below(3),
      sortTarget,
      serializable: this.#chance(0.2),
      keysOnly: this.#chance(0.15),
      countOnly: this.#chance(0.1),
      minModRevision: bound(),
      maxModRevision: bound(),
      minCreateRevision: bound(),
      maxCreateRevision: bound(),
    });
  }

  #deleteRange(): DeleteRangeRequest {
    return DeleteRangeRequest.fromPartial({ ...this.#span(0.4), prevKv: this.#chance(0.5) });
  }

  /** In a txn, etcd doesn't see that "every key from here on" overlaps a put, and does both; we refuse it. */
  #boundedDelete(): DeleteRangeRequest {
    const request = this.#deleteRange();
    return request.rangeEnd.equals(bytes('\0')) ? { ...request, rangeEnd: bytes('\xff\xff\xff') } : request;
  }

  #txn(now: Now, depth: number): TxnRequest {
    const branch = (most: number): RequestOp[] => {
      const ops = Array.from({ length: this.#random.below(most + 1) }, () => this.#op(now, depth));
      // One nested txn a branch: etcd overlooks a put in one and a deletion of its key in a later one, we refuse it.
      const nested = ops.findIndex(({ request }) => request?.$case === 'requestTxn');
      return ops.filter(({ request }, at) => request?.$case !== 'requestTxn' || at === nested);
    };
    const compare = Array.from({ length: this.#random.below(depth === 0 ? 3 : 2) }, () => this.#compare(now));
    return { compare, success: branch(3), failure: branch(2) };
  }

  #op(now: Now, depth: number): RequestOp {
    const dice = this.#random.below(100);
    if (dice < 40) return { request: { $case: 'requestPut', value: this.#put() } };
    if (dice < 70) return { request: { $case: 'requestRange', value: this.#range(now) } };
    if (dice < 85) return { request: { $case: 'requestDeleteRange', value: this.#boundedDelete() } };
    if (depth < 2) return { request: { $case: 'requestTxn', value: this.#txn(now, depth + 1) } };
    return { request: { $case: 'requestRange', value: RangeRequest.fromPartial({ key: this.#key() }) } };
  }

  #compare(now: Now): Compare {
    const target = this.#random.below(5);
    const small = this.#pick([0, 1, 2, 3]);
    const union: Compare['targetUnion'][] = [
      { $case: 'version', value: small },
      { $case: 'createRevision', value: this.#chance(0.3) ? 0 : this.#revision(now) },
      { $case: 'modRevision', value: this.#chance(0.3) ? 0 : this.#revision(now) },
      { $case: 'value', value: bytes(this.#pick(VALUES)) },
      { $case: 'lease', value: this.#pick([0n, ...LEASES]) },
    ];
    return {
      result: this.#random.below(4),
      target,
      targetUnion: union[target],
      ...(this.#chance(0.7) ? { key: this.#key(), rangeEnd: bytes('') } : this.#span(1)),
    };
  }

  #compact(now: Now): CompactionRequest {
    // Mostly something in the middle, sometimes the far end and a wrong one. Not 0: a store that was never compacted
    // lets it pass once in etcd, to no effect.
    const middle = now.compacted + this.#random.below(now.revision - now.compacted + 1);
    const revision = this.#pick([
      now.revision,
      now.revision + 1,
      now.compacted,
      -1,
      ...Array(8).fill(middle),
    ]);
    return CompactionRequest.fromPartial({
      revision: revision === 0 ? 1 : revision,
      physical: this.#chance(0.7),
    });
  }

  #grant(): LeaseGrantRequest {
    // Long: no history may depend on the clock.
    return LeaseGrantRequest.fromPartial({
      ID: this.#pick(LEASES),
      TTL: this.#chance(0.1) ? 9_000_000_001 : 10_000 + 1_000 * this.#random.below(4),
    });
  }

  #watch(now: Now): WatchCreateRequest {
    const filters = this.#pick([[], [], [], [0], [1], [0, 1]]);
    return WatchCreateRequest.fromPartial({
      ...this.#span(0.8),
      startRevision: this.#chance(0.5) ? 0 : this.#revision(now),
      filters,
      prevKv: this.#chance(0.5),
      fragment: this.#chance(0.2),
    });
  }

  /** Past, present, compacted and future ones. */
  #revision({ revision, compacted }: Now): number {
    if (this.#chance(0.06)) return revision + 1 + this.#random.below(3);
    if (this.#chance(0.06)) return Math.max(1, compacted - this.#random.below(3));
    return Math.max(1, compacted + this.#random.below(revision - compacted + 1));
  }

  #span(probability: number): { key: Buffer; rangeEnd: Buffer } {
    const key = this.#key();
    if (!this.#chance(probability)) return { key, rangeEnd: bytes('') };
    const dice = this.#random.below(10);
    if (dice < 2) return { key: bytes('\0'), rangeEnd: bytes('\0') };
    if (dice < 4) return { key, rangeEnd: bytes('\0') };
    // Any end: also one before the key, or the key itself.
    if (dice < 6) return { key, rangeEnd: bytes(this.#pick(ENDS)) };
    return {
      key: bytes(this.#pick(['a', '/x', 'a/'])),
      rangeEnd: bytes(this.#pick(['b', '0', 'b\xff', 'c'])),
    };
  }

  #key(): Buffer {
    return bytes(this.#chance(0.01) ? '' : this.#pick(KEYS));
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random.below(from.length)] as T;
  }

  #chance(probability: number): boolean {
    return this.#random.chance(probability);
  }
}
