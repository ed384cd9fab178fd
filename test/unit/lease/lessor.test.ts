import { describe, expect, it } from 'vitest';
import { ConfetdError } from '../../../src/base/errors.js';
import { atOnce } from '../../../src/base/sliced.js';
import { Lessor, MAX_TTL_SECONDS } from '../../../src/lease/lessor.js';
import { MemoryBackend } from '../../../src/store/backend/memory.js';
import { Store } from '../../../src/store/store.js';
import type { WriteTxn } from '../../../src/store/write-txn.js';
import { VirtualClock } from '../../sim/clock.js';

function setUp(backend = new MemoryBackend(), sliceRows?: number) {
  const clock = new VirtualClock();
  const store = Store.open({
    backend,
    clock,
    ...(sliceRows !== undefined && { sliceRows }),
    onFailure: (error) => {
      throw error;
    },
  });
  const lessor = new Lessor({ clock, minTtlSeconds: 2 });
  lessor.load(store);
  const entry = <T>(work: (txn: WriteTxn) => T): T => {
    const txn = store.begin();
    try {
      return work(txn);
    } finally {
      txn.end(store.applied.index + 1, 1);
    }
  };
  return {
    clock,
    store,
    lessor,
    entry,
    grant: (id: bigint, ttl: number): void => entry((txn) => lessor.grant(txn, id, ttl)),
    put: (key: string, lease: bigint) => entry((txn) => txn.put(key, Buffer.from('v'), lease)),
    revoke: (id: bigint) => entry((txn) => atOnce(lessor.revoke(txn, id))),
  };
}

function failure(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error instanceof ConfetdError ? [error.code, error.message] : error;
  }
}

const NOT_FOUND = ['not_found', 'etcdserver: requested lease not found'];

