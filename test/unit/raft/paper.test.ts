import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/base/prng.js';
import { MessageType } from '../../../src/proto/generated/raft.js';
import { Cluster } from './cluster.js';
import { confState, entries, entry, message, Solo } from './support.js';

const three = { confState: confState(3) };
const five = { confState: confState(5) };

describe('Raft paper, section 5.1: terms', () => {
  for (const role of ['follower', 'pre-candidate', 'candidate', 'leader'] as const) {
    it(`a ${role} that hears of a newer term follows in it`, () => {
      const solo = new Solo(three);
      if (role === 'leader') solo.becomeLeader();
      else if (role !== 'follower') solo.raft.campaign();
      if (role === 'candidate') solo.step(MessageType.PRE_VOTE_RESP, 2, { term: 1 });
      expect(solo.raft.status.role).toBe(role);
      solo.step(MessageType.APP, 2, { term: 7 });
      expect(solo.raft.status).toMatchObject({ role: 'follower', term: 7, leader: 2n });
    });
  }

  it('a request of an older term has no effect', () => {
    const solo = new Solo({ ...three, hardState: { term: 5, vote: 0n, commit: 0 } });
    const sent = solo.step(MessageType.APP, 2, { term: 4, entries: [entry(1, 4)] });
    expect(solo.raft.status).toMatchObject({ lastIndex: 0, leader: 0n });
    expect(sent).toMatchObject([{ type: MessageType.APP_RESP, term: 5, reject: true }]);
    expect(solo.step(MessageType.VOTE, 2, { term: 4 })).toEqual([]);
  });

  it('a deposed leader is told of the newer term, and steps down', () => {
    const cluster = new Cluster(3);
    cluster.elect(1);
    cluster.partition([1], [2, 3]);
    for (let ticks = 0; ticks < 9 || cluster.leader?.id === 1n; ticks++) cluster.tick();
    cluster.heal();
    cluster.tick(2);
    expect(cluster.status(1)).toMatchObject({ role: 'follower', leader: cluster.leader?.id });
  });
});

describe('Raft paper, section 5.2: election', () => {
  it('starts as a follower', () => {
    expect(new Solo(three).raft.status).toMatchObject({ role: 'follower', leader: 0n });
  });

  it('a leader sends heartbeats at its interval to all others', () => {
    const solo = new Solo({ ...three, heartbeatTicks: 2 });
    solo.becomeLeader();
    expect(solo.tick(1)).toEqual([]);
    const beats = solo.tick(1);
    expect(beats.map(({ type, to }) => [type, to])).toEqual([
      [MessageType.HEARTBEAT, 2n],
      [MessageType.HEARTBEAT, 3n],
    ]);
  });

  it('a candidate raises its term, votes for itself and asks all others', () => {
    const solo = new Solo({ ...three, hardState: { term: 4, vote: 0n, commit: 0 } });
    solo.raft.campaign();
    solo.run();
    const asked = solo.step(MessageType.PRE_VOTE_RESP, 3, { term: 5 });
    expect(solo.raft.status).toMatchObject({ role: 'candidate', term: 5, vote: 1n });
    expect(asked.map(({ type, to, term }) => [type, to, term])).toEqual([
      [MessageType.VOTE, 2n, 5],
      [MessageType.VOTE, 3n, 5],
    ]);
  });

  it('wins with a majority, its own vote among them', () => {
    const cases: [number, boolean[], string][] = [
      [3, [true], 'leader'],
      [5, [true, true], 'leader'],
      [5, [true], 'candidate'],
      [5, [true, false, true], 'leader'],
      [5, [false, false, true], 'candidate'],
      [3, [false, false], 'follower'],
      [5, [false, false, false], 'follower'],
    ];
    for (const [size, votes, role] of cases) {
      const solo = new Solo({ confState: confState(size) });
      solo.raft.campaign();
      for (let id = 2; id <= size; id++) solo.step(MessageType.PRE_VOTE_RESP, id, { term: 1 });
      for (const [at, granted] of votes.entries())
        solo.step(MessageType.VOTE_RESP, at + 2, { reject: !granted });
      expect(solo.raft.status.role).toBe(role);
    }
  });

  it('counts a vote once', () => {
    const solo = new Solo(five);
    solo.raft.campaign();
    for (let id = 2; id <= 5; id++) solo.step(MessageType.PRE_VOTE_RESP, id, { term: 1 });
    for (let time = 0; time < 3; time++) solo.step(MessageType.VOTE_RESP, 2);
    expect(solo.raft.status.role).toBe('candidate');
  });

  it('its own vote counts once it is durable', () => {
    const solo = new Solo(three);
    solo.raft.campaign();
    solo.run();
    solo.raft.step(message(MessageType.PRE_VOTE_RESP, 2));
    const { append, messages } = solo.raft.ready();
    expect(messages).toEqual([]);
    solo.raft.step(message(MessageType.VOTE_RESP, 2));
    expect(solo.raft.status.role).toBe('candidate');
    if (append !== undefined) solo.raft.appended(append);
    expect(solo.raft.status.role).toBe('leader');
  });

  it('gives one vote a term, first come, first served, also across a restart', () => {
    const solo = new Solo(three);
    expect(solo.step(MessageType.VOTE, 2, { term: 3 })).toMatchObject([
      { type: MessageType.VOTE_RESP, reject: false },
    ]);
    expect(solo.step(MessageType.VOTE, 3, { term: 3 })).toMatchObject([{ reject: true }]);
    expect(solo.step(MessageType.VOTE, 2, { term: 3 })).toMatchObject([{ reject: false }]);
    const again = new Solo({ ...three, hardState: { term: 3, vote: 2n, commit: 0 } });
    expect(again.step(MessageType.VOTE, 3, { term: 3 })).toMatchObject([{ reject: true }]);
    expect(again.step(MessageType.VOTE, 3, { term: 4 })).toMatchObject([{ reject: false }]);
  });

  it('a candidate follows whoever has won in its term', () => {
    const solo = new Solo(three);
    solo.raft.campaign();
    solo.step(MessageType.PRE_VOTE_RESP, 2, { term: 1 });
    solo.step(MessageType.APP, 3, { term: 1 });
    expect(solo.raft.status).toMatchObject({ role: 'follower', term: 1, leader: 3n, vote: 1n });
  });

  it('draws election timeouts from [n, 2n), all of them', () => {
    const prng = new Prng(3);
    const seen = new Set<number>();
    const solo = new Solo({ ...three, random: () => prng.uint32() });
    for (let round = 0; round < 400; round++) {
      solo.step(MessageType.HEARTBEAT, 2, { term: round + 1 });
      let ticks = 0;
      while (solo.raft.status.role === 'follower') {
        solo.tick(1);
        ticks++;
      }
      seen.add(ticks);
    }
    expect([...seen].toSorted((a, b) => a - b)).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  });

  it('split votes are resolved', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const cluster = new Cluster(5, {}, seed);
      for (let id = 1; id <= 5; id++) cluster.member(id).raft.campaign();
      cluster.tick(60);
      expect(cluster.leader).toBeDefined();
    }
  });
});

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
});

