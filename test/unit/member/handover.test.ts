import { beforeEach, describe, expect, test } from 'vitest';
import { Handover } from '../../../src/member/handover.js';
import { Proposals } from '../../../src/member/proposals.js';
import { decodeRequest } from '../../../src/member/request-codec.js';
import { PutRequest } from '../../../src/proto/generated/etcd_rpc.js';
import { type Message, MessageType } from '../../../src/proto/generated/raft.js';
import type { RaftStatus } from '../../../src/raft/rawnode.js';
import type { ProposalRefusal } from '../../../src/raft/types.js';

/** What Handover sees of raft: who leads in which term, and what it took. */
class Raft {
  term = 1;
  leader = 0n;
  refusal: ProposalRefusal | undefined = 'no leader';
  taken: Buffer[] = [];

  constructor(readonly id: bigint) {}

  propose(data: readonly Buffer[]): ProposalRefusal | undefined {
    if (this.refusal === undefined) this.taken.push(...data);
    return this.refusal;
  }

  get status(): RaftStatus {
    return { leader: this.leader, term: this.term, id: this.id } as RaftStatus;
  }

  lead(term: number): void {
    this.term = term;
    this.leader = this.id;
    this.refusal = undefined;
  }

  follow(leader: bigint, term: number): void {
    this.term = term;
    this.leader = leader;
    this.refusal = 'no leader';
  }
}

const ended: string[] = [];

function member(id: bigint) {
  const raft = new Raft(id);
  const proposals = new Proposals({ member: id, boot: 3 }, 7_000);
  const sent: Message[] = [];
  const refused: ProposalRefusal[] = [];
  const connected = new Set([1n, 2n]);
  const handover = new Handover({
    self: id,
    boot: 3,
    raft,
    proposals,
    reachable: (peer) => connected.has(peer),
    send: (messages) => sent.push(...messages),
    refused: (_sequence, why) => refused.push(why),
  });
  const put = (key: string, valueBytes = 1, boundTo = 0): void => {
    const value = PutRequest.fromPartial({ key: Buffer.from(key), value: Buffer.alloc(valueBytes) });
    const outcome = {
      done: () => ended.push(`${key} done`),
      failed: (error: Error) => ended.push(`${key} ${error.message}`),
    };
    proposals.queue(proposals.register({ $case: 'put', value }, outcome, 0, boundTo));
  };
  return { raft, proposals, handover, sent, refused, connected, put };
}

const keysOf = (data: readonly Buffer[]): string[] =>
  data.map((bytes) => {
    const { kind } = decodeRequest(bytes);
    return kind?.$case === 'put' ? kind.value.key.toString() : '?';
  });

