import { describe, expect, it } from 'vitest';
import { type Message, MessageType } from '../../../src/proto/generated/raft.js';
import { Cluster } from './cluster.js';
import { confState, entries, entry, Solo } from './support.js';

const three = { confState: confState(3) };

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

  it('5.4.2: committing an entry of the own term commits everything before it', () => {
    const solo = new Solo({
      ...three,
      log: entries(1, 1, 1, 2),
      hardState: { term: 2, vote: 0n, commit: 0 },
    });
    solo.becomeLeader();
    solo.acknowledge(3);
    expect(solo.committed.map(({ index }) => index)).toEqual([1, 2, 3, 4]);
  });

  it('5.4.3: what was committed survives any order of leaders', () => {
    const cluster = new Cluster(5);
    const expected: string[] = [];
    for (let round = 0; round < 10; round++) {
      const away = [1 + (round % 5), 1 + ((round + 1) % 5)];
      cluster.partition(
        away,
        [1, 2, 3, 4, 5].filter((id) => !away.includes(id)),
      );
      cluster.tick(40);
      const leader = cluster.leader;
      if (leader === undefined) throw new Error('nobody was elected');
      cluster.propose(Number(leader.id), `v${round}`);
      expected.push(`v${round}`);
      expect(leader.history).toEqual(expected);
    }
    cluster.heal();
    cluster.tick(5);
    expect(cluster.histories()).toEqual(Array.from({ length: 5 }, () => expected));
  });

  it('5.4.3, state machine safety: nobody applies another entry at an index (checked throughout by invariants.ts)', () => {
    const cluster = new Cluster(3);
    cluster.elect(1);
    cluster.propose(1, 'a');
    const committed = { ...entry(2, 1, 'other') };
    expect(() => cluster.invariants.committed(9n, committed)).toThrow('where 1:a was committed');
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

  it('5.5: requests may come twice: the second has no effect and the same answer', () => {
    const cases: [MessageType, Partial<Message>][] = [
      [MessageType.VOTE, { term: 2, index: 2, logTerm: 1 }],
      [MessageType.APP, { term: 2, index: 1, logTerm: 1, entries: entries(2, 1, 2), commit: 1 }],
      [MessageType.HEARTBEAT, { term: 2, commit: 1 }],
    ];
    for (const [type, fields] of cases) {
      const solo = new Solo({ ...three, log: entries(1, 1, 1), hardState: { term: 1, vote: 0n, commit: 0 } });
      const first = solo.step(type, 2, fields);
      const { status } = solo.raft;
      expect(solo.step(type, 2, fields)).toEqual(first);
      expect(solo.raft.status).toEqual(status);
    }
  });

  it('5.5: a crash between the write and its answer loses nothing, and the request is sent again', () => {
    const cluster = new Cluster(3);
    cluster.elect(1);
    cluster.filter = ({ type, from }) => type !== MessageType.APP_RESP || from !== 2n;
    cluster.partition([3], [1, 2]);
    cluster.propose(1, 'a');
    cluster.member(2).crash('everything');
    cluster.filter = () => true;
    cluster.member(2).restart();
    cluster.tick(3);
    expect(cluster.member(1).history).toEqual(['a']);
    expect(cluster.member(2).history).toEqual(['a']);
  });
});
