import { describe, expect, it } from 'vitest';
import { MessageType } from '../../../src/proto/generated/raft.js';
import { Cluster } from './cluster.js';
import { bytes, confChange, confState, REMOVE, Solo } from './support.js';

const three = { confState: confState(3) };

describe('pre-vote (thesis, section 9.6)', () => {
  it('asks without raising its term, and so does who answers', () => {
    const solo = new Solo({ ...three, hardState: { term: 3, vote: 2n, commit: 0 } });
    solo.raft.campaign();
    expect(solo.run()).toMatchObject([
      { type: MessageType.PRE_VOTE, to: 2n, term: 4 },
      { type: MessageType.PRE_VOTE, to: 3n, term: 4 },
    ]);
    expect(solo.raft.status).toMatchObject({ role: 'pre-candidate', term: 3, vote: 2n });
    const other = new Solo({ ...three, hardState: { term: 3, vote: 2n, commit: 0 } });
    expect(other.step(MessageType.PRE_VOTE, 3, { term: 4 })).toMatchObject([{ reject: false, term: 4 }]);
    expect(other.raft.status).toMatchObject({ term: 3, vote: 2n });
  });

  it('a member that was cut off comes back without disturbing the leader', () => {
    const cluster = new Cluster(3);
    cluster.elect(1);
    cluster.partition([3], [1, 2]);
    cluster.tick(100);
    expect(cluster.status(3)).toMatchObject({ role: 'pre-candidate', term: 1 });
    cluster.heal();
    cluster.tick(30);
    expect(cluster.status(1)).toMatchObject({ role: 'leader', term: 1 });
    expect(cluster.status(3)).toMatchObject({ role: 'follower', leader: 1n });
  });

  it('a promise for another term, or when none was asked for, is no promise', () => {
    const solo = new Solo(three);
    solo.step(MessageType.PRE_VOTE_RESP, 2, { term: 9 });
    expect(solo.raft.status).toMatchObject({ role: 'follower', term: 0 });
    solo.raft.campaign();
    solo.step(MessageType.PRE_VOTE_RESP, 2, { term: 9 });
    expect(solo.raft.status).toMatchObject({ role: 'pre-candidate', term: 0 });
  });

  it('a refusal of a newer term is heard', () => {
    const solo = new Solo(three);
    solo.raft.campaign();
    solo.step(MessageType.PRE_VOTE_RESP, 2, { term: 9, reject: true });
    expect(solo.raft.status).toMatchObject({ role: 'follower', term: 9 });
  });

  it('who is behind in its term is told so', () => {
    const solo = new Solo({ ...three, hardState: { term: 9, vote: 0n, commit: 0 } });
    expect(solo.step(MessageType.PRE_VOTE, 2, { term: 4 })).toMatchObject([{ reject: true, term: 9 }]);
  });
});

describe('leader stickiness and quorum check (thesis, sections 4.2.3 and 6.2)', () => {
  it('who hears of a leader ignores requests for votes until its election timeout', () => {
    const solo = new Solo(three);
    solo.step(MessageType.HEARTBEAT, 2, { term: 1 });
    for (const type of [MessageType.VOTE, MessageType.PRE_VOTE]) {
      expect(solo.step(type, 3, { term: 5, index: 9, logTerm: 1 })).toEqual([]);
    }
    expect(solo.raft.status.term).toBe(1);
    while (solo.raft.status.role === 'follower') solo.tick(1);
    expect(solo.step(MessageType.VOTE, 3, { term: 5, index: 9, logTerm: 1 })).toMatchObject([
      { reject: false },
    ]);
  });

  it('a leader that hears of no majority for an election timeout steps down', () => {
    const solo = new Solo({ confState: confState(5) });
    solo.becomeLeader();
    for (let time = 0; time < 3; time++) {
      solo.tick(9);
      solo.step(MessageType.HEARTBEAT_RESP, 2);
      solo.step(MessageType.HEARTBEAT_RESP, 3);
      solo.tick(1);
      expect(solo.raft.status.role).toBe('leader');
    }
    solo.step(MessageType.HEARTBEAT_RESP, 2);
    solo.tick(10);
    expect(solo.raft.status).toMatchObject({ role: 'follower', leader: 0n });
  });

  it('a single voter leads on, learners or not', () => {
    const solo = new Solo({ confState: confState(1, [2n]) });
    solo.becomeLeader();
    solo.tick(100);
    expect(solo.raft.status.role).toBe('leader');
  });
});

describe('leadership transfer (thesis, section 3.10)', () => {
  it('the target takes over at once', () => {
    const cluster = new Cluster(3);
    cluster.elect(1);
    cluster.propose(1, 'a');
    expect(cluster.member(1).raft.transferLeadership(3n)).toBe(true);
    cluster.settle();
    expect(cluster.status(3)).toMatchObject({ role: 'leader', term: 2 });
    expect(cluster.status(1)).toMatchObject({ role: 'follower', leader: 3n });
    cluster.propose(3, 'b');
    expect(cluster.histories()).toEqual([
      ['a', 'b'],
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  it('waits until the target has the whole log, and takes no proposals meanwhile', () => {
    const solo = new Solo(three);
    solo.becomeLeader();
    solo.acknowledge(2);
    solo.raft.transferLeadership(3n);
    expect(solo.run().map(({ type }) => type)).not.toContain(MessageType.TIMEOUT_NOW);
    expect(solo.raft.propose([bytes('a')])).toBe('leadership is being transferred');
    expect(solo.acknowledge(3).map(({ type, to }) => [type, to])).toContainEqual([
      MessageType.TIMEOUT_NOW,
      3n,
    ]);
  });

  it('is given up after an election timeout', () => {
    const solo = new Solo(three);
    solo.becomeLeader();
    solo.raft.transferLeadership(3n);
    solo.tick(9);
    solo.step(MessageType.HEARTBEAT_RESP, 2);
    expect(solo.raft.propose([bytes('a')])).toBe('leadership is being transferred');
    solo.tick(1);
    expect(solo.raft.propose([bytes('a')])).toBeUndefined();
  });

  it('has a whole election timeout, whenever it begins', () => {
    const solo = new Solo(three);
    solo.becomeLeader();
    solo.tick(8);
    solo.step(MessageType.HEARTBEAT_RESP, 2);
    solo.raft.transferLeadership(3n);
    solo.tick(9);
    expect(solo.raft.propose([bytes('a')])).toBe('leadership is being transferred');
  });

  it('is given up when its target is removed', () => {
    const solo = new Solo(three);
    solo.becomeLeader();
    solo.acknowledge(2);
    expect(solo.raft.proposeConfChange(confChange(REMOVE, 3n))).toBeUndefined();
    solo.run();
    solo.raft.transferLeadership(3n);
    solo.acknowledge(2);
    expect(solo.raft.propose([bytes('a')])).toBe('leadership is being transferred');
    solo.raft.applyConfChange(confChange(REMOVE, 3n));
    expect(solo.raft.propose([bytes('a')])).toBeUndefined();
  });

  it('goes to another voter only, and only from the leader', () => {
    const solo = new Solo({ confState: confState(3, [4n]) });
    expect(solo.raft.transferLeadership(2n)).toBe(false);
    solo.becomeLeader();
    for (const id of [1n, 4n, 9n]) expect(solo.raft.transferLeadership(id)).toBe(false);
  });
});
