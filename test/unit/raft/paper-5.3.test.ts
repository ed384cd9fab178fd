import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/base/prng.js';
import { MessageType } from '../../../src/proto/generated/raft.js';
import { Cluster } from './cluster.js';
import { confState, entries, entry, Solo } from './support.js';

const three = { confState: confState(3) };

describe('Raft paper, section 5.3: log replication', () => {
  it('a leader appends, sends to all, commits by a majority and tells them', () => {
    const solo = new Solo(three);
    solo.becomeLeader();
    solo.acknowledge(2);
    solo.acknowledge(3);
    solo.raft.propose([Buffer.from('x')]);
    const sent = solo.run();
    expect(
      sent.map(({ type, to, index, logTerm, entries: out }) => [type, to, index, logTerm, out.length]),
    ).toEqual([
      [MessageType.APP, 2n, 1, 1, 1],
      [MessageType.APP, 3n, 1, 1, 1],
    ]);
    expect(solo.raft.status.commit).toBe(1);
    const told = solo.acknowledge(3);
    expect(solo.raft.status.commit).toBe(2);
    expect(told.map(({ type, to, commit }) => [type, to, commit])).toEqual([
      [MessageType.APP, 2n, 2],
      [MessageType.APP, 3n, 2],
    ]);
  });

  it('commits with any majority', () => {
    const cases: [number, number[], boolean][] = [
      [3, [], false],
      [3, [2], true],
      [5, [2], false],
      [5, [3, 5], true],
    ];
    for (const [size, acknowledging, committed] of cases) {
      const solo = new Solo({ confState: confState(size) });
      solo.becomeLeader();
      for (const id of acknowledging) solo.acknowledge(id);
      expect(solo.raft.status.commit).toBe(committed ? 1 : 0);
    }
  });

  it('a follower refuses what does not follow its log, with a hint', () => {
    const solo = new Solo({
      ...three,
      log: entries(1, 1, 1, 2),
      hardState: { term: 3, vote: 0n, commit: 0 },
    });
    const refused = (index: number, logTerm: number) =>
      solo.step(MessageType.APP, 2, { index, logTerm, entries: [entry(index + 1, 3)] })[0];
    expect(refused(9, 3)).toMatchObject({ reject: true, index: 9, rejectHint: 3, logTerm: 2 });
    expect(refused(3, 1)).toMatchObject({ reject: true, index: 3, rejectHint: 2, logTerm: 1 });
    expect(solo.raft.status.lastIndex).toBe(3);
  });

  it('figure 7: a leader makes each of six different logs like its own, in few rounds', () => {
    const leaderLog = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    const followers = [
      [1, 1, 1, 4, 4, 5, 5, 6, 6],
      [1, 1, 1, 4],
      [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
      [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
      [1, 1, 1, 4, 4, 4, 4],
      [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    ];
    for (const terms of followers) {
      const hardState = { term: 7, vote: 0n, commit: 0 };
      const leader = new Solo({ ...three, log: entries(1, ...leaderLog), hardState });
      const follower = new Solo({ ...three, id: 2n, log: entries(1, ...terms), hardState });
      let toFollower = leader.becomeLeader().filter(({ to }) => to === 2n);
      let rounds = 0;
      for (; toFollower.length > 0 && rounds < 10; rounds++) {
        for (const sent of toFollower) follower.raft.step(sent);
        for (const answer of follower.run()) leader.raft.step(answer);
        toFollower = leader.run().filter(({ to }) => to === 2n);
      }
      const logOf = ({ storage }: Solo) =>
        Array.from({ length: storage.lastIndex() }, (_, at) => storage.term(at + 1));
      expect(logOf(follower)).toEqual(logOf(leader));
      expect(follower.raft.status.commit).toBe(leader.raft.status.commit);
      expect(rounds).toBeLessThanOrEqual(5);
    }
  });

  it('a follower commits no further than the entries that it was sent with the commit index', () => {
    const solo = new Solo({
      ...three,
      log: entries(1, 1, 1, 1),
      hardState: { term: 2, vote: 0n, commit: 0 },
    });
    solo.step(MessageType.APP, 2, { index: 1, logTerm: 1, commit: 3 });
    expect(solo.raft.status.commit).toBe(1);
  });

  it('an append that comes again, or late, takes nothing away', () => {
    const solo = new Solo({ ...three, hardState: { term: 1, vote: 0n, commit: 0 } });
    const first = { entries: entries(1, 1, 1), commit: 0 };
    solo.step(MessageType.APP, 2, first);
    solo.step(MessageType.APP, 2, { index: 2, logTerm: 1, entries: entries(3, 1), commit: 3 });
    expect(solo.step(MessageType.APP, 2, first)).toMatchObject([{ reject: false, index: 3 }]);
    expect(solo.raft.status).toMatchObject({ lastIndex: 3, commit: 3 });
  });

  it('a follower applies what is committed, in the order of the log', () => {
    const solo = new Solo({ ...three, hardState: { term: 1, vote: 0n, commit: 0 } });
    solo.step(MessageType.APP, 2, { entries: entries(1, 1, 1, 1, 1), commit: 2 });
    expect(solo.committed.map(({ index }) => index)).toEqual([1, 2]);
    solo.step(MessageType.APP, 2, { index: 4, logTerm: 1, commit: 4 });
    expect(solo.committed.map(({ index }) => index)).toEqual([1, 2, 3, 4]);
  });

  it('what a follower has in another term is deleted, with all that follows; what agrees stays', () => {
    const cases: [number, number, number[], number[]][] = [
      [2, 2, [3], [1, 2, 3]],
      [1, 1, [3, 4], [1, 3, 4]],
      [0, 0, [1], [1, 2]],
      [0, 0, [3], [3]],
      [1, 1, [2], [1, 2]],
      [1, 1, [2, 4], [1, 2, 4]],
    ];
    for (const [index, logTerm, sent, expected] of cases) {
      const solo = new Solo({
        ...three,
        log: entries(1, 1, 2),
        hardState: { term: 2, vote: 0n, commit: 0 },
      });
      solo.step(MessageType.APP, 2, { term: 4, index, logTerm, entries: entries(index + 1, ...sent) });
      const found = Array.from({ length: solo.storage.lastIndex() }, (_, at) => solo.storage.term(at + 1));
      expect(found).toEqual(expected);
    }
  });

  it('leader append-only: whatever followers answer, a leader deletes and changes nothing of its own', () => {
    const solo = new Solo({
      ...three,
      log: entries(1, 1, 1, 2),
      hardState: { term: 2, vote: 0n, commit: 1 },
    });
    solo.becomeLeader();
    const own = () => Array.from({ length: solo.storage.lastIndex() }, (_, at) => solo.storage.term(at + 1));
    const before = own();
    for (let index = 0; index <= 4; index++) {
      for (let rejectHint = 0; rejectHint <= index; rejectHint++) {
        for (let logTerm = 0; logTerm <= 3; logTerm++) {
          solo.step(MessageType.APP_RESP, 2, { reject: true, index, rejectHint, logTerm });
          solo.step(MessageType.HEARTBEAT_RESP, 2);
        }
      }
    }
    expect(own()).toEqual(before);
  });

  it('a follower that does not answer is sent the same again and again', () => {
    const solo = new Solo(three);
    solo.becomeLeader();
    for (let round = 0; round < 20; round++) {
      // It answers heartbeats only, as if all appends were lost.
      solo.tick(1);
      const again = solo.step(MessageType.HEARTBEAT_RESP, 3);
      expect(again.filter(({ type, to }) => type === MessageType.APP && to === 3n)).toHaveLength(1);
    }
  });

  it('a slow minority delays nothing', () => {
    const cluster = new Cluster(5);
    cluster.elect(1);
    cluster.partition([4, 5], [1, 2, 3]);
    cluster.propose(1, 'a', 'b');
    expect([1, 2, 3].map((id) => cluster.member(id).history)).toEqual([
      ['a', 'b'],
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  it('log matching: if two logs agree at an index, they agree before it (checked after each of many random runs)', () => {
    const random = new Prng(8);
    for (let run = 0; run < 20; run++) {
      const cluster = new Cluster(3, {}, run + 1);
      for (let step = 0; step < 12; step++) {
        const id = 1 + random.below(3);
        cluster.partition(
          [id],
          [1, 2, 3].filter((other) => other !== id),
        );
        cluster.tick(25);
        for (const member of cluster.members.values()) {
          if (member.isLeader) member.raft.propose([Buffer.from(`${run}.${step}`)]);
        }
        cluster.settle();
        cluster.invariants.checkLogMatching([...cluster.members.values()].map(({ storage }) => storage));
      }
    }
  });
});
