import { describe, expect, it } from 'vitest';
import { type Entry, type Message, MessageType } from '../../../src/proto/generated/raft.js';
import { MemoryStorage } from '../../../src/raft/memory-storage.js';
import { RawNode } from '../../../src/raft/rawnode.js';
import type { LogAppend } from '../../../src/raft/types.js';
import { bytes, config, confState, entries, entry, message, Solo } from './support.js';

describe('RawNode, a single voter', () => {
  it('leads once its vote is durable, and opens its term with an empty entry', () => {
    const storage = new MemoryStorage();
    const raft = new RawNode(config({ storage }));
    raft.campaign();
    const first = raft.ready();
    expect(first.softState).toEqual({ leader: 0n, role: 'candidate' });
    expect(first.append).toEqual({
      snapshot: undefined,
      entries: [],
      hardState: { term: 1, vote: 1n, commit: 0 },
      messages: [],
    });
    expect(raft.hasReady()).toBe(false);
    raft.appended(first.append as LogAppend);
    const second = raft.ready();
    expect(second.softState).toEqual({ leader: 1n, role: 'leader' });
    expect(second.append?.entries).toEqual([entry(1, 1, '')]);
    expect(second.committed).toEqual([]);
  });

  it('a batch of proposals costs one ready to write it and one to apply it', () => {
    const solo = new Solo();
    solo.becomeLeader();
    solo.readies.length = 0;
    expect(solo.raft.propose([bytes('a'), bytes('b')])).toBeUndefined();
    solo.run();
    expect(solo.readies).toHaveLength(2);
    expect(solo.readies[0]?.append?.entries).toEqual([entry(2, 1, 'a'), entry(3, 1, 'b')]);
    expect(solo.readies[0]?.committed).toEqual([]);
    expect(solo.readies[1]?.append).toBeUndefined();
    expect(solo.readies[1]?.committed).toEqual([entry(2, 1, 'a'), entry(3, 1, 'b')]);
  });

  it('one write is out at a time, and proposals gather meanwhile', () => {
    const solo = new Solo();
    solo.becomeLeader();
    const { raft, storage } = solo;
    raft.propose([bytes('a')]);
    const { append } = raft.ready();
    raft.propose([bytes('b')]);
    raft.propose([bytes('c')]);
    expect(raft.hasReady()).toBe(false);
    expect(raft.ready().append).toBeUndefined();
    storage.append(append?.entries ?? []);
    raft.appended(append as LogAppend);
    const next = raft.ready();
    expect(next.append?.entries.map(({ data }) => data.toString())).toEqual(['b', 'c']);
    expect(next.committed.map(({ data }) => data.toString())).toEqual(['a']);
  });

  it('the commit index rides with the next write and makes none of its own', () => {
    const solo = new Solo();
    solo.becomeLeader();
    expect(solo.readies.at(-1)?.append).toBeUndefined();
    solo.readies.length = 0;
    solo.raft.propose([bytes('a')]);
    solo.run();
    expect(solo.readies[0]?.append?.hardState).toEqual({ term: 1, vote: 1n, commit: 1 });
  });

  it('elects itself by the clock, within two election timeouts', () => {
    const solo = new Solo();
    solo.tick(20);
    expect(solo.raft.status).toMatchObject({ role: 'leader', term: 1, commit: 1, applied: 1 });
  });

  it('after a restart applies the entries of the old term with the first of its own', () => {
    const solo = new Solo({
      log: entries(1, 1, 1, 1),
      hardState: { term: 1, vote: 1n, commit: 1 },
      applied: 1,
    });
    solo.becomeLeader();
    expect(solo.committed.map(({ index }) => index)).toEqual([2, 3, 4]);
    expect(solo.raft.status.term).toBe(2);
  });

  it('a log that ends before what was applied is refused', () => {
    expect(() => new Solo({ log: entries(1, 1), applied: 3 })).toThrow('log lost');
  });

  it('a term known only by an entry is not used again', () => {
    const solo = new Solo({ log: entries(1, 1, 5), hardState: { term: 4, vote: 1n, commit: 0 } });
    expect(solo.raft.status).toMatchObject({ term: 5, vote: 0n });
  });
});

