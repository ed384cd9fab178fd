import { describe, expect, it } from 'vitest';
import {
  ConfChange,
  ConfChangeType,
  type Entry,
  EntryType,
  MessageType,
} from '../../../src/proto/generated/raft.js';
import type { LogAppend } from '../../../src/raft/types.js';
import { Cluster } from './cluster.js';
import { ADD, bytes, confChange, confState, entries, entry, message, REMOVE, Solo } from './support.js';

const three = { confState: confState(3) };

function changeEntry(index: number, term: number, type: ConfChangeType, id: bigint): Entry {
  const data = Buffer.from(ConfChange.encode(confChange(type, id)).finish());
  return { type: EntryType.CONF_CHANGE, index, term, data };
}

describe('what loses data when it is forgotten: durability', () => {
  it('an acknowledgement of entries that were replaced meanwhile counts for nothing', () => {
    const solo = new Solo({ ...three, log: entries(1, 1), hardState: { term: 1, vote: 0n, commit: 1 } });
    solo.becomeLeader();
    solo.raft.propose([bytes('a'), bytes('b')]);
    solo.run();
    // Of the term before, when other entries had these indexes.
    expect(solo.step(MessageType.APP_RESP, 2, { term: 1, index: 4 })).toEqual([]);
    expect(solo.raft.status.commit).toBe(1);
    expect(solo.raft.status.progress.find(({ id }) => id === 2n)?.match).toBe(0);
  });

  it("a leader's own write that ends after it was deposed acknowledges nothing", () => {
    const solo = new Solo(three);
    solo.becomeLeader();
    solo.acknowledge(2);
    solo.raft.propose([bytes('lost')]);
    const { append } = solo.raft.ready();
    solo.raft.step(message(MessageType.APP, 3, { term: 2, index: 1, logTerm: 1, entries: [entry(2, 2)] }));
    solo.storage.append(append?.entries ?? []);
    solo.raft.appended(append as LogAppend);
    expect(solo.raft.durableIndex).toBe(1);
    expect(solo.run()).toMatchObject([{ type: MessageType.APP_RESP, to: 3n, index: 2, term: 2 }]);
    expect(solo.storage.term(2)).toBe(2);
  });

  it('acknowledgements that leave with one write are one, for the highest index; a rejection stays by itself', () => {
    const { raft } = new Solo(three);
    const append = (index: number, sent: Entry[]) =>
      raft.step(message(MessageType.APP, 2, { index, logTerm: index === 0 ? 0 : 1, entries: sent }));
    append(0, entries(1, 1));
    append(1, entries(2, 1, 1));
    append(0, entries(1, 1));
    raft.step(message(MessageType.APP, 2, { index: 9, logTerm: 1 }));
    append(3, entries(4, 1));
    const { append: write } = raft.ready();
    expect(write?.entries).toHaveLength(4);
    expect(write?.messages.map(({ reject, index }) => [reject, index])).toEqual([
      [false, 3],
      [true, 9],
      [false, 4],
    ]);
  });

  it('acknowledgements of two terms are two', () => {
    const { raft } = new Solo(three);
    raft.step(message(MessageType.APP, 2, { term: 1, entries: entries(1, 1) }));
    raft.step(message(MessageType.APP, 2, { term: 3, index: 1, logTerm: 1, entries: entries(2, 3) }));
    const { append } = raft.ready();
    expect(append?.messages.map(({ term, index }) => [term, index])).toEqual([
      [1, 1],
      [3, 2],
    ]);
  });

  it('a commit index alone is never written: it rides with entries, and losing it loses nothing', () => {
    const solo = new Solo({ ...three, hardState: { term: 1, vote: 0n, commit: 0 } });
    solo.step(MessageType.APP, 2, { entries: entries(1, 1) });
    solo.readies.length = 0;
    solo.step(MessageType.APP, 2, { index: 1, logTerm: 1, commit: 1 });
    expect(solo.raft.status.commit).toBe(1);
    expect(solo.readies.length).toBeGreaterThan(0);
    expect(solo.readies.every(({ append }) => append?.hardState === undefined)).toBe(true);
    solo.step(MessageType.APP, 2, { index: 1, logTerm: 1, entries: entries(2, 1), commit: 1 });
    expect(solo.readies.flatMap(({ append }) => append?.hardState ?? [])).toEqual([
      { term: 1, vote: 0n, commit: 1 },
    ]);
    solo.readies.length = 0;
    solo.step(MessageType.APP, 2, { index: 2, logTerm: 1, entries: entries(3, 1), commit: 1 });
    expect(solo.readies[0]?.append).toMatchObject({ entries: entries(3, 1), hardState: undefined });
    // A restart that never heard of it.
    const again = new Solo({ ...three, log: entries(1, 1, 1), hardState: { term: 1, vote: 0n, commit: 0 } });
    again.step(MessageType.HEARTBEAT, 2, { commit: 2 });
    expect(again.committed.map(({ index }) => index)).toEqual([1, 2]);
  });

  it('nothing counts as written before the storage has it, a snapshot neither', () => {
    const { raft } = new Solo(three);
    const snapshot = { data: bytes(''), metadata: { index: 7, term: 2, confState: confState(3) } };
    raft.step(message(MessageType.SNAP, 2, { term: 2, snapshot }));
    const { append } = raft.ready();
    expect(() => raft.appended(append as LogAppend)).toThrow('before the storage began after it');
  });

  it('a member whose state is being replaced does not campaign, not even when its leader asks it to', () => {
    const { raft } = new Solo(three);
    const snapshot = { data: bytes(''), metadata: { index: 7, term: 2, confState: confState(3) } };
    raft.step(message(MessageType.SNAP, 2, { term: 2, snapshot }));
    raft.ready();
    raft.step(message(MessageType.TIMEOUT_NOW, 2, { term: 2 }));
    for (let tick = 0; tick < 40; tick++) raft.tick();
    expect(raft.status.role).toBe('follower');
  });
});

