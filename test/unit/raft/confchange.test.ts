import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfChange, ConfChangeType, EntryType, MessageType } from '../../../src/proto/generated/raft.js';
import { nextConfState } from '../../../src/raft/confchange.js';
import { majority } from '../../../src/raft/quorum.js';
import { Cluster } from './cluster.js';
import { ADD, ADD_LEARNER, bytes, confChange, confState, entry, message, REMOVE, Solo } from './support.js';

describe('nextConfState', () => {
  it('adds, promotes, demotes and removes one member', () => {
    const three = confState(3);
    expect(nextConfState(three, confChange(ADD, 4n))).toEqual(confState(4));
    expect(nextConfState(three, confChange(ADD_LEARNER, 4n))).toEqual(confState(3, [4n]));
    expect(nextConfState(confState(3, [4n]), confChange(ADD, 4n))).toEqual(confState(4));
    expect(nextConfState(three, confChange(ADD_LEARNER, 3n))).toEqual(confState(2, [3n]));
    expect(nextConfState(three, confChange(REMOVE, 3n))).toEqual(confState(2));
    expect(nextConfState(confState(2, [3n]), confChange(REMOVE, 3n))).toEqual(confState(2));
    expect(nextConfState(three, confChange(ConfChangeType.UPDATE_NODE, 3n))).toEqual(three);
  });

  it('leaves a voter, and changes nothing for nobody', () => {
    expect(nextConfState(confState(1), confChange(REMOVE, 1n))).toBeUndefined();
    expect(nextConfState(confState(1), confChange(ADD_LEARNER, 1n))).toBeUndefined();
    expect(nextConfState(confState(2), confChange(REMOVE, 0n))).toEqual(confState(2));
  });

  it('thesis, section 4.1: every majority before shares a voter with every majority after', () => {
    const types = fc.constantFrom(ADD, ADD_LEARNER, REMOVE);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), types, fc.bigInt(1n, 10n), (size, type, id) => {
        const before = confState(size, [10n]);
        const after = nextConfState(before, confChange(type, id));
        fc.pre(after !== undefined);
        const all = new Set([...before.voters, ...(after?.voters ?? [])]);
        const sum = majority(size) + majority(after?.voters.length ?? 0);
        expect(sum).toBeGreaterThan(all.size);
      }),
    );
  });
});

