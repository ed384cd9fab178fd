import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/io/clock.js';
import { EmbeddedSource } from '../../../src/source/embedded.js';
import type { FeedMessage, FeedRequest } from '../../../src/source/feed.js';
import { FeedServer } from '../../../src/source/feed-server.js';
import { CUT_OFF_AFTER_MS, LEADER_SAMPLE_MS } from '../../../src/source/leader-watch.js';
import { Mirror } from '../../../src/source/mirror.js';
import type { ChangeBatch, Snapshot } from '../../../src/source/types.js';
import { FeedStore } from './feed-store.js';

/** Looks at the leader come when a test says so, everything else in the next turn. */
let look = (): void => {};
let nowMs = 0;
const clock: Clock = {
  monotonicMs: () => nowMs,
  wallMs: () => 1_000_000 + nowMs,
  schedule: (delayMs, task) => {
    if (delayMs === LEADER_SAMPLE_MS) {
      look = task;
      return { cancel: () => {} };
    }
    const timer = setImmediate(task);
    return { cancel: () => clearImmediate(timer) };
  },
  yield: () =>
    new Promise((resolve) => {
      setImmediate(resolve);
    }),
};

async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await clock.yield();
}

async function pass(ms: number): Promise<void> {
  for (const until = nowMs + ms; nowMs < until; ) {
    nowMs += LEADER_SAMPLE_MS;
    look();
  }
  await turns();
}

/** A server and a source with a wire between them that can be held. */
class Wire {
  readonly store = new FeedStore();
  readonly messages: FeedMessage[] = [];
  readonly #toSource: FeedMessage[] = [];
  held = false;
  readonly server: FeedServer;
  readonly source: EmbeddedSource;
  readonly mirror = new Mirror();
  readonly snapshots: Snapshot[] = [];
  readonly batches: ChangeBatch[] = [];
  /** What it was told of the source's state. */
  readonly lost: string[] = [];

  constructor(timeOffsetMs = 0) {
    const post = (message: FeedMessage): void => {
      this.messages.push(structuredClone(message));
      this.#toSource.push(message);
      if (!this.held) setImmediate(() => this.pass());
    };
    this.server = new FeedServer(this.store, { post, clock, timeOffsetMs });
    this.source = new EmbeddedSource({
      post: (request: FeedRequest) => setImmediate(() => this.server.receive(request)),
      timeOffsetMs,
    });
  }

  /** Delivers what is on the wire. */
  pass(): void {
    for (const message of this.#toSource.splice(0)) this.source.receive(message);
  }

  follow(...subtrees: string[]) {
    return this.source.follow(subtrees, {
      snapshot: (snapshot) => {
        this.snapshots.push(snapshot);
        this.mirror.load(snapshot);
      },
      changes: (batch) => {
        this.batches.push(batch);
        this.mirror.apply(batch);
      },
      found: () => this.lost.push('found'),
      lost: (reason, sinceMs = 0) => this.lost.push(`${reason} since ${sinceMs - 1_000_000}`),
    });
  }

  /** What the mirror should hold. */
  expected(prefix: string): [string, string][] {
    return [...this.store.at(this.store.revision)]
      .map(([key, value]) => [Buffer.from(key, 'latin1').toString(), value.toString()] as [string, string])
      .filter(([key]) => key.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1));
  }

  have(prefix: string): [string, string][] {
    return this.mirror.withPrefix(prefix).map(({ key, value }) => [key, value]);
  }
}

