import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfetdError } from '../../../src/base/errors.js';
import { NodeClock } from '../../../src/io/node/clock.js';
import { type FeedMember, memberFeed } from '../../../src/main/member-feed.js';
import { EmbeddedSource } from '../../../src/source/embedded.js';
import type { FeedMessage } from '../../../src/source/feed.js';
import { FeedServer } from '../../../src/source/feed-server.js';
import { Mirror } from '../../../src/source/mirror.js';
import type { Snapshot } from '../../../src/source/types.js';
import { MemoryBackend } from '../../../src/store/backend/memory.js';
import type { Store } from '../../../src/store/store.js';
import type { WriteTxn } from '../../../src/store/write-txn.js';
import { entry, openStore, query } from '../store/harness.js';

const clock = new NodeClock();
const IDENTITY = { memberId: 1n, clusterId: 0xabcn, name: 'm' };

/** A member over a store, as far as a feed sees it. */
function memberOf(store: Store, more: Partial<FeedMember> = {}): FeedMember {
  return {
    identity: IDENTITY,
    leader: 1n,
    caughtUp: true,
    linearizable: () => Promise.reject(new ConfetdError('unavailable', 'etcdserver: request timed out')),
    readApplied: (asked) => store.range(asked),
    watch: (spec, sink) => store.watch(spec, sink),
    ...more,
  };
}

/** A source that follows a member through a wire that can be held, as a busy worker holds it. */
class Follower {
  readonly mirror = new Mirror();
  readonly snapshots: Snapshot[] = [];
  /** Of each change, and of each snapshot in between with a minus. */
  readonly told: number[] = [];
  readonly losses: string[] = [];
  readonly #server: FeedServer;
  readonly #source: EmbeddedSource;
  #queue: FeedMessage[] = [];
  #held = false;

  constructor(member: FeedMember) {
    this.#server = new FeedServer(memberFeed(member), {
      post: (message) => {
        this.#queue.push(message);
        setImmediate(() => this.#pass());
      },
      clock,
      timeOffsetMs: 0,
    });
    this.#source = new EmbeddedSource({
      post: (request) => setImmediate(() => this.#server.receive(request)),
      timeOffsetMs: 0,
    });
    this.#source.follow(['/k'], {
      snapshot: (snapshot) => {
        this.snapshots.push(snapshot);
        this.told.push(-snapshot.revision);
        this.mirror.load(snapshot);
      },
      changes: (batch) => {
        for (const change of batch.changes) {
          this.told.push(change.type === 'put' ? change.pair.modRevision : change.modRevision);
        }
        this.mirror.apply(batch);
      },
      found: () => {},
      lost: (reason) => this.losses.push(reason),
    });
  }

  hold(held: boolean): void {
    this.#held = held;
    this.#pass();
  }

  async at(revision: number): Promise<void> {
    for (let turn = 0; this.mirror.revision < revision; turn++) {
      if (turn > 2_000) throw new Error(`still at ${this.mirror.revision}, not at ${revision}`);
      await clock.yield();
    }
  }

  async close(): Promise<void> {
    await this.#source.close();
    this.#server.close();
  }

  #pass(): void {
    if (this.#held) return;
    const messages = this.#queue;
    this.#queue = [];
    for (const message of messages) this.#source.receive(message);
  }
}

async function turns(count = 30): Promise<void> {
  for (let turn = 0; turn < count; turn++) await clock.yield();
}

describe('boot', () => {
  const filled = (): Store => {
    const store = openStore();
    entry(store, (txn) => txn.put('/k/a', Buffer.from('1'), 0n));
    return store;
  };

  test('a member that has ever caught up is rendered at once, without a quorum', async () => {
    let asked = 0;
    const linearizable = (): Promise<void> => {
      asked++;
      return Promise.reject(new Error('no leader'));
    };
    const follower = new Follower(memberOf(filled(), { leader: 0n, linearizable }));
    await follower.at(2);
    expect(follower.snapshots).toMatchObject([{ origin: 'abc', pairs: [{ key: '/k/a', value: '1' }] }]);
    expect(asked).toBe(0);
    await follower.close();
  });

  test('one that never has is rendered after one read index, which is asked for until a leader answers', async () => {
    let asked = 0;
    let led = false;
    const store = filled();
    const linearizable = (): Promise<void> => {
      asked++;
      if (!led) return Promise.reject(new ConfetdError('unavailable', 'etcdserver: request timed out'));
      // What it lacked is applied by then.
      entry(store, (txn) => txn.put('/k/b', Buffer.from('2'), 0n));
      return Promise.resolve();
    };
    const follower = new Follower(memberOf(store, { caughtUp: false, linearizable }));
    while (asked < 3) await new Promise((wake) => setTimeout(wake, 5));
    expect(follower.snapshots).toEqual([]);
    expect(follower.losses).toEqual([
      'nothing is rendered until this member has caught up with its cluster: etcdserver: request timed out',
    ]);
    led = true;
    while (follower.snapshots.length === 0) await new Promise((wake) => setTimeout(wake, 5));
    expect(follower.snapshots[0]?.pairs.map(({ key }) => key)).toEqual(['/k/a', '/k/b']);
    await follower.close();
  });
});

