import { Prng } from '../../../src/base/prng.js';
import {
  ConfChangeType,
  type ConfState,
  type Message,
  MessageType,
} from '../../../src/proto/generated/raft.js';
import { Invariants } from './invariants.js';
import { SimMember } from './sim-member.js';
import { bytes, confChange, confState } from './support.js';

export interface Faults {
  /** Of each message. */
  readonly loss: number;
  readonly duplication: number;
  /** Of each step. */
  readonly crash: number;
  readonly partition: number;
  readonly compact: number;
  readonly confChange: number;
  /** Of each application: what is applied leaves the memory, and followers that lag wait for reads from the disk. */
  readonly evict: number;
}

const MAX_IN_NETWORK = 200;

/**
 * A cluster that one seed drives: at each step somebody's clock ticks, a message of any age arrives, a write ends, an
 * entry is applied, or something goes wrong. The invariants are checked throughout.
 */
export class Chaos {
  readonly invariants = new Invariants();
  readonly #prng: Prng;
  readonly #faults: Faults;
  readonly #members = new Map<bigint, SimMember>();
  #network: Message[] = [];
  /** Sides of a partition; equal: they hear each other. */
  readonly #side = new Map<bigint, number>();
  #proposals = 0;
  #reads = 0;
  /** By context, the last index known to be committed when the read was asked for. */
  readonly #asked = new Map<string, number>();
  answeredReads = 0;
  crashes = 0;
  snapshots = 0;
  confChanges = 0;

  constructor(seed: number, size: number, faults: Faults, spares = 0) {
    this.#prng = new Prng(seed);
    this.#faults = faults;
    for (let at = 1; at <= size + spares; at++) this.#add(BigInt(at), confState(size));
  }