describe('what loses data when it is forgotten: membership', () => {
  it('a new leader takes it that a change is pending up to its last index', () => {
    const log = [entry(1, 1), changeEntry(2, 1, ADD, 4n)];
    const solo = new Solo({ ...three, log, hardState: { term: 1, vote: 0n, commit: 1 } });
    solo.becomeLeader();
    expect(solo.raft.proposeConfChange(confChange(ADD, 5n))).toBe('a configuration change is pending');
    while (solo.raft.hasReady()) {
      const { append } = solo.raft.ready();
      if (append === undefined) continue;
      solo.storage.append(append.entries);
      solo.raft.appended(append);
    }
    solo.raft.step(message(MessageType.APP_RESP, 2, { term: 2, index: 3 }));
    solo.raft.ready();
    solo.raft.applyConfChange(confChange(ADD, 4n));
    solo.raft.applied(2);
    expect(solo.raft.proposeConfChange(confChange(ADD, 5n))).toBe('a configuration change is pending');
    // With the first entry of its own term applied it knows that there is none.
    solo.raft.applied(3);
    expect(solo.raft.proposeConfChange(confChange(ADD, 5n))).toBeUndefined();
  });

  it('a change takes effect when it is applied, not when it is in the log', () => {
    const solo = new Solo({ confState: confState(2) });
    solo.becomeLeader();
    solo.acknowledge(2);
    solo.raft.proposeConfChange(confChange(REMOVE, 2n));
    solo.run();
    // Alone it would be a majority of what is to come.
    expect(solo.raft.status.commit).toBe(1);
    expect(solo.raft.status.confState.voters).toEqual([1n, 2n]);
  });

  it('who has a committed change to apply stands for no election, not even when its leader asks it to', () => {
    const solo = new Solo({
      ...three,
      log: [entry(1, 1), changeEntry(2, 1, ADD, 4n)],
      hardState: { term: 1, vote: 0n, commit: 2 },
    });
    solo.raft.step(message(MessageType.HEARTBEAT, 2, { commit: 2 }));
    solo.raft.step(message(MessageType.TIMEOUT_NOW, 2));
    expect(solo.raft.status.role).toBe('follower');
    for (let tick = 0; tick < 40; tick++) solo.raft.tick();
    expect(solo.raft.status.role).toBe('follower');
  });

  it('a learner counts for no commit, no election and no read', () => {
    const solo = new Solo({ confState: { voters: [1n, 2n, 3n], learners: [4n] } });
    solo.raft.campaign();
    solo.run();
    solo.step(MessageType.PRE_VOTE_RESP, 4, { term: 1 });
    expect(solo.raft.status.role).toBe('pre-candidate');
    solo.step(MessageType.PRE_VOTE_RESP, 2, { term: 1 });
    solo.step(MessageType.VOTE_RESP, 4, { term: 1 });
    expect(solo.raft.status.role).toBe('candidate');
    solo.step(MessageType.VOTE_RESP, 2, { term: 1 });
    solo.acknowledge(4);
    expect(solo.raft.status.commit).toBe(0);
    solo.acknowledge(2);
    solo.raft.readIndex(bytes('r'));
    const beats = solo.run().filter(({ type }) => type === MessageType.HEARTBEAT);
    const context = beats[0]?.context ?? bytes('');
    solo.step(MessageType.HEARTBEAT_RESP, 4, { context });
    expect(solo.readies.flatMap(({ readStates }) => readStates)).toEqual([]);
    solo.step(MessageType.HEARTBEAT_RESP, 3, { context });
    expect(solo.readies.flatMap(({ readStates }) => readStates)).toHaveLength(1);
  });

  it('a learner that its leader still hears does not keep it leading: the quorum check counts voters', () => {
    const solo = new Solo({ confState: { voters: [1n, 2n, 3n], learners: [4n] } });
    solo.becomeLeader();
    solo.tick(10);
    for (let time = 0; time < 10; time++) {
      solo.step(MessageType.HEARTBEAT_RESP, 4);
      solo.tick(1);
    }
    expect(solo.raft.status.role).toBe('follower');
  });
});

