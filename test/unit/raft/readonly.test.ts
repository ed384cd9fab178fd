import { describe, expect, it } from 'vitest';
import { MessageType } from '../../../src/proto/generated/raft.js';
import { ReadRounds } from '../../../src/raft/readonly.js';
import { bytes, confState, Solo } from './support.js';

const VOTERS = new Set([1n, 2n, 3n]);
const request = (name: string, from = 1n) => ({ context: bytes(name), from });

describe('ReadRounds', () => {
  it('a round answers what waited when it began, at the commit index of then', () => {
    const rounds = new ReadRounds();
    rounds.add(request('a'));
    rounds.add(request('b', 3n));
    rounds.begin(1n, 7);
    rounds.add(request('late'));
    const confirmed = rounds.acknowledge(2n, rounds.context, VOTERS);
    expect(confirmed?.index).toBe(7);
    expect(confirmed?.requests).toEqual([request('a'), request('b', 3n)]);
    expect([rounds.underWay, rounds.hasWaiting, rounds.context.length]).toEqual([false, true, 0]);
  });

  it('an answer to an earlier round confirms nothing', () => {
    const rounds = new ReadRounds();
    rounds.add(request('a'));
    rounds.begin(1n, 1);
    const old = rounds.context;
    rounds.reset();
    rounds.add(request('b'));
    rounds.begin(1n, 2);
    expect(rounds.context.equals(old)).toBe(false);
    expect(rounds.acknowledge(2n, old, VOTERS)).toBeUndefined();
    expect(rounds.acknowledge(2n, Buffer.alloc(0), VOTERS)).toBeUndefined();
    expect(rounds.acknowledge(2n, rounds.context, VOTERS)?.index).toBe(2);
  });

  it('needs a majority of the voters; one that answers twice counts once, a learner not at all', () => {
    const rounds = new ReadRounds();
    const five = new Set([1n, 2n, 3n, 4n, 5n]);
    rounds.add(request('a'));
    rounds.begin(1n, 1);
    const { context } = rounds;
    expect(rounds.acknowledge(2n, context, five)).toBeUndefined();
    expect(rounds.acknowledge(2n, context, five)).toBeUndefined();
    expect(rounds.acknowledge(9n, context, five)).toBeUndefined();
    expect(rounds.acknowledge(3n, context, five)).toBeDefined();
  });

  it('forgets what it was asked in the term before', () => {
    const rounds = new ReadRounds();
    rounds.add(request('a'));
    rounds.reset();
    expect([rounds.hasWaiting, rounds.underWay]).toEqual([false, false]);
  });

  it('refuses more requests than it may hold', () => {
    const rounds = new ReadRounds();
    let taken = 0;
    while (rounds.add(request('x'))) taken++;
    expect(taken).toBe(4096);
  });
});

describe('read index (thesis, section 6.4)', () => {
  const states = (solo: Solo) =>
    solo.readies.flatMap(({ readStates }) =>
      readStates.map(({ context, index }) => `${context.toString()}@${index}`),
    );

  it('a single voter answers at once', () => {
    const solo = new Solo();
    solo.becomeLeader();
    expect(solo.raft.readIndex(bytes('a'))).toBe(true);
    const ready = solo.raft.ready();
    expect(ready.readStates).toEqual([{ context: bytes('a'), index: 1 }]);
    expect(ready.append).toBeUndefined();
  });

  it('is not taken without a leader', () => {
    expect(new Solo().raft.readIndex(bytes('a'))).toBe(false);
  });

  it('waits for the first commit of the term, then for a round of heartbeats', () => {
    const solo = new Solo({ confState: confState(3) });
    solo.becomeLeader();
    solo.raft.readIndex(bytes('a'));
    expect(solo.run()).toEqual([]);
    const round = solo.acknowledge(2).filter(({ type }) => type === MessageType.HEARTBEAT);
    expect(round.map(({ to }) => to)).toEqual([2n, 3n]);
    expect(states(solo)).toEqual([]);
    solo.step(MessageType.HEARTBEAT_RESP, 3, { context: round[0]?.context ?? bytes('') });
    expect(states(solo)).toEqual(['a@1']);
  });

  it('requests that come in during a round share the next one', () => {
    const solo = new Solo({ confState: confState(3) });
    solo.becomeLeader();
    solo.acknowledge(2);
    solo.raft.readIndex(bytes('a'));
    const [first] = solo.run();
    solo.raft.readIndex(bytes('b'));
    solo.raft.readIndex(bytes('c'));
    expect(solo.run()).toEqual([]);
    const [second, other] = solo.step(MessageType.HEARTBEAT_RESP, 2, {
      context: first?.context ?? bytes(''),
    });
    expect(states(solo)).toEqual(['a@1']);
    expect([second?.type, other?.type]).toEqual([MessageType.HEARTBEAT, MessageType.HEARTBEAT]);
    solo.step(MessageType.HEARTBEAT_RESP, 2, { context: second?.context ?? bytes('') });
    expect(states(solo)).toEqual(['a@1', 'b@1', 'c@1']);
  });

  it('a round whose messages were lost is repeated with the next heartbeat', () => {
    const solo = new Solo({ confState: confState(3) });
    solo.becomeLeader();
    solo.acknowledge(2);
    solo.raft.readIndex(bytes('a'));
    const [lost] = solo.run();
    const [again] = solo.tick(1).filter(({ type }) => type === MessageType.HEARTBEAT);
    expect(again?.context).toEqual(lost?.context);
  });

  it('a follower asks its leader and hands on the answer', () => {
    const solo = new Solo({ confState: confState(3), log: [] });
    solo.step(MessageType.HEARTBEAT, 2, { term: 4 });
    solo.raft.readIndex(bytes('a'));
    const [asked] = solo.run();
    expect([asked?.type, asked?.to, asked?.context.toString()]).toEqual([MessageType.READ_INDEX, 2n, 'a']);
    solo.step(MessageType.READ_INDEX_RESP, 2, { context: bytes('a'), index: 9 });
    expect(states(solo)).toEqual(['a@9']);
  });

  it('a leader answers the follower that asked', () => {
    const solo = new Solo({ confState: confState(3) });
    solo.becomeLeader();
    solo.acknowledge(2);
    const [round] = solo.step(MessageType.READ_INDEX, 3, { context: bytes('q') });
    const answers = solo.step(MessageType.HEARTBEAT_RESP, 2, { context: round?.context ?? bytes('') });
    expect(answers.map(({ type, to, index }) => [type, to, index])).toEqual([
      [MessageType.READ_INDEX_RESP, 3n, 1],
    ]);
    expect(answers[0]?.context).toEqual(bytes('q'));
  });

  it('what a deposed leader was asked is never answered', () => {
    const solo = new Solo({ confState: confState(3) });
    solo.becomeLeader();
    solo.acknowledge(2);
    solo.raft.readIndex(bytes('a'));
    const [round] = solo.run();
    solo.step(MessageType.HEARTBEAT, 3, { term: 9 });
    solo.step(MessageType.HEARTBEAT_RESP, 2, { context: round?.context ?? bytes('') });
    expect(states(solo)).toEqual([]);
  });
});