describe('RawNode, its contract', () => {
  it('takes only the answer to the write that is out, once, and after the storage has it', () => {
    const solo = new Solo();
    solo.becomeLeader();
    solo.raft.propose([bytes('a')]);
    const { append } = solo.raft.ready();
    expect(() => solo.raft.appended({ ...(append as LogAppend) })).toThrow('not the one under way');
    expect(() => solo.raft.appended(append as LogAppend)).toThrow('before the storage held it');
  });

  it('proposals are taken all or none, within the bytes that may be uncommitted', () => {
    const solo = new Solo({ confState: confState(3), maxUncommittedBytes: 10 });
    solo.becomeLeader();
    const { raft } = solo;
    const last = raft.status.lastIndex;
    expect(raft.propose([bytes('123456'), bytes('12345')])).toBe('uncommitted log is full');
    expect(raft.status.lastIndex).toBe(last);
    expect(raft.propose([bytes('123456789012345')])).toBeUndefined();
    expect(raft.propose([bytes('1')])).toBe('uncommitted log is full');
    expect(raft.propose([bytes('')])).toBeUndefined();
    solo.run();
    solo.acknowledge(2);
    expect(raft.propose([bytes('12345'), bytes('12345')])).toBeUndefined();
    expect(raft.propose([bytes('1')])).toBe('uncommitted log is full');
  });

  it('entries of older terms that are committed make no room for proposals', () => {
    const log = entries(1, 1, 1, 1);
    const hardState = { term: 1, vote: 0n, commit: 0 };
    const solo = new Solo({ confState: confState(3), log, hardState, maxUncommittedBytes: 10 });
    solo.becomeLeader();
    expect(solo.raft.propose([bytes('1234567890')])).toBeUndefined();
    solo.run();
    solo.step(MessageType.APP_RESP, 2, { index: 4 });
    expect(solo.raft.status.commit).toBe(4);
    expect(solo.raft.propose([bytes('1')])).toBe('uncommitted log is full');
  });

  it('refuses proposals without leading', () => {
    const solo = new Solo({ confState: confState(3) });
    expect(solo.raft.propose([bytes('a')])).toBe('no leader');
    solo.step(MessageType.HEARTBEAT, 2, { term: 1 });
    expect(solo.raft.propose([bytes('a')])).toBe('no leader');
    expect(new Solo({ id: 9n, confState: confState(3) }).raft.propose([bytes('a')])).toBe('not a voter');
  });

  it('what says that something is durable leaves with the write, not before', () => {
    const solo = new Solo({ confState: confState(3) });
    const { raft } = solo;
    raft.step({ ...append(2, 0, 0, [entry(1, 1)]), term: 1 });
    const ready = raft.ready();
    expect(ready.messages).toEqual([]);
    expect(ready.append?.messages.map(({ type, index }) => [type, index])).toEqual([
      [MessageType.APP_RESP, 1],
    ]);
    expect(ready.append?.hardState).toEqual({ term: 1, vote: 0n, commit: 0 });
  });

  it('a vote and its refusal leave with the write that holds the term and the vote', () => {
    const { raft } = new Solo({ confState: confState(3) });
    raft.step(message(MessageType.VOTE, 2, { term: 3 }));
    raft.step(message(MessageType.VOTE, 3, { term: 3 }));
    const ready = raft.ready();
    expect(ready.messages).toEqual([]);
    expect(ready.append?.hardState).toEqual({ term: 3, vote: 2n, commit: 0 });
    expect(ready.append?.messages.map(({ to, reject }) => [to, reject])).toEqual([
      [2n, false],
      [3n, true],
    ]);
  });

  it('an acknowledgement waits for the write that holds its entries, also when it comes during another', () => {
    const solo = new Solo({ confState: confState(3) });
    const { raft, storage } = solo;
    raft.step(append(2, 0, 0, [entry(1, 1)]));
    const { append: first } = raft.ready();
    raft.step(append(2, 1, 1, [entry(2, 1)], 2));
    expect(raft.ready()).toMatchObject({ append: undefined, messages: [], committed: [] });
    expect(first?.messages.map(({ index }) => index)).toEqual([1]);
    storage.append(first?.entries ?? []);
    raft.appended(first as LogAppend);
    const second = raft.ready();
    expect(second.append?.messages.map(({ index }) => index)).toEqual([2]);
    // Entry 2 is committed in the cluster, but not durable here.
    expect(second.committed.map(({ index }) => index)).toEqual([1]);
  });

  it('an entry overwritten while it was written is neither acknowledged nor applied', () => {
    const solo = new Solo({ confState: confState(3) });
    const { raft, storage } = solo;
    raft.step(append(2, 0, 0, [entry(1, 1), entry(2, 1)]));
    const { append: first } = raft.ready();
    raft.step({ ...append(3, 1, 1, [entry(2, 2)], 2), term: 2 });
    storage.append(first?.entries ?? []);
    raft.appended(first as LogAppend);
    expect(raft.durableIndex).toBe(1);
    const second = raft.ready();
    expect(second.committed.map(({ index }) => index)).toEqual([1]);
    expect(second.append?.entries).toEqual([entry(2, 2)]);
    storage.append(second.append?.entries ?? []);
    raft.appended(second.append as LogAppend);
    expect(raft.ready().committed).toEqual([entry(2, 2)]);
  });

  it('a commit index past the end of the log halts it', () => {
    const solo = new Solo({ confState: confState(3), log: entries(1, 1) });
    expect(() => solo.step(MessageType.HEARTBEAT, 2, { term: 1, commit: 2 })).toThrow('log lost');
  });

  it('two leaders in one term halt it', () => {
    const solo = new Solo({ confState: confState(3) });
    solo.becomeLeader();
    expect(() => solo.step(MessageType.APP, 2)).toThrow('two leaders in term 1');
  });

  it('takes no notice of messages for others, of kinds that do not travel, and of strangers', () => {
    const solo = new Solo({ confState: confState(3) });
    solo.becomeLeader();
    const before = JSON.stringify(solo.raft.status, (_, value) =>
      typeof value === 'bigint' ? `${value}` : value,
    );
    solo.step(MessageType.HEARTBEAT, 2, { to: 3n, term: 99 });
    for (const type of [MessageType.HUP, MessageType.BEAT, MessageType.PROP, MessageType.CHECK_QUORUM]) {
      solo.step(type, 2);
    }
    solo.step(MessageType.APP_RESP, 9, { index: 1 });
    solo.step(MessageType.HEARTBEAT_RESP, 9);
    const after = JSON.stringify(solo.raft.status, (_, value) =>
      typeof value === 'bigint' ? `${value}` : value,
    );
    expect(after).toBe(before);
  });

  function append(from: number, index: number, logTerm: number, sent: Entry[], commit = 0): Message {
    return message(MessageType.APP, from, { index, logTerm, entries: sent, commit });
  }
});