describe('Raft paper, section 5.4: safety', () => {
  it('5.4.1: votes only for a log that is at least as new', () => {
    const cases: [number, number, boolean][] = [
      [3, 2, true],
      [4, 2, true],
      [1, 3, true],
      [2, 2, false],
      [9, 1, false],
    ];
    for (const type of [MessageType.VOTE, MessageType.PRE_VOTE]) {
      for (const [index, logTerm, granted] of cases) {
        const solo = new Solo({
          ...three,
          log: entries(1, 1, 2, 2),
          hardState: { term: 2, vote: 0n, commit: 0 },
        });
        expect(solo.step(type, 2, { term: 3, index, logTerm })).toMatchObject([{ reject: !granted }]);
      }
    }
  });

  it('5.4.2, figure 8: entries of older terms are committed only through one of the own term', () => {
    const solo = new Solo({ ...three, log: entries(1, 1, 2), hardState: { term: 2, vote: 0n, commit: 0 } });
    solo.becomeLeader();
    expect(solo.raft.status).toMatchObject({ term: 3, lastIndex: 3 });
    solo.step(MessageType.APP_RESP, 2, { index: 2 });
    expect(solo.raft.status.commit).toBe(0);
    solo.step(MessageType.APP_RESP, 2, { index: 3 });
    expect(solo.raft.status.commit).toBe(3);
  });

  it('5.4.3: a member without the committed entries is not elected', () => {
    const cluster = new Cluster(3);
    cluster.elect(1);
    cluster.partition([3], [1, 2]);
    cluster.propose(1, 'a', 'b');
    cluster.member(1).crash('nothing');
    cluster.heal();
    cluster.tick(60);
    expect(cluster.leader?.id).toBe(2n);
    expect(cluster.member(3).history).toEqual(['a', 'b']);
  });
});

describe('Raft paper, section 5.5 and 5.6: crashes and availability', () => {
  it('a follower that crashed gets what it missed', () => {
    const cluster = new Cluster(3);
    cluster.elect(1);
    cluster.propose(1, 'a');
    cluster.member(2).crash('nothing');
    cluster.propose(1, 'b', 'c');
    cluster.member(2).restart();
    cluster.tick(4);
    expect(cluster.member(2).history).toEqual(['a', 'b', 'c']);
  });

  it('goes on with two of five members down, and stops with three', () => {
    const cluster = new Cluster(5);
    cluster.elect(1);
    cluster.member(4).crash('nothing');
    cluster.member(5).crash('nothing');
    cluster.propose(1, 'a');
    expect(cluster.member(2).history).toEqual(['a']);
    cluster.member(3).crash('nothing');
    cluster.propose(1, 'b');
    expect(cluster.member(1).history).toEqual(['a']);
  });
});

describe('Raft paper, section 8: clients', () => {
  it('a new leader commits an empty entry first', () => {
    const cluster = new Cluster(3);
    cluster.elect(1);
    expect(cluster.status(1)).toMatchObject({ commit: 1, applied: 1 });
    expect(cluster.histories()).toEqual([[], [], []]);
  });
});