describe('membership changes', () => {
  function propose(cluster: Cluster, type: ConfChangeType, id: bigint): void {
    expect(cluster.leader?.raft.proposeConfChange(confChange(type, id))).toBeUndefined();
    cluster.settle();
  }

  it('a new member gets the whole log, and counts from when the change is applied', () => {
    const cluster = new Cluster(1);
    cluster.elect(1);
    cluster.propose(1, 'a', 'b');
    cluster.add(2n, confState(1));
    propose(cluster, ADD, 2n);
    cluster.tick(3);
    expect(cluster.member(2).history).toEqual(['a', 'b']);
    expect(cluster.status(2).confState).toEqual(confState(2));
    cluster.member(2).crash('nothing');
    cluster.propose(1, 'c');
    expect(cluster.member(1).history).toEqual(['a', 'b']);
  });

  it('one is pending at a time', () => {
    const solo = new Solo({ confState: confState(3) });
    solo.becomeLeader();
    expect(solo.raft.proposeConfChange(confChange(ADD, 4n))).toBe('a configuration change is pending');
    solo.acknowledge(2);
    expect(solo.raft.proposeConfChange(confChange(ADD, 4n))).toBeUndefined();
    expect(solo.raft.proposeConfChange(confChange(ADD, 5n))).toBe('a configuration change is pending');
    // Committed isn't enough.
    while (solo.raft.hasReady()) {
      const { append } = solo.raft.ready();
      if (append === undefined) continue;
      solo.storage.append(append.entries);
      solo.raft.appended(append);
    }
    solo.raft.step(message(MessageType.APP_RESP, 2, { index: 2 }));
    expect(solo.raft.status.commit).toBe(2);
    expect(solo.raft.ready().committed.map(({ type }) => type)).toEqual([EntryType.CONF_CHANGE]);
    expect(solo.raft.proposeConfChange(confChange(ADD, 5n))).toBe('a configuration change is pending');
    expect(solo.raft.applyConfChange(confChange(ADD, 4n))).toEqual(confState(4));
    solo.raft.applied(2);
    expect(solo.raft.proposeConfChange(confChange(ADD, 5n))).toBeUndefined();
  });

  it('the last voter stays', () => {
    const solo = new Solo();
    solo.becomeLeader();
    expect(solo.raft.proposeConfChange(confChange(REMOVE, 1n))).toBe('no voter would be left');
  });

  it('thesis, section 4.2.2: a leader that is removed steps down, and the others elect one', () => {
    const cluster = new Cluster(3);
    cluster.elect(1);
    propose(cluster, REMOVE, 1n);
    expect(cluster.status(1).role).toBe('follower');
    expect(cluster.member(1).raft.propose([bytes('x')])).toBe('not a voter');
    cluster.tick(30);
    expect(cluster.leader?.id).not.toBe(1n);
    expect(cluster.leader?.raft.status.confState.voters).toEqual([2n, 3n]);
    cluster.propose(Number(cluster.leader?.id), 'after');
    expect(cluster.member(2).history).toEqual(['after']);
  });

  it('thesis, section 4.2.3: a member that was removed without knowing it disturbs nobody', () => {
    const cluster = new Cluster(3);
    cluster.elect(1);
    cluster.partition([3], [1, 2]);
    propose(cluster, REMOVE, 3n);
    cluster.heal();
    const { term } = cluster.status(1);
    for (let round = 0; round < 60; round++) cluster.tick();
    expect([cluster.status(1).role, cluster.status(1).term, cluster.status(2).term]).toEqual([
      'leader',
      term,
      term,
    ]);
  });

  it('a learner follows, but neither votes for a majority nor campaigns', () => {
    const cluster = new Cluster(1);
    cluster.elect(1);
    cluster.add(2n, confState(1));
    propose(cluster, ADD_LEARNER, 2n);
    cluster.tick(3);
    cluster.propose(1, 'a');
    expect(cluster.member(2).history).toEqual(['a']);
    cluster.member(2).crash('nothing');
    cluster.propose(1, 'b');
    expect(cluster.member(1).history).toEqual(['a', 'b']);
    cluster.member(2).restart();
    cluster.member(1).crash('nothing');
    cluster.tick(60);
    expect([cluster.status(2).role, cluster.status(2).confState]).toEqual(['follower', confState(1, [2n])]);
  });

  it('removing a voter commits what the smaller majority has already', () => {
    const solo = new Solo({ confState: confState(4) });
    solo.becomeLeader();
    solo.acknowledge(2);
    solo.acknowledge(3);
    solo.raft.proposeConfChange(confChange(REMOVE, 4n));
    solo.run();
    solo.acknowledge(3);
    solo.raft.propose([bytes('late')]);
    solo.run();
    solo.acknowledge(2);
    expect(solo.raft.status).toMatchObject({ commit: 2, lastIndex: 3 });
    solo.raft.applyConfChange(confChange(REMOVE, 4n));
    expect(solo.raft.status.commit).toBe(3);
  });

  it('no campaign while a committed change waits to be applied', () => {
    const change = {
      ...entry(1, 1),
      type: EntryType.CONF_CHANGE,
      data: Buffer.from(ConfChange.encode(confChange(ADD, 2n)).finish()),
    };
    const solo = new Solo({ log: [change], hardState: { term: 1, vote: 0n, commit: 1 } });
    solo.raft.campaign();
    expect(solo.raft.status.role).toBe('follower');
    solo.raft.ready();
    solo.raft.applyConfChange(confChange(ADD, 2n));
    solo.raft.applied(1);
    solo.raft.campaign();
    expect(solo.raft.status.role).toBe('pre-candidate');
  });

  it('of the changes in a log all but the last are committed, though the hard state was torn off', () => {
    const change = (index: number) => ({ ...entry(index, 1), type: EntryType.CONF_CHANGE });
    const log = [entry(1, 1), change(2), entry(3, 1), change(4), entry(5, 1)];
    expect(new Solo({ log }).raft.status.commit).toBe(2);
    expect(new Solo({ log, applied: 2 }).raft.status.commit).toBe(2);
    expect(new Solo({ log: log.slice(0, 3) }).raft.status.commit).toBe(0);
  });

  it('a refused change counts as done', () => {
    const solo = new Solo();
    solo.becomeLeader();
    solo.raft.proposeConfChange(confChange(ADD, 2n));
    solo.run();
    expect(solo.raft.applyConfChange(confChange(ADD, 0n))).toEqual(confState(1));
    expect(solo.raft.proposeConfChange(confChange(ADD, 3n))).toBeUndefined();
  });
});