describe('lessor', () => {
  it('has a lease until the entry that revokes it ends, and for good where that is given up', async () => {
    const { store, lessor, grant, put } = setUp(new MemoryBackend(), 1);
    for (const id of [1n, 2n]) grant(id, 10);
    for (const key of ['a', 'b', 'c']) put(key, 1n);
    const revoke = (id: bigint) => {
      const txn = store.beginSliced();
      return { txn, slices: lessor.revoke(txn, id) };
    };
    const first = revoke(1n);
    first.slices.next();
    expect([lessor.has(1n), lessor.list(), lessor.renew(1n)]).toEqual([true, [1n, 2n], 10]);
    atOnce(first.slices);
    expect(lessor.has(1n)).toBe(true);
    first.txn.end(store.applied.index + 1, 1);
    expect([lessor.has(1n), lessor.list(), store.leaseKeys(1n)]).toEqual([false, [2n], []]);
    const second = revoke(2n);
    atOnce(second.slices);
    await store.halt();
    expect([second.txn.isOver, lessor.list()]).toEqual([true, [2n]]);
  });

  it('refuses what etcd refuses, in its words', () => {
    const { lessor, grant, revoke } = setUp();
    grant(7n, 10);
    expect(failure(() => grant(7n, 10))).toEqual(['failed_precondition', 'etcdserver: lease already exists']);
    const tooLarge = ['out_of_range', 'etcdserver: too large lease TTL'];
    expect(failure(() => grant(8n, MAX_TTL_SECONDS + 1))).toEqual(tooLarge);
    expect(failure(() => lessor.proposedTtl(MAX_TTL_SECONDS + 1))).toEqual(tooLarge);
    expect(failure(() => revoke(9n))).toEqual(NOT_FOUND);
    expect(failure(() => lessor.renew(9n))).toEqual(NOT_FOUND);
    expect(lessor.timeToLive(9n)).toBeUndefined();
    expect(lessor.list()).toEqual([7n]);
  });

  it('raises a TTL to the minimum before it is proposed', () => {
    const { lessor } = setUp();
    expect([0, -5, 1, 2, 60, MAX_TTL_SECONDS].map((ttl) => lessor.proposedTtl(ttl))).toEqual([
      2,
      2,
      2,
      2,
      60,
      MAX_TTL_SECONDS,
    ]);
  });

  it('ends a lease no earlier than its TTL, and then at once', async () => {
    const { clock, lessor, grant } = setUp();
    lessor.promote(0);
    grant(1n, 10);
    grant(2n, 5);
    await clock.advance(4_999);
    expect(lessor.expired(10)).toEqual([]);
    expect(lessor.timeToLive(2n)).toEqual({ id: 2n, grantedTtl: 5, ttl: 0 });
    await clock.advance(1);
    expect(lessor.expired(10)).toEqual([2n]);
    expect(lessor.timeToLive(2n)).toBeUndefined();
    expect(lessor.timeToLive(1n)).toEqual({ id: 1n, grantedTtl: 10, ttl: 5 });
    await clock.advance(5_000);
    expect(lessor.expired(10)).toContain(1n);
  });

  it('does not care about the wall clock', async () => {
    const { clock, lessor, grant } = setUp();
    lessor.promote(0);
    grant(1n, 5);
    clock.jumpWall(3_600_000);
    await clock.advance(4_999);
    expect(lessor.expired(10)).toEqual([]);
    clock.jumpWall(-7_200_000);
    await clock.advance(1);
    expect(lessor.expired(10)).toEqual([1n]);
  });

  it('lives on while it is renewed, and not once it has expired', async () => {
    const { clock, lessor, grant } = setUp();
    lessor.promote(0);
    grant(1n, 5);
    for (let at = 0; at < 10; at++) {
      await clock.advance(4_000);
      expect(lessor.expired(10)).toEqual([]);
      expect(lessor.renew(1n)).toBe(5);
    }
    await clock.advance(5_000);
    expect(failure(() => lessor.renew(1n))).toEqual(NOT_FOUND);
    expect(lessor.expired(10)).toEqual([1n]);
  });

  it('reports the earliest first, no more than asked for, and again those that stay', async () => {
    const { clock, lessor, grant, revoke } = setUp();
    lessor.promote(0);
    for (const id of [5n, 3n, 9n, 1n]) grant(id, Number(id) + 2);
    await clock.advance(60_000);
    expect(lessor.expired(3)).toEqual([1n, 3n, 5n]);
    expect(lessor.expired(3)).toEqual([9n]);
    for (const id of [1n, 3n, 5n]) revoke(id);
    await clock.advance(2_999);
    expect(lessor.expired(3)).toEqual([]);
    await clock.advance(1);
    expect(lessor.expired(3)).toEqual([9n]);
  });

  it('judges only while it leads, and a new leader gives every lease its whole time again', async () => {
    const { clock, lessor, grant } = setUp();
    grant(1n, 5);
    await clock.advance(60_000);
    expect(lessor.expired(10)).toEqual([]);
    expect(lessor.renew(1n)).toBe(5);
    lessor.promote(1_000);
    await clock.advance(5_999);
    expect(lessor.expired(10)).toEqual([]);
    lessor.demote();
    await clock.advance(60_000);
    expect(lessor.expired(10)).toEqual([]);
    lessor.promote(0);
    await clock.advance(4_999);
    expect(lessor.expired(10)).toEqual([]);
    await clock.advance(1);
    expect(lessor.expired(10)).toEqual([1n]);
  });

  it('deletes its keys with it, sorted and in one revision', () => {
    const { store, lessor, grant, put, revoke } = setUp();
    grant(1n, 10);
    grant(2n, 10);
    for (const key of ['c', 'a', 'b']) put(key, 1n);
    put('other', 2n);
    put('b', 2n);
    put('d', 1n);
    put('d', 0n);
    expect(store.leaseKeys(1n)).toEqual(['a', 'c']);
    const events: string[] = [];
    store.watch(
      { key: '', end: '\0', startRevision: 0, noPut: false, noDelete: false },
      {
        deliver: (batch) => events.push(...batch.events.map(({ kv }) => `${kv.key}@${batch.revision}`)) > 0,
        compacted: () => undefined,
      },
    );
    const revision = store.revision + 1;
    expect(revoke(1n).map(({ key }) => key)).toEqual(['a', 'c']);
    expect(events).toEqual([`a@${revision}`, `c@${revision}`]);
    expect(lessor.has(1n)).toBe(false);
    expect(store.leaseKeys(1n)).toEqual([]);
    expect(store.leaseKeys(2n)).toEqual(['b', 'other']);
  });

  it('knows its leases again after a restart, with the keys attached', async () => {
    const backend = new MemoryBackend();
    const first = setUp(backend);
    for (const id of [1n, 2n, 2n ** 62n]) first.grant(id, 30);
    first.put('a', 2n);
    first.revoke(1n);
    await first.clock.until(first.store.flush());
    const second = setUp(backend);
    expect(second.lessor.list()).toEqual([2n, 2n ** 62n]);
    expect(second.lessor.timeToLive(2n)?.grantedTtl).toBe(30);
    expect(second.store.leaseKeys(2n)).toEqual(['a']);
  });

  it('does not confuse a lease with one that had its ID before', async () => {
    const { clock, lessor, grant, revoke } = setUp();
    lessor.promote(0);
    grant(1n, 5);
    revoke(1n);
    await clock.advance(4_000);
    grant(1n, 5);
    await clock.advance(4_000);
    expect(lessor.expired(10)).toEqual([]);
    await clock.advance(1_000);
    expect(lessor.expired(10)).toEqual([1n]);
  });
});