describe('the embedded source', () => {
  it('tells a snapshot at one revision, in pieces, and then every change, text as text', async () => {
    const wire = new Wire();
    const many = Object.fromEntries(Array.from({ length: 2500 }, (_, at) => [`/s/${at}`, `v${at}`]));
    wire.store.put(many);
    wire.store.put({ '/other': 'x', '/s': 'own', '/s/ä': 'ö' });
    let once = true;
    wire.store.beforePage = () => {
      // In the middle of the snapshot: it must not show.
      if (wire.store.pages === 3 && once) {
        once = false;
        wire.store.put({ '/s/0': 'later', '/s/zz': 'later' });
      }
    };
    wire.follow('/s');
    await turns(40);
    expect(wire.snapshots).toHaveLength(1);
    expect(wire.snapshots[0]).toMatchObject({ origin: 'abc', revision: 2 });
    expect(wire.snapshots[0]?.pairs).toHaveLength(2502);
    expect(wire.snapshots[0]?.pairs.find(({ key }) => key === '/s/0')?.value).toBe('v0');
    expect(Math.max(...wire.messages.map((one) => (one.type === 'pairs' ? one.pairs.length : 0)))).toBe(1000);
    wire.store.put({ '/s/1': null, '/s/ö': 'ü' });
    await turns();
    expect(wire.have('/s')).toEqual(wire.expected('/s'));
    expect(wire.mirror.revision).toBe(4);
  });

  it('goes on with revisions that change nothing of it, one message at a time', async () => {
    const wire = new Wire();
    wire.follow('/s');
    await turns();
    wire.held = true;
    for (let count = 0; count < 1000; count++) {
      wire.store.put({ '/other': 'x' });
      await Promise.resolve();
    }
    const told = wire.messages.filter(({ type }) => type === 'changes').length;
    expect(told).toBe(1);
    wire.held = false;
    wire.pass();
    await turns();
    expect(wire.mirror.revision).toBe(1000);
    expect(wire.batches).toHaveLength(2);
  });

  it('merges what comes past 64 unacknowledged batches, whole revisions in order', async () => {
    const wire = new Wire();
    wire.follow('/s');
    await turns();
    wire.held = true;
    for (let count = 0; count < 500; count++) {
      wire.store.put({ '/s/a': `${count}`, '/s/b': `${count}` });
      await Promise.resolve();
    }
    expect(wire.messages.filter(({ type }) => type === 'changes')).toHaveLength(64);
    wire.held = false;
    wire.pass();
    await turns(100);
    expect(wire.batches).toHaveLength(65);
    expect(wire.batches.map(({ changes }) => changes.length % 2)).toEqual(wire.batches.map(() => 0));
    expect(wire.have('/s')).toEqual(wire.expected('/s'));
    expect(wire.mirror.revision).toBe(500);
  });

  it('holds 8 MB at most for a worker that does not answer, and loses nothing', async () => {
    const wire = new Wire();
    wire.follow('/s');
    await turns();
    wire.held = true;
    const value = 'x'.repeat(1024 * 1024);
    for (let count = 0; count < 40; count++) {
      wire.store.put({ [`/s/${count}`]: value });
      await Promise.resolve();
    }
    expect(wire.messages.filter(({ type }) => type === 'changes').length).toBeLessThanOrEqual(9);
    wire.held = false;
    wire.pass();
    await turns(200);
    expect(wire.have('/s')).toHaveLength(40);
    expect(wire.mirror.revision).toBe(40);
  });

  it('starts over where history is compacted before it could be told', async () => {
    const wire = new Wire();
    wire.follow('/s');
    await turns();
    wire.held = true;
    const value = 'x'.repeat(1024 * 1024);
    for (let count = 0; count < 20; count++) {
      wire.store.put({ [`/s/${count}`]: value, '/s/last': `${count}` });
      await Promise.resolve();
    }
    wire.store.compacted = 20;
    wire.held = false;
    wire.pass();
    await turns(200);
    expect(wire.snapshots.length).toBe(2);
    expect(wire.have('/s')).toEqual(wire.expected('/s'));
    expect(wire.mirror.revision).toBe(20);
  });

  it('starts over where the member takes a snapshot whose history begins later; what waited to be told is in it', async () => {
    const wire = new Wire();
    wire.follow('/s');
    await turns();
    wire.held = true;
    wire.store.put({ '/s/a': '1' });
    await Promise.resolve();
    // Waits behind the one before, as a revision that changes nothing of it.
    wire.store.put({ '/other': '1' });
    await Promise.resolve();
    wire.store.install(10, { '/s/a': '2', '/s/b': '2' });
    await turns();
    wire.held = false;
    wire.pass();
    await turns(40);
    expect(wire.snapshots.map(({ revision }) => revision)).toEqual([0, 12]);
    expect(wire.batches.map(({ revision }) => revision)).toEqual([1]);
    wire.store.put({ '/s/b': '3' });
    await turns();
    expect(wire.have('/s')).toEqual(wire.expected('/s'));
    expect([wire.mirror.revision, wire.lost]).toEqual([13, ['found']]);
  });

  it('starts a snapshot over that was compacted while it was read', async () => {
    const wire = new Wire();
    wire.store.put(Object.fromEntries(Array.from({ length: 3000 }, (_, at) => [`/s/${at}`, 'v'])));
    let once = true;
    wire.store.beforePage = () => {
      if (wire.store.pages !== 3 || !once) return;
      once = false;
      wire.store.put({ '/s/0': 'w' });
      wire.store.compacted = 2;
    };
    wire.follow('/s');
    await turns(60);
    expect(wire.snapshots.map(({ revision, pairs }) => [revision, pairs.length])).toEqual([[2, 3000]]);
    expect(wire.lost).toEqual(['found']);
  });

  it('says once what is wrong, and goes on when it is not any more', async () => {
    const wire = new Wire();
    wire.store.broken = 'no leader';
    wire.follow('/s');
    await turns(30);
    expect(wire.lost).toEqual([`no leader since ${nowMs}`]);
    wire.store.broken = '';
    await turns(30);
    expect(wire.snapshots).toHaveLength(1);
    expect(wire.lost.slice(1)).toEqual(['found']);
  });

  it('boot: a member that never caught up is not rendered before it has, and says why', async () => {
    const wire = new Wire();
    wire.store.put({ '/s/a': 'stale' });
    wire.store.unready = 'etcdserver: request timed out';
    wire.follow('/s');
    await turns(30);
    expect([wire.snapshots, wire.store.pages]).toEqual([[], 0]);
    expect(wire.lost).toHaveLength(1);
    expect(wire.lost[0]).toContain('until this member has caught up with its cluster: etcdserver: request');
    wire.store.put({ '/s/a': 'new' });
    wire.store.unready = '';
    await turns(30);
    expect(wire.snapshots).toMatchObject([{ revision: 2, pairs: [{ value: 'new' }] }]);
  });

  it('cut off: what is there is told at once, a missing leader once and since when, and its return', async () => {
    const wire = new Wire();
    wire.store.put({ '/s/a': '1' });
    wire.store.leaderKnown = false;
    const bootMs = nowMs;
    wire.follow('/s');
    await turns();
    expect(wire.snapshots).toHaveLength(1);
    // Neither here nor there: it may be an election.
    expect(wire.lost).toEqual([]);
    await pass(CUT_OFF_AFTER_MS + 10_000);
    expect(wire.lost).toEqual([`cut off from the leader since ${bootMs}`]);
    wire.store.leaderKnown = true;
    await pass(LEADER_SAMPLE_MS);
    expect(wire.lost.slice(1)).toEqual(['found']);
    // An election is no news.
    wire.store.leaderKnown = false;
    await pass(CUT_OFF_AFTER_MS - LEADER_SAMPLE_MS);
    wire.store.leaderKnown = true;
    await pass(LEADER_SAMPLE_MS);
    expect(wire.lost).toHaveLength(2);
    const cutMs = nowMs + LEADER_SAMPLE_MS;
    wire.store.leaderKnown = false;
    await pass(CUT_OFF_AFTER_MS + LEADER_SAMPLE_MS);
    expect(wire.lost.slice(2)).toEqual([`cut off from the leader since ${cutMs}`]);
    // What it still applies is told, and says nothing of the leader.
    wire.store.put({ '/s/a': '2' });
    await turns();
    expect([wire.have('/s'), wire.lost.length]).toEqual([[['/s/a', '2']], 3]);
  });

  it('tells when a change was committed, by the clock of its own thread', async () => {
    const wire = new Wire(5000);
    wire.follow('/s');
    await turns();
    wire.store.put({ '/s/a': '1' });
    await turns();
    expect(wire.batches[0]?.committedAtMs).toBe(101);
  });

  it('tells nothing after it was closed, and the server forgets it', async () => {
    const wire = new Wire();
    const following = wire.follow('/s');
    await turns();
    await following.close();
    await turns();
    const before = wire.messages.length;
    wire.store.put({ '/s/a': '1' });
    await turns();
    expect([wire.messages.length, wire.batches]).toEqual([before, []]);
  });

  it('loads once, or fails with what it knows when time is up', async () => {
    const wire = new Wire();
    wire.store.put({ '/s/a': '1' });
    expect(await wire.source.load(['/s'], new AbortController().signal)).toMatchObject({
      revision: 1,
      pairs: [{ key: '/s/a', value: '1' }],
    });
    wire.store.broken = 'no leader';
    const abort = new AbortController();
    const loading = wire.source.load(['/s'], abort.signal);
    await turns();
    abort.abort();
    await expect(loading).rejects.toThrow('embedded: no leader');
  });
});
