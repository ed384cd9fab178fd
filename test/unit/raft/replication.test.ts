import { describe, expect, it } from 'vitest';
import { type Message, MessageType } from '../../../src/proto/generated/raft.js';
import type { RaftConfig } from '../../../src/raft/types.js';
import { Cluster } from './cluster.js';
import { bytes, confState, entries, message, Solo } from './support.js';

/** A leader of three whose followers have its whole log. */
function leader(over: Partial<RaftConfig> = {}): Solo {
  const solo = new Solo({ confState: confState(3), ...over });
  solo.becomeLeader();
  solo.acknowledge(2);
  solo.acknowledge(3);
  return solo;
}

const appendsTo = (id: bigint, sent: readonly Message[]) =>
  sent.filter(({ type, to }) => type === MessageType.APP && to === id);
const follower = (solo: Solo, id: bigint) => solo.raft.status.progress.find((one) => one.id === id);

function propose(solo: Solo, ...data: string[]): Message[] {
  expect(solo.raft.propose(data.map(bytes))).toBeUndefined();
  return solo.run();
}

describe('replication', () => {
  it('appends leave while the own write is under way', () => {
    const solo = leader();
    solo.raft.propose([bytes('a')]);
    const ready = solo.raft.ready();
    expect(ready.append?.entries).toHaveLength(1);
    expect(ready.messages.map(({ type }) => type)).toEqual([MessageType.APP, MessageType.APP]);
  });

  it('what is proposed in one turn leaves in one message', () => {
    const solo = leader();
    for (const name of ['a', 'b', 'c']) solo.raft.propose([bytes(name)]);
    expect(appendsTo(2n, solo.run()).map(({ entries: out }) => out.length)).toEqual([3]);
  });

  it('a majority without the leader commits, but the leader applies only what is durable here', () => {
    const solo = leader();
    solo.raft.propose([bytes('a')]);
    const { append } = solo.raft.ready();
    for (const from of [2, 3]) solo.raft.step(message(MessageType.APP_RESP, from, { index: 2 }));
    expect(solo.raft.status.commit).toBe(2);
    expect(solo.raft.ready().committed).toEqual([]);
    solo.storage.append(append?.entries ?? []);
    if (append !== undefined) solo.raft.appended(append);
    expect(solo.raft.ready().committed.map(({ index }) => index)).toEqual([2]);
  });

  it('messages follow each other without answers, up to their number', () => {
    const solo = leader({ maxInflightMessages: 2 });
    expect(appendsTo(2n, propose(solo, 'a'))).toHaveLength(1);
    expect(appendsTo(2n, propose(solo, 'b'))).toHaveLength(1);
    expect(appendsTo(2n, propose(solo, 'c'))).toHaveLength(0);
    const next = appendsTo(2n, solo.step(MessageType.APP_RESP, 2, { index: 2 }));
    expect(next.flatMap(({ entries: out }) => out.map(({ index }) => index))).toEqual([4]);
  });

  it('and up to their bytes', () => {
    const solo = leader({ maxInflightBytes: 10 });
    expect(appendsTo(2n, propose(solo, '123456'))).toHaveLength(1);
    expect(appendsTo(2n, propose(solo, '123456'))).toHaveLength(1);
    expect(appendsTo(2n, propose(solo, '1'))).toHaveLength(0);
    expect(follower(solo, 2n)).toMatchObject({ inflightMessages: 2, inflightBytes: 12 });
  });

  it('a long log goes in several messages, each within its bytes', () => {
    const solo = leader({ maxMessageBytes: 8 });
    const sent = appendsTo(2n, propose(solo, '1234', '1234', '1234', '123456789', '1'));
    expect(sent.map(({ entries: out }) => out.map(({ index }) => index))).toEqual([[2, 3], [4], [5], [6]]);
    expect(sent.map(({ index }) => index)).toEqual([1, 3, 4, 5]);
  });

  it('a lost append is noticed by the follower at the next one', () => {
    const solo = leader();
    propose(solo, 'lost');
    propose(solo, 'next');
    const again = solo.step(MessageType.APP_RESP, 2, { reject: true, index: 2, rejectHint: 1, logTerm: 1 });
    expect(appendsTo(2n, again).map(({ index, entries: out }) => [index, out.length])).toEqual([[1, 2]]);
    expect(follower(solo, 2n)?.state).toBe('probe');
    solo.acknowledge(2);
    expect(follower(solo, 2n)).toMatchObject({ state: 'replicate', match: 3 });
  });

  it('a lost append is noticed without another one, by the answer to a heartbeat, once each', () => {
    const solo = leader();
    propose(solo, 'lost');
    solo.tick(1);
    const checks = appendsTo(2n, solo.step(MessageType.HEARTBEAT_RESP, 2));
    expect(checks.map(({ index, entries: out }) => [index, out.length])).toEqual([[2, 0]]);
    expect(solo.step(MessageType.HEARTBEAT_RESP, 2)).toEqual([]);
  });

  it('goes on after all messages under way were lost, or all their answers', () => {
    for (const lost of ['messages', 'answers'] as const) {
      const solo = leader({ maxInflightMessages: 2 });
      for (const name of ['a', 'b', 'c']) propose(solo, name);
      expect(follower(solo, 2n)).toMatchObject({ inflightMessages: 2 });
      solo.tick(1);
      const [check] = appendsTo(2n, solo.step(MessageType.HEARTBEAT_RESP, 2));
      expect([check?.index, check?.entries.length]).toEqual([3, 0]);
      const answer =
        lost === 'answers' ? { index: 3 } : { reject: true, index: 3, rejectHint: 1, logTerm: 1 };
      const next = appendsTo(2n, solo.step(MessageType.APP_RESP, 2, answer));
      expect(next.flatMap(({ entries: out }) => out.map(({ index }) => index))).toEqual(
        lost === 'answers' ? [4] : [2, 3, 4],
      );
    }
  });

  it('heartbeats carry min(match, commit)', () => {
    const solo = leader();
    propose(solo, 'a');
    solo.acknowledge(2);
    const beats = solo.tick(1);
    expect(solo.raft.status.commit).toBe(2);
    expect(beats.map(({ to, commit }) => [to, commit])).toEqual([
      [2n, 2],
      [3n, 1],
    ]);
  });

  it('sends an unreachable follower one message until it answers', () => {
    const solo = leader();
    solo.raft.reportUnreachable(2n);
    expect(appendsTo(2n, propose(solo, 'a'))).toHaveLength(1);
    expect(appendsTo(2n, propose(solo, 'b'))).toHaveLength(0);
    expect(appendsTo(2n, solo.step(MessageType.HEARTBEAT_RESP, 2))).toHaveLength(0);
    expect(appendsTo(2n, propose(solo, 'c'))).toHaveLength(1);
  });

  it('an acknowledgement of what was never sent halts the leader', () => {
    const solo = leader();
    expect(() => solo.step(MessageType.APP_RESP, 2, { index: 99 })).toThrow('never sent');
  });
});

