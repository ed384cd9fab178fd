import { Prng } from '../../../src/base/prng.js';
import { type ConfState, type Message, MessageType } from '../../../src/proto/generated/raft.js';
import type { RaftConfig } from '../../../src/raft/types.js';
import { Invariants } from './invariants.js';
import { SimMember } from './sim-member.js';
import { bytes, confState } from './support.js';

/** Members in memory that share a network without loss, until a test cuts it: everything is delivered in order. */
export class Cluster {
  readonly invariants = new Invariants();
  readonly members = new Map<bigint, SimMember>();
  readonly #prng: Prng;
  readonly #cut = new Set<string>();
  /** Returns whether the message may pass; for tests that lose particular ones. */
  filter: (message: Message) => boolean = () => true;

  constructor(size: number, over: Partial<RaftConfig> = {}, seed = 1) {
    this.#prng = new Prng(seed);
    for (const id of confState(size).voters) this.add(id, confState(size), over);
  }

  add(id: bigint, conf: ConfState, over: Partial<RaftConfig> = {}): SimMember {
    const random = () => this.#prng.uint32();
    const member = new SimMember(id, conf, this.invariants, { random, ...over });
    this.members.set(id, member);
    return member;
  }

  member(id: number): SimMember {
    const member = this.members.get(BigInt(id));
    if (member === undefined) throw new Error(`no member ${id}`);
    return member;
  }

  status(id: number) {
    return this.member(id).raft.status;
  }

  get leader(): SimMember | undefined {
    let leader: SimMember | undefined;
    for (const member of this.members.values()) {
      if (member.isLeader && (leader === undefined || member.raft.status.term > leader.raft.status.term))
        leader = member;
    }
    return leader;
  }

  /** No message passes between the groups. */
  partition(...groups: number[][]): void {
    this.#cut.clear();
    for (const group of groups) {
      for (const other of groups) {
        if (group === other) continue;
        for (const from of group) for (const to of other) this.#cut.add(`${from}>${to}`);
      }
    }
  }

  heal(): void {
    this.#cut.clear();
  }

  /** Carries out and delivers everything until nothing is left. */
  settle(): void {
    for (let round = 0; round < 10_000; round++) {
      let busy = false;
      for (const member of this.members.values()) {
        if (!member.alive) continue;
        member.pump();
        while (member.isWriting) member.finishWrite();
        member.apply();
        while (member.isWriting) member.finishWrite();
        member.finishFetch();
        for (const message of member.outbox.splice(0)) {
          busy = true;
          this.#deliver(message);
        }
        busy ||= member.isWriting || member.hasToApply || member.isFetching;
      }
      if (!busy) return;
    }
    throw new Error('the cluster never came to rest');
  }

  #deliver(message: Message): void {
    const { from, to, type } = message;
    const target = this.members.get(to);
    const passes = target?.alive === true && !this.#cut.has(`${from}>${to}`) && this.filter(message);
    if (type === MessageType.SNAP) this.members.get(from)?.raft.reportSnapshot(to, passes);
    if (passes) target?.raft.step(message);
  }

  /** One tick of everybody's clock, and all that follows. */
  tick(times = 1): void {
    for (let time = 0; time < times; time++) {
      for (const member of this.members.values()) if (member.alive) member.raft.tick();
      this.settle();
    }
  }

  elect(id: number): void {
    this.member(id).raft.campaign();
    this.settle();
    if (!this.member(id).isLeader) throw new Error(`member ${id} wasn't elected`);
  }

  propose(id: number, ...data: string[]): void {
    const refusal = this.member(id).raft.propose(data.map(bytes));
    if (refusal !== undefined) throw new Error(refusal);
    this.settle();
  }

  histories(): string[][] {
    return [...this.members.values()].map(({ history }) => history);
  }
}
