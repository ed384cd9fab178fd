import { describe, expect, it } from 'vitest';
import { type ConfChangeType, MessageType } from '../../../src/proto/generated/raft.js';
import { Cluster } from './cluster.js';
import { ADD, ADD_LEARNER, bytes, confChange, confState, entries, REMOVE, Solo } from './support.js';

const three = { confState: confState(3) };

function change(cluster: Cluster, type: ConfChangeType, id: bigint): void {
  expect(cluster.leader?.raft.proposeConfChange(confChange(type, id))).toBeUndefined();
  cluster.settle();
  cluster.tick(2);
}

describe('Raft paper, section 6: membership (one member at a time, as in the thesis, chapter 4)', () => {
  it('a new member is brought up to date without a vote, then counts', () => {
    const cluster = new Cluster(2);
    cluster.elect(1);
    cluster.add(3n, confState(2));
    change(cluster, ADD_LEARNER, 3n);
    cluster.partition([2], [1, 3]);
    cluster.propose(1, 'a');
    expect(cluster.member(1).history).toEqual([]);
    cluster.heal();
    cluster.tick(2);
    change(cluster, ADD, 3n);
    cluster.partition([2], [1, 3]);
    cluster.propose(1, 'b');
    expect(cluster.member(1).history).toEqual(['a', 'b']);
  });

  it('a leader that is not part of the new configuration steps down once it is committed, not before', () => {
    const cluster = new Cluster(3);
    cluster.elect(1);
    cluster.filter = ({ type }) => type !== MessageType.APP_RESP;
    expect(cluster.leader?.raft.proposeConfChange(confChange(REMOVE, 1n))).toBeUndefined();
    cluster.settle();
    expect(cluster.status(1).role).toBe('leader');
    cluster.filter = () => true;
    cluster.tick(2);
    expect(cluster.status(1)).toMatchObject({ role: 'follower', confState: { voters: [2n, 3n] } });
  });

  it('two leaders never come of one change, whoever has applied it', () => {
    const cluster = new Cluster(3);
    cluster.add(4n, confState(3));
    cluster.elect(1);
    cluster.filter = ({ to }) => to !== 3n;
    change(cluster, ADD, 4n);
    // Member 3 still takes three voters for all, 1, 2 and 4 know of four: no two majorities miss each other.
    cluster.filter = () => true;
    cluster.partition([1, 4], [2, 3]);
    cluster.tick(60);
    expect([2, 3].filter((id) => cluster.member(id).isLeader)).toEqual([]);
    expect([1, 4].filter((id) => cluster.member(id).isLeader)).toEqual([]);
  });
});

describe('Raft paper, section 7: log compaction', () => {
  const snapshot = (index: number, term: number, voters = 3) => ({
    data: Buffer.alloc(0),
    metadata: { index, term, confState: confState(voters) },
  });

  it('a snapshot that is ahead of the log, or of another history, replaces it whole', () => {
    for (const log of [entries(1, 1, 1), entries(1, 1, 1, 1, 1, 1, 1, 1)]) {
      const solo = new Solo({ ...three, log, hardState: { term: 2, vote: 0n, commit: 0 } });
      solo.step(MessageType.SNAP, 2, { term: 2, snapshot: snapshot(5, 2, 4) });
      expect(solo.raft.status).toMatchObject({
        lastIndex: 5,
        commit: 5,
        applied: 5,
        confState: confState(4),
      });
      expect([solo.storage.firstIndex(), solo.storage.term(5)]).toEqual([6, 2]);
    }
  });

  it('one of a prefix of the log leaves what follows it', () => {
    const solo = new Solo({
      ...three,
      log: entries(1, 1, 1, 2, 2),
      hardState: { term: 2, vote: 0n, commit: 1 },
    });
    solo.step(MessageType.SNAP, 2, { term: 2, snapshot: snapshot(3, 2) });
    expect(solo.raft.status).toMatchObject({ lastIndex: 4, commit: 3 });
    expect(solo.storage.term(4)).toBe(2);
  });

  it('the consistency check works at the entry behind the snapshot, by its term', () => {
    const solo = new Solo({ ...three, hardState: { term: 2, vote: 0n, commit: 0 } });
    solo.step(MessageType.SNAP, 2, { term: 2, snapshot: snapshot(5, 2) });
    const append = (logTerm: number) =>
      solo.step(MessageType.APP, 2, { term: 3, index: 5, logTerm, entries: entries(6, 3) });
    expect(append(2)).toMatchObject([{ type: MessageType.APP_RESP, reject: false, index: 6 }]);
  });

  it('is sent only to whom the log can not bring up to date', () => {
    const cluster = new Cluster(3);
    const types: MessageType[] = [];
    cluster.filter = ({ type }) => {
      types.push(type);
      return true;
    };
    cluster.elect(1);
    cluster.partition([3], [1, 2]);
    cluster.propose(1, 'a', 'b');
    cluster.heal();
    cluster.tick(3);
    expect(types).not.toContain(MessageType.SNAP);
    cluster.partition([3], [1, 2]);
    cluster.propose(1, 'c', 'd');
    cluster.member(1).compact();
    cluster.heal();
    cluster.tick(3);
    expect(types).toContain(MessageType.SNAP);
    expect(cluster.member(3).history).toEqual(['a', 'b', 'c', 'd']);
  });

  it('members cut off their logs each by itself; a leader that has keeps what it needs to lead', () => {
    const cluster = new Cluster(3);
    cluster.elect(1);
    cluster.propose(1, 'a', 'b');
    for (const member of cluster.members.values()) member.compact();
    cluster.tick(3);
    cluster.member(1).raft.transferLeadership(2n);
    cluster.settle();
    cluster.propose(2, 'c');
    expect(cluster.histories()).toEqual(Array.from({ length: 3 }, () => ['a', 'b', 'c']));
  });
});

describe('Raft paper, section 8: clients', () => {
  it('a new leader commits an empty entry first', () => {
    const cluster = new Cluster(3);
    cluster.elect(1);
    expect(cluster.status(1)).toMatchObject({ commit: 1, applied: 1 });
    expect(cluster.histories()).toEqual([[], [], []]);
  });

  it('a leader answers no read before a round of heartbeats that began after it', () => {
    const solo = new Solo({ confState: confState(3) });
    solo.becomeLeader();
    solo.acknowledge(2);
    solo.tick(1);
    solo.raft.readIndex(bytes('r'));
    const sent = solo.run();
    // The answer to the heartbeat from before proves nothing.
    solo.step(MessageType.HEARTBEAT_RESP, 2);
    expect(solo.readies.flatMap(({ readStates }) => readStates)).toEqual([]);
    const beat = sent.find(({ type, to }) => type === MessageType.HEARTBEAT && to === 2n);
    solo.step(MessageType.HEARTBEAT_RESP, 2, { context: beat?.context ?? bytes('') });
    expect(solo.readies.flatMap(({ readStates }) => readStates)).toEqual([{ context: bytes('r'), index: 1 }]);
  });
});