describe('snapshots (Raft paper, section 7)', () => {
  const snapshotAt = (index: number, term = 1, voters = 3) => ({
    data: Buffer.alloc(0),
    metadata: { index, term, confState: confState(voters) },
  });

  /** A leader that has cut off the entries follower 2 needs. */
  function compacted(): Solo {
    const solo = leader();
    for (const name of ['a', 'b', 'c']) {
      propose(solo, name);
      solo.acknowledge(3);
    }
    solo.storage.compact(4);
    solo.storage.offerSnapshot(snapshotAt(4));
    solo.raft.reportUnreachable(2n);
    return solo;
  }

  it('a follower whose entries are gone is sent one, and nothing else meanwhile', () => {
    const solo = compacted();
    const sent = propose(solo, 'd').filter(({ to }) => to === 2n);
    expect(sent.map(({ type, snapshot }) => [type, snapshot?.metadata?.index])).toEqual([
      [MessageType.SNAP, 4],
    ]);
    expect(follower(solo, 2n)).toMatchObject({ state: 'snapshot', pendingSnapshot: 4 });
    expect(appendsTo(2n, propose(solo, 'e'))).toEqual([]);
  });

  it('then gets what follows it', () => {
    const solo = compacted();
    propose(solo, 'd');
    solo.raft.reportSnapshot(2n, true);
    const sent = appendsTo(2n, solo.step(MessageType.APP_RESP, 2, { index: 4 }));
    expect(sent.map(({ index, entries: out }) => [index, out.length])).toEqual([[4, 1]]);
    expect(follower(solo, 2n)?.state).toBe('replicate');
  });

  it('one that failed is sent again, after the follower was heard of', () => {
    const solo = compacted();
    propose(solo, 'd');
    solo.raft.reportSnapshot(2n, false);
    expect(solo.run()).toEqual([]);
    solo.tick(1);
    expect(solo.step(MessageType.HEARTBEAT_RESP, 2).map(({ type }) => type)).toEqual([MessageType.SNAP]);
  });

  it('one that ended is followed by nothing until the follower was heard of', () => {
    for (const succeeded of [true, false]) {
      const solo = compacted();
      propose(solo, 'd');
      solo.raft.reportSnapshot(2n, succeeded);
      expect(propose(solo, 'e').filter(({ to }) => to === 2n)).toEqual([]);
    }
  });

  it('none is sent to who was not heard of since the last quorum check', () => {
    const solo = compacted();
    solo.tick(10);
    solo.step(MessageType.HEARTBEAT_RESP, 3);
    solo.tick(10);
    expect(propose(solo, 'd').filter(({ type }) => type === MessageType.SNAP)).toEqual([]);
    expect(solo.step(MessageType.HEARTBEAT_RESP, 2).map(({ type }) => type)).toContain(MessageType.SNAP);
  });

  it('one older than what a follower has cut off itself changes nothing', () => {
    const solo = new Solo({
      confState: confState(3),
      log: entries(1, 1, 1, 1, 1, 1),
      hardState: { term: 1, vote: 0n, commit: 5 },
      applied: 5,
    });
    solo.storage.compact(5);
    expect(solo.step(MessageType.SNAP, 2, { snapshot: snapshotAt(3) })).toMatchObject([{ index: 5 }]);
    expect(solo.raft.status).toMatchObject({ lastIndex: 5, commit: 5 });
  });

  it('where there is none yet, it is sent as soon as there is', () => {
    const restarted = new Solo({ confState: confState(3), log: entries(1, 1, 1), applied: 2 });
    restarted.storage.compact(2);
    restarted.becomeLeader();
    const refused = restarted.step(MessageType.APP_RESP, 2, { reject: true, index: 2, rejectHint: 0 });
    expect(refused).toEqual([]);
    restarted.storage.offerSnapshot(snapshotAt(2));
    restarted.tick(1);
    expect(restarted.step(MessageType.HEARTBEAT_RESP, 2).map(({ type }) => type)).toEqual([MessageType.SNAP]);
  });

  it('a follower replaces its log by it, and acknowledges it with that write', () => {
    const solo = new Solo({
      confState: confState(3),
      log: entries(1, 1),
      hardState: { term: 2, vote: 0n, commit: 0 },
    });
    const snapshot = snapshotAt(9, 2, 4);
    solo.raft.step(message(MessageType.SNAP, 2, { term: 2, snapshot }));
    const ready = solo.raft.ready();
    expect(ready.append?.snapshot).toBe(snapshot);
    expect(ready.append?.hardState?.commit).toBe(9);
    expect(ready.append?.messages).toMatchObject([{ type: MessageType.APP_RESP, index: 9, reject: false }]);
    expect(ready.committed).toEqual([]);
    solo.storage.applySnapshot(snapshot);
    if (ready.append !== undefined) solo.raft.appended(ready.append);
    expect(solo.raft.status).toMatchObject({ lastIndex: 9, commit: 9, applied: 9, confState: confState(4) });
  });

  it('a follower that has it all only commits; an old one is answered with what is committed', () => {
    const solo = new Solo({
      confState: confState(3),
      log: entries(1, 1, 1, 1),
      hardState: { term: 1, vote: 0n, commit: 0 },
    });
    expect(solo.step(MessageType.SNAP, 2, { snapshot: snapshotAt(2) })).toMatchObject([{ index: 2 }]);
    expect(solo.raft.status).toMatchObject({ lastIndex: 3, commit: 2 });
    expect(solo.step(MessageType.SNAP, 2, { snapshot: snapshotAt(1) })).toMatchObject([{ index: 2 }]);
    expect(solo.readies.every(({ append }) => append?.snapshot === undefined)).toBe(true);
  });

  it('a member that was away for long comes back through one', () => {
    const cluster = new Cluster(3);
    cluster.elect(1);
    cluster.member(3).crash('nothing');
    const names = Array.from({ length: 50 }, (_, at) => `v${at}`);
    for (const name of names) cluster.propose(1, name);
    cluster.member(1).compact();
    cluster.propose(1, 'after');
    cluster.member(3).restart();
    cluster.tick(5);
    expect(cluster.member(3).history).toEqual([...names, 'after']);
    expect(cluster.member(3).storage.firstIndex()).toBeGreaterThan(50);
  });
});
