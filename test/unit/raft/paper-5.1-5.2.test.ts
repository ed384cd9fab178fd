import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/base/prng.js';
import { MessageType } from '../../../src/proto/generated/raft.js';
import { Cluster } from './cluster.js';
import { confState, entry, message, Solo } from './support.js';

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

  it('terms are exchanged with every message', () => {
    const cluster = new Cluster(3);
    const types = new Set<MessageType>();
    cluster.filter = ({ type, term, from }) => {
      types.add(type);
      const sender = cluster.status(Number(from)).term;
      const asksFor = type === MessageType.PRE_VOTE || type === MessageType.PRE_VOTE_RESP;
      expect(term).toBeGreaterThanOrEqual(asksFor ? 1 : sender);
      expect(term).toBeLessThanOrEqual(sender + (asksFor ? 1 : 0));
      return true;
    };
    cluster.elect(1);
    cluster.propose(1, 'a');
    cluster.tick(2);
    expect(types.size).toBeGreaterThanOrEqual(8);
  });

  it('whatever says so, a newer term is taken over at once, and with it an older vote is void', () => {
    const types = [
      MessageType.APP,
      MessageType.APP_RESP,
      MessageType.HEARTBEAT,
      MessageType.HEARTBEAT_RESP,
      MessageType.VOTE,
      MessageType.VOTE_RESP,
      MessageType.TIMEOUT_NOW,
      MessageType.READ_INDEX,
    ];
    for (const type of types) {
      const solo = new Solo({ ...three, hardState: { term: 3, vote: 1n, commit: 0 } });
      // From a stranger, so that a vote isn't granted again to the same member.
      solo.raft.step(message(type, 2, { term: 7, reject: true }));
      expect(solo.raft.status.term).toBeGreaterThanOrEqual(7);
      expect(solo.raft.status.vote).not.toBe(type === MessageType.TIMEOUT_NOW ? 2n : 1n);
    }
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

  it('stays a follower as long as a leader is heard of', () => {
    const solo = new Solo(three);
    for (let round = 0; round < 50; round++) {
      solo.step(MessageType.HEARTBEAT, 2, { term: 1 });
      expect(solo.tick(9)).toEqual([]);
    }
    expect(solo.raft.status).toMatchObject({ role: 'follower', term: 1, leader: 2n });
  });

  it('a new leader tells all others at once, so that no other election begins', () => {
    const sent = new Solo(five).becomeLeader();
    expect(sent.filter(({ type }) => type === MessageType.APP).map(({ to }) => to)).toEqual([2n, 3n, 4n, 5n]);
  });

  it('a candidate refuses a leader of an older term and remains a candidate', () => {
    const solo = new Solo({ ...three, hardState: { term: 4, vote: 0n, commit: 0 } });
    solo.raft.campaign();
    solo.step(MessageType.PRE_VOTE_RESP, 2, { term: 5 });
    expect(solo.step(MessageType.APP, 3, { term: 4 })).toMatchObject([
      { type: MessageType.APP_RESP, term: 5, reject: true },
    ]);
    expect(solo.raft.status).toMatchObject({ role: 'candidate', term: 5 });
  });

  it('a candidate that neither wins nor loses begins a new election, in a newer term', () => {
    const solo = new Solo(five);
    solo.raft.campaign();
    for (const id of [2, 3]) solo.step(MessageType.PRE_VOTE_RESP, id, { term: 1 });
    expect(solo.raft.status).toMatchObject({ role: 'candidate', term: 1 });
    solo.tick(20);
    for (const id of [2, 3]) solo.step(MessageType.PRE_VOTE_RESP, id, { term: 2 });
    expect(solo.raft.status).toMatchObject({ role: 'candidate', term: 2, vote: 1n });
  });

  it('who gives its vote waits a whole election timeout for the winner', () => {
    const hardState = { term: 1, vote: 0n, commit: 0 };
    const solo = new Solo({ ...three, random: () => 0, hardState });
    solo.tick(9);
    solo.step(MessageType.VOTE, 2, { term: 1 });
    solo.tick(9);
    expect(solo.raft.status).toMatchObject({ role: 'follower', vote: 2n });
    solo.tick(1);
    expect(solo.raft.status.role).toBe('pre-candidate');
  });

  it('its own vote of an older term, durable late, is none in a newer one', () => {
    const { raft } = new Solo(three);
    raft.campaign();
    raft.ready();
    raft.step(message(MessageType.PRE_VOTE_RESP, 2, { term: 1 }));
    const { append } = raft.ready();
    expect(append?.hardState).toMatchObject({ term: 1, vote: 1n });
    raft.campaign();
    raft.step(message(MessageType.PRE_VOTE_RESP, 2, { term: 2 }));
    expect(raft.status).toMatchObject({ role: 'candidate', term: 2 });
    raft.step(message(MessageType.VOTE_RESP, 2, { term: 2 }));
    if (append !== undefined) raft.appended(append);
    expect(raft.status).toMatchObject({ role: 'candidate', term: 2 });
  });

  it('a vote of an older term elects nobody in a newer one', () => {
    const solo = new Solo(three);
    solo.raft.campaign();
    solo.step(MessageType.PRE_VOTE_RESP, 2, { term: 1 });
    solo.tick(20);
    solo.step(MessageType.PRE_VOTE_RESP, 2, { term: 2 });
    solo.step(MessageType.VOTE_RESP, 3, { term: 1 });
    expect(solo.raft.status).toMatchObject({ role: 'candidate', term: 2 });
  });
});