describe('proposals', () => {
  beforeEach(() => {
    ended.length = 0;
  });

  test('wait for a leader, then go to it in one message', () => {
    const { raft, handover, sent, put } = member(1n);
    put('a');
    handover.run();
    put('b');
    handover.run();
    expect(sent).toEqual([]);
    raft.follow(2n, 5);
    handover.run();
    expect(sent).toMatchObject([{ type: MessageType.PROP, from: 1n, to: 2n, term: 5 }]);
    expect(keysOf(sent[0]?.entries.map(({ data }) => data) ?? [])).toEqual(['a', 'b']);
    handover.run();
    expect(sent).toHaveLength(1);
  });

  test('wait for the connection to the leader: what is sent without one is lost', () => {
    const { raft, handover, sent, connected, put } = member(1n);
    raft.follow(2n, 5);
    connected.delete(2n);
    put('a');
    handover.run();
    expect(sent).toEqual([]);
    connected.add(2n);
    handover.run();
    expect(sent).toHaveLength(1);
  });

  test('are split by size', () => {
    const { raft, handover, sent, put } = member(1n);
    raft.follow(2n, 5);
    for (const key of ['a', 'b', 'c']) put(key, 700_000);
    handover.run();
    expect(sent.map(({ entries }) => entries.length)).toEqual([1, 1, 1]);
    expect(new Set(sent.map(({ index }) => index)).size).toBe(3);
  });

  test('wait while leadership is being transferred', () => {
    const { raft, handover, put, refused } = member(1n);
    raft.lead(4);
    raft.refusal = 'leadership is being transferred';
    put('a');
    handover.run();
    expect(raft.taken).toEqual([]);
    raft.lead(5);
    handover.run();
    expect(keysOf(raft.taken)).toEqual(['a']);
    expect(refused).toEqual([]);
  });

  test('given to a leader whose log lost them go to the next one, once that is certain', () => {
    const { raft, proposals, handover, put } = member(1n);
    raft.lead(4);
    put('a');
    handover.run();
    raft.follow(2n, 5);
    handover.run();
    proposals.applied(4);
    // An entry of term 4 may still come: the new leader may have it.
    raft.lead(6);
    handover.run();
    expect(keysOf(raft.taken)).toEqual(['a']);
    proposals.applied(5);
    handover.run();
    expect(keysOf(raft.taken)).toEqual(['a', 'a']);
  });

  test('whose entry was applied aren’t given to anybody again', () => {
    const { raft, proposals, handover, put } = member(1n);
    raft.lead(4);
    put('a');
    handover.run();
    proposals.take(decodeRequest(raft.taken[0] as Buffer).id)?.done(undefined);
    proposals.applied(5);
    raft.lead(6);
    handover.run();
    expect([ended, raft.taken.length]).toEqual([['a done'], 1]);
  });

  test('that a snapshot may hold are never repeated', () => {
    const { raft, proposals, handover, put } = member(1n);
    raft.follow(2n, 4);
    put('a');
    handover.run();
    proposals.stateReplaced(4);
    proposals.applied(5);
    raft.lead(6);
    handover.run();
    expect([raft.taken, ended]).toEqual([[], ['a etcdserver: leader changed']]);
  });

  test('that were given up aren’t given to a leader any more', () => {
    const { raft, proposals, handover, put } = member(1n);
    put('a');
    handover.run();
    proposals.expire(7_000);
    raft.lead(2);
    handover.run();
    expect([raft.taken, ended]).toEqual([[], ['a etcdserver: request timed out']]);
  });

  test('that a leader decided by itself (an expired lease’s end) are void in another term, and nobody else’s', () => {
    const late = member(1n);
    late.put('a', 1, 4);
    late.raft.lead(5);
    late.handover.run();
    expect([late.raft.taken, late.refused]).toEqual([[], ['no leader']]);
    const deposed = member(1n);
    deposed.put('a', 1, 5);
    deposed.raft.follow(2n, 5);
    deposed.handover.run();
    expect([deposed.sent, deposed.refused]).toEqual([[], ['no leader']]);
    const lost = member(1n);
    lost.raft.lead(4);
    lost.put('a', 1, 4);
    lost.handover.run();
    lost.proposals.applied(5);
    lost.raft.lead(6);
    lost.handover.run();
    expect([lost.raft.taken.length, ended]).toEqual([1, ['a etcdserver: leader changed']]);
  });

  test('of another life of the process answer nobody', () => {
    const { proposals, put } = member(1n);
    put('a');
    expect(proposals.take({ member: 1n, boot: 2, sequence: 1 })).toBeUndefined();
    expect(proposals.take({ member: 2n, boot: 3, sequence: 1 })).toBeUndefined();
    expect(proposals.size).toBe(1);
  });
});

describe('a leader', () => {
  const forwarded = (...keys: string[]): Message[] => {
    const { raft, handover, sent, put } = member(2n);
    raft.follow(1n, 5);
    for (const key of keys) {
      put(key);
      handover.run();
    }
    return sent;
  };

  test('takes a forwarded message once, however often it arrives', () => {
    const { raft, handover } = member(1n);
    raft.lead(5);
    const [a, b] = forwarded('a', 'b') as [Message, Message];
    for (const message of [a, a, b, a, b]) handover.receive(message);
    expect(keysOf(raft.taken)).toEqual(['a', 'b']);
  });

  test('takes nothing that overtook what it took already', () => {
    const { raft, handover } = member(1n);
    raft.lead(5);
    const [a, b] = forwarded('a', 'b') as [Message, Message];
    for (const message of [b, a]) handover.receive(message);
    expect(keysOf(raft.taken)).toEqual(['b']);
  });

  test('takes nothing that was meant for another term', () => {
    const { raft, handover } = member(1n);
    raft.lead(6);
    for (const message of forwarded('a')) handover.receive(message);
    expect(raft.taken).toEqual([]);
  });
});