type Op = (txn: WriteTxn) => void;

/** A cluster in small: a leader's history, and a follower that applies it entry by entry or takes a snapshot. */
class Cluster {
  readonly leader = openStore();
  readonly follower = openStore();
  readonly #log: Op[] = [];
  /** Revisions that touch what is followed, as often as they touch a key of it. */
  readonly relevant: number[] = [];
  readonly #from = this.leader.applied.index;

  write(keys: readonly number[]): void {
    const revision = this.leader.revision + 1;
    for (const key of keys) if (key < 4) this.relevant.push(revision);
    this.#run((txn) => {
      for (const key of keys) {
        txn.put(key < 4 ? `/k/${key}` : `/other/${key}`, Buffer.from(String(revision)), 0n);
      }
    });
  }

  compact(back: number): void {
    const at = this.leader.revision - back;
    if (at > this.leader.compactedRevision) this.#run((txn) => void txn.compact(at));
  }

  apply(count: number): void {
    const next = this.follower.applied.index - this.#from;
    for (const op of this.#log.slice(next, next + count)) entry(this.follower, op);
  }

  async install(): Promise<void> {
    const copy = await this.leader.copy();
    await this.follower.restore(await MemoryBackend.import(copy.chunks()));
    await copy.close();
  }

  #run(op: Op): void {
    this.#log.push(op);
    entry(this.leader, op);
  }
}

describe('a member that lags, takes snapshots and compacts', () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ write: fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 3 }) }) },
    { weight: 4, arbitrary: fc.record({ apply: fc.integer({ min: 1, max: 6 }) }) },
    { weight: 2, arbitrary: fc.constant('install' as const) },
    { weight: 2, arbitrary: fc.record({ compact: fc.nat(2) }) },
    { weight: 2, arbitrary: fc.constantFrom('hold' as const, 'go on' as const) },
    { weight: 4, arbitrary: fc.constant('turns' as const) },
  );

  test('no change is lost or told twice: each once, in order, or within a later snapshot', async () => {
    let jumps = 0;
    let starts = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80 }), async (steps) => {
        const cluster = new Cluster();
        const follower = new Follower(memberOf(cluster.follower));
        await turns(4);
        for (const one of steps) {
          if (one === 'install') {
            await cluster.install();
            jumps++;
          } else if (one === 'turns') await turns(4);
          else if (typeof one === 'string') follower.hold(one === 'hold');
          else if ('write' in one) cluster.write(one.write);
          else if ('apply' in one) cluster.apply(one.apply);
          else cluster.compact(one.compact);
        }
        follower.hold(false);
        await turns(6);
        cluster.write([0]);
        cluster.apply(Number.POSITIVE_INFINITY);
        await follower.at(cluster.leader.revision);
        starts += follower.snapshots.length;

        // Up to each snapshot all is known by it; after it, each change is told.
        let known = 0;
        for (const told of follower.told) {
          if (told < 0) {
            expect(-told).toBeGreaterThanOrEqual(known);
            known = -told;
          }
        }
        const expected: number[] = [];
        for (const [at, snapshot] of follower.snapshots.entries()) {
          const end = follower.snapshots[at + 1]?.revision ?? Number.POSITIVE_INFINITY;
          const toldHere = follower.told.slice(
            follower.told.indexOf(-snapshot.revision) + 1,
            end === Number.POSITIVE_INFINITY ? undefined : follower.told.indexOf(-end),
          );
          const all = cluster.relevant.filter((revision) => revision > snapshot.revision);
          // Whole revisions from the snapshot on, and to the end where none comes after it.
          expect(toldHere).toEqual(all.slice(0, toldHere.length));
          if (end === Number.POSITIVE_INFINITY) expect(toldHere).toHaveLength(all.length);
          expected.push(...toldHere);
        }
        expect(follower.told.filter((told) => told > 0)).toEqual(expected);
        const { kvs } = await cluster.leader.range(query('/k', '/l'));
        expect(follower.mirror.withPrefix('').map(({ key, value }) => `${key}=${value}`)).toEqual(
          kvs.map(({ key, value }) => `${key}=${value.toString()}`),
        );
        expect(follower.losses).toEqual([]);
        await follower.close();
        await Promise.all([cluster.leader.close(), cluster.follower.close()]);
      }),
      { numRuns: 400 },
    );
    // The orders that matter were among them.
    expect(jumps).toBeGreaterThan(100);
    expect(starts).toBeGreaterThan(150);
  });
});