describe('a member that joins', () => {
  const stranger = { id: 9n, confState: { voters: [], learners: [] } };

  it('knows nobody and stands for no election', () => {
    const solo = new Solo(stranger);
    expect(solo.tick(200)).toEqual([]);
    solo.raft.campaign();
    solo.raft.step(message(MessageType.TIMEOUT_NOW, 2, { to: 9n, term: 0 }));
    expect(solo.raft.status).toMatchObject({ role: 'follower', term: 0, leader: 0n });
    expect(solo.raft.propose([bytes('x')])).toBe('not a voter');
    expect(solo.raft.readIndex(bytes('r'))).toBe(false);
  });

  it('takes entries from a leader that it has never heard of, and the members from them', () => {
    const solo = new Solo(stranger);
    const log = [changeEntry(1, 1, ADD, 1n), changeEntry(2, 1, ADD, 9n)];
    const sent = solo.step(MessageType.APP, 1, { to: 9n, term: 5, entries: log, commit: 1 });
    expect(sent).toMatchObject([{ type: MessageType.APP_RESP, to: 1n, term: 5, index: 2 }]);
    expect(solo.raft.applyConfChange(confChange(ADD, 1n))).toEqual(confState(1));
    expect(solo.raft.status).toMatchObject({ leader: 1n, term: 5, commit: 1 });
  });

  it('takes a state from such a leader', () => {
    const solo = new Solo(stranger);
    const conf = { voters: [1n, 9n], learners: [] };
    const snapshot = { data: bytes(''), metadata: { index: 40, term: 3, confState: conf } };
    const sent = solo.step(MessageType.SNAP, 1, { to: 9n, term: 5, snapshot });
    expect(sent).toMatchObject([{ type: MessageType.APP_RESP, index: 40, reject: false }]);
    expect(solo.raft.status).toMatchObject({ confState: conf, lastIndex: 40, applied: 40, leader: 1n });
  });

  it('votes for whoever it is asked to, its own configuration being no measure (thesis, section 4.1)', () => {
    const solo = new Solo(stranger);
    const sent = solo.step(MessageType.VOTE, 2, { to: 9n, term: 4, index: 5, logTerm: 3 });
    expect(sent).toMatchObject([{ type: MessageType.VOTE_RESP, reject: false, term: 4 }]);
  });

  it('a change of nobody changes nothing, also while nobody is known', () => {
    const solo = new Solo(stranger);
    expect(solo.raft.applyConfChange(confChange(ADD, 0n))).toEqual({ voters: [], learners: [] });
  });
});