  #add(id: bigint, conf: ConfState): void {
    this.#members.set(id, new SimMember(id, conf, this.invariants, { random: () => this.#prng.uint32() }));
  }

  /** How often raft was told that entries are on disk. */
  get onDisk(): number {
    return this.members.reduce((sum, { storage }) => sum + storage.refusals, 0);
  }

  get members(): SimMember[] {
    return [...this.#members.values()];
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step++) {
      this.#fault();
      this.#act(this.#any(this.members));
    }
  }

  #any<T>(choices: readonly T[]): T {
    return choices[this.#prng.below(choices.length)] as T;
  }

  #act(member: SimMember): void {
    const prng = this.#prng;
    if (!member.alive) {
      if (prng.chance(0.1)) member.restart();
      return;
    }
    const action = prng.float();
    if (action < 0.1) member.raft.tick();
    else if (action < 0.65) for (let count = 0; count < 6; count++) this.#deliverOne();
    else if (action < 0.85) member.finishWrite();
    else if (action < 0.93) this.#apply(member);
    else if (action < 0.95) member.finishFetch();
    else if (action < 0.98) this.#propose(member);
    else this.#read(member);
    this.#collect(member);
  }

  #apply(member: SimMember): void {
    member.apply(1 + this.#prng.below(4));
    if (this.#prng.chance(this.#faults.evict)) member.evict();
  }

  #propose(member: SimMember): void {
    const data = Array.from({ length: 1 + this.#prng.below(3) }, () => bytes(`p${++this.#proposals}`));
    member.raft.propose(data);
  }

  #read(member: SimMember): void {
    const context = `r${++this.#reads}`;
    this.#asked.set(context, this.invariants.lastCommitted);
    member.raft.readIndex(bytes(context));
  }

  #collect(member: SimMember): void {
    if (!member.alive) return;
    member.pump();
    for (const { context, index } of member.reads.splice(0)) {
      const known = this.#asked.get(context.toString());
      if (known === undefined || index < known)
        throw new Error(`a stale read: ${index}, after ${known} was committed`);
      this.answeredReads++;
    }
    for (const message of member.outbox.splice(0)) {
      if (this.#prng.chance(this.#faults.loss) || this.#network.length >= MAX_IN_NETWORK) {
        this.#lost(message);
        continue;
      }
      this.#network.push(message);
      if (this.#prng.chance(this.#faults.duplication)) this.#network.push(message);
    }
  }

  #lost(message: Message): void {
    const sender = this.#members.get(message.from);
    if (message.type === MessageType.SNAP && sender?.alive) sender.raft.reportSnapshot(message.to, false);
  }

  #deliverOne(): void {
    if (this.#network.length === 0) return;
    // Mostly the oldest, but any may come first.
    const at = this.#prng.chance(0.7) ? 0 : this.#prng.below(this.#network.length);
    const [message] = this.#network.splice(at, 1) as [Message];
    const { from, to, type } = message;
    const target = this.#members.get(to);
    if (target?.alive !== true || this.#side.get(from) !== this.#side.get(to)) {
      this.#lost(message);
      return;
    }
    const sender = this.#members.get(from);
    if (type === MessageType.SNAP && sender?.alive) {
      this.snapshots++;
      // Copied while it is sent, so mostly newer than the message says; its end may be told before the answer arrives.
      target.raft.step({ ...message, snapshot: sender.copy() });
      sender.raft.reportSnapshot(to, true);
    } else target.raft.step(message);
    this.#collect(target);
  }

  #fault(): void {
    const prng = this.#prng;
    const { crash, partition, compact } = this.#faults;
    if (prng.chance(crash)) this.#crash(this.#any(this.members));
    if (prng.chance(partition)) {
      const parts = prng.chance(0.5) ? 1 : 2;
      for (const { id } of this.members) this.#side.set(id, prng.below(parts));
    }
    if (prng.chance(compact)) {
      const member = this.#any(this.members);
      if (member.alive) member.compact();
    }
    if (prng.chance(this.#faults.confChange)) this.#changeConf();
  }

  #crash(member: SimMember): void {
    if (!member.alive) return;
    this.crashes++;
    const torn = this.#any(['nothing', 'everything', { entries: this.#prng.below(3) }] as const);
    member.crash(torn);
  }

  #changeConf(): void {
    const leader = this.members.find(({ isLeader }) => isLeader);
    if (leader === undefined) return;
    const { confState: conf } = leader.raft.status;
    const target = this.#any(this.members).id;
    const isMember = conf.voters.includes(target) || conf.learners.includes(target);
    const type =
      isMember && conf.voters.length > 2 && this.#prng.chance(0.5)
        ? ConfChangeType.REMOVE_NODE
        : this.#any([ConfChangeType.ADD_NODE, ConfChangeType.ADD_NODE, ConfChangeType.ADD_LEARNER_NODE]);
    if (type === ConfChangeType.ADD_LEARNER_NODE && conf.voters.length <= 2 && conf.voters.includes(target))
      return;
    if (leader.raft.proposeConfChange(confChange(type, target)) === undefined) this.confChanges++;
    this.#collect(leader);
  }

  /** The faults end. Runs until every member of the configuration has applied the same and a new proposal went through. */
  recover(): void {
    this.#side.clear();
    for (const member of this.members) if (!member.alive) member.restart();
    const target = `last-${++this.#proposals}`;
    for (let round = 0; round < 400; round++) {
      for (const member of this.members) {
        member.raft.tick();
        this.#drain();
      }
      const leader = this.members.find(({ isLeader }) => isLeader);
      if (leader === undefined) continue;
      if (this.#agreeOn(leader, target)) return;
      if (!leader.history.includes(target)) leader.raft.propose([bytes(target)]);
    }
    throw new Error(
      `no agreement after the faults ended: ${this.members.map(({ raft: { status } }) => `${status.id} ${status.role} term ${status.term} log ${status.lastIndex} commit ${status.commit} applied ${status.applied}`).join('; ')}`,
    );
  }

  #agreeOn(leader: SimMember, target: string): boolean {
    const { voters, learners } = leader.raft.status.confState;
    const expected = leader.history.join();
    return (
      leader.history.includes(target) &&
      [...voters, ...learners].every((id) => this.#members.get(id)?.history.join() === expected)
    );
  }

  #drain(): void {
    for (let round = 0; round < 200; round++) {
      for (const member of this.members) {
        member.finishWrite();
        member.apply();
        member.finishFetch();
        member.pump();
        for (const message of member.outbox.splice(0)) this.#network.push(message);
        member.reads.length = 0;
      }
      if (
        this.#network.length === 0 &&
        this.members.every((member) => !member.isWriting && !member.hasToApply && !member.isFetching)
      )
        return;
      const messages = this.#network;
      this.#network = [];
      for (const message of messages) {
        const sender = this.#members.get(message.from);
        this.#members.get(message.to)?.raft.step(message);
        if (message.type === MessageType.SNAP) sender?.raft.reportSnapshot(message.to, true);
      }
    }
  }
}
