import { describe, expect, it } from 'vitest';
import { type Message, MessageType } from '../../../src/proto/generated/raft.js';
import { RawNode } from '../../../src/raft/rawnode.js';
import { Cluster } from './cluster.js';
import { PagedStorage } from './paged-storage.js';
import { bytes, config, confState, entries, message } from './support.js';

/** A leader of three in term 2 whose first eight entries are on disk, and that hears of follower 2 for the first time. */
function leader(): { raft: RawNode; storage: PagedStorage; run: () => Message[] } {
  const storage = new PagedStorage();
  storage.append(entries(1, 1, 1, 1, 1, 1, 1, 1, 1));
  const hardState = { term: 1, vote: 0n, commit: 8 };
  const raft = new RawNode(config({ storage, hardState, confState: confState(3), applied: 8 }));
  storage.evict(8);
  storage.offerSnapshot({ data: bytes(''), metadata: { index: 8, term: 1, confState: confState(3) } });
  const run = () => {
    const sent: Message[] = [];
    while (raft.hasReady()) {
      const { append, messages } = raft.ready();
      sent.push(...messages);
      if (append === undefined) continue;
      storage.append(append.entries);
      raft.appended(append);
      sent.push(...append.messages);
    }
    return sent;
  };
  raft.campaign();
  run();
  raft.step(message(MessageType.PRE_VOTE_RESP, 3, { term: 2 }));
  run();
  raft.step(message(MessageType.VOTE_RESP, 3, { term: 2 }));
  run();
  return { raft, storage, run };
}

const refusal = message(MessageType.APP_RESP, 2, {
  term: 2,
  reject: true,
  index: 8,
  rejectHint: 3,
  logTerm: 1,
});
const follower = (raft: RawNode) => raft.status.progress.find(({ id }) => id === 2n);

describe('entries on disk', () => {
  it('nothing is sent to who needs them until they were fetched, and nothing that is known of it changes', () => {
    const { raft, storage, run } = leader();
    raft.step(refusal);
    expect(run()).toEqual([]);
    const before = follower(raft);
    expect(before).toMatchObject({ state: 'probe', match: 0, next: 4 });
    for (let round = 0; round < 5; round++) {
      raft.tick();
      run();
      raft.step(message(MessageType.HEARTBEAT_RESP, 2, { term: 2 }));
      expect(run()).toEqual([]);
    }
    expect({ ...follower(raft), recentActive: false }).toEqual({ ...before, recentActive: false });
    storage.fetched();
    raft.entriesFetched();
    const [sent] = run();
    expect([sent?.type, sent?.index, sent?.logTerm, sent?.entries.map(({ index }) => index)]).toEqual([
      MessageType.APP,
      3,
      1,
      [4, 5, 6, 7, 8],
    ]);
  });

  it('one page leads to the next, and then to what is in memory', () => {
    const { raft, storage, run } = leader();
    raft.step(
      message(MessageType.APP_RESP, 2, { term: 2, reject: true, index: 8, rejectHint: 0, logTerm: 0 }),
    );
    const got: number[] = [];
    for (let round = 0; round < 4; round++) {
      run();
      storage.fetched();
      raft.entriesFetched();
      for (const { type, to, entries: sent } of run()) {
        if (type !== MessageType.APP || to !== 2n) continue;
        got.push(...sent.map(({ index }) => index));
        raft.step(message(MessageType.APP_RESP, 2, { term: 2, index: got.at(-1) ?? 0 }));
      }
    }
    expect(got).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(follower(raft)).toMatchObject({ state: 'replicate', match: 9 });
  });

  it('a fetch that brought nothing is asked for again, and others are not held up', () => {
    const { raft, storage, run } = leader();
    raft.step(refusal);
    run();
    storage.evict(8);
    raft.entriesFetched();
    expect(run()).toEqual([]);
    expect(storage.refusals).toBeGreaterThan(1);
    raft.step(message(MessageType.APP_RESP, 3, { term: 2, index: 9 }));
    raft.propose([bytes('x')]);
    expect(run().map(({ to, entries: sent }) => [to, sent.length])).toContainEqual([3n, 1]);
  });

  it('told to who does not lead any more, the end of a fetch changes nothing', () => {
    const { raft, run } = leader();
    raft.step(refusal);
    run();
    raft.step(message(MessageType.HEARTBEAT, 3, { term: 5 }));
    run();
    raft.entriesFetched();
    expect(raft.hasReady()).toBe(false);
  });

  it('cut off meanwhile, the follower is sent the state', () => {
    const { raft, storage, run } = leader();
    raft.step(refusal);
    run();
    storage.compact(8);
    raft.entriesFetched();
    expect(run().map(({ type, to }) => [type, to])).toEqual([[MessageType.SNAP, 2n]]);
  });

  it('a member that was away catches up from the disk of a leader that has nothing in memory', () => {
    const cluster = new Cluster(3);
    cluster.elect(1);
    cluster.partition([3], [1, 2]);
    const names = Array.from({ length: 40 }, (_, at) => `v${at}`);
    for (const name of names) cluster.propose(1, name);
    cluster.member(1).evict();
    cluster.heal();
    cluster.tick(3);
    expect(cluster.member(3).history).toEqual(names);
    expect(cluster.member(1).storage.refusals).toBeGreaterThan(3);
    expect(cluster.member(3).storage.firstIndex()).toBe(1);
  });
});