describe('a leader that is gone', () => {
  it('is known no longer after an election timeout, also to those who may not campaign', () => {
    const learner = new Solo({ id: 4n, confState: confState(3, [4n]) });
    learner.step(MessageType.HEARTBEAT, 2, { to: 4n, term: 1 });
    expect(learner.raft.status.leader).toBe(2n);
    learner.tick(20);
    expect(learner.raft.status).toMatchObject({ role: 'follower', leader: 0n });
    // And it helps to elect another at once: by the newest configuration it may be a voter.
    expect(learner.step(MessageType.VOTE, 3, { to: 4n, term: 2 })).toMatchObject([{ reject: false }]);
  });
});

describe('messages that are not for the core', () => {
  it('a proposal of any term, in any role, and what no member says to another, changes nothing', () => {
    const { PROP, HUP, BEAT, UNREACHABLE, SNAP_STATUS, CHECK_QUORUM, TRANSFER_LEADER } = MessageType;
    for (const role of ['follower', 'leader'] as const) {
      for (const type of [PROP, HUP, BEAT, UNREACHABLE, SNAP_STATUS, CHECK_QUORUM, TRANSFER_LEADER, 77, -1]) {
        for (const term of [0, 1, 99]) {
          const solo = new Solo({ ...three, hardState: { term: 1, vote: 0n, commit: 0 } });
          if (role === 'leader') solo.becomeLeader();
          const before = solo.raft.status;
          const sent = solo.step(type as MessageType, 2, { term, index: 5, entries: [entry(1, 1)] });
          expect(sent).toEqual([]);
          expect(solo.raft.status).toEqual(before);
        }
      }
    }
  });
});

describe('reads that are forwarded', () => {
  it('wait for the first commit of the term, no more than a bounded number of them', () => {
    const solo = new Solo(three);
    solo.becomeLeader();
    for (let at = 0; at < 5000; at++) {
      expect(solo.step(MessageType.READ_INDEX, 3, { context: bytes(`r${at}`) })).toEqual([]);
    }
    const [round] = solo.acknowledge(2).filter(({ type }) => type === MessageType.HEARTBEAT);
    const answers = solo.step(MessageType.HEARTBEAT_RESP, 2, { context: round?.context ?? bytes('') });
    expect(answers).toHaveLength(4096);
    expect(
      answers.every(
        ({ type, to, index }) => type === MessageType.READ_INDEX_RESP && to === 3n && index === 1,
      ),
    ).toBe(true);
  });

  it('may come from a learner', () => {
    const cluster = new Cluster(2);
    cluster.elect(1);
    cluster.add(3n, confState(2));
    cluster.leader?.raft.proposeConfChange(confChange(ConfChangeType.ADD_LEARNER_NODE, 3n));
    cluster.settle();
    cluster.tick(2);
    cluster.propose(1, 'a');
    expect(cluster.member(3).raft.readIndex(bytes('r'))).toBe(true);
    cluster.settle();
    const { commit } = cluster.status(1);
    expect(cluster.member(3).reads).toEqual([{ context: bytes('r'), index: commit }]);
  });
});
