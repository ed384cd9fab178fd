import { messageOf } from '../../../src/base/errors.js';
import {
  ConfChange,
  ConfChangeType,
  type ConfState,
  type Entry,
  EntryType,
  type HardState,
  type Message,
  MessageType,
} from '../../../src/proto/generated/raft.js';
import type { RaftStatus } from '../../../src/raft/rawnode.js';
import { Invariants } from './invariants.js';
import { SimMember } from './sim-member.js';
import { confChange, confState } from './support.js';
import { LARGE, messageText, roleText } from './transcript-format.js';

const MAX_ROUNDS = 500;
/** Of the election timeout's range, 10 to 19 ticks: a member stands for election after 19. */
const LONGEST_TIMEOUT = 0xffff_ffff;

/** What a member's disk holds at the start: the terms of its entries, and its hard state. */
export interface DiskImage {
  /** One entry fills a message. */
  readonly large: boolean;
  readonly terms: readonly number[];
  readonly term: number;
  readonly vote: number;
  readonly commit: number;
}

/** What was known of a member when it was looked at last. */
interface Seen {
  readonly status: RaftStatus;
  readonly applied: number;
}

/**
 * Members, the network between them and what is written down of it. Unless a member's disk was called slow, its writes
 * end at once; messages wait until they are delivered.
 */
export class Scene {
  readonly lines: string[] = [];
  readonly #invariants = new Invariants();
  readonly members = new Map<bigint, SimMember>();
  readonly #seen = new Map<bigint, Seen>();
  network: Message[] = [];
  held: Message[] = [];
  /** Hear only each other; everybody else hears everybody else. */
  isolated = new Set<bigint>();
  readonly slow = new Set<bigint>();
  readonly slowReads = new Set<bigint>();
  readonly #halted = new Set<bigint>();

  add(id: bigint, conf: ConfState, image?: DiskImage): void {
    const data = Buffer.from(image?.large === true ? LARGE : '');
    const log = image?.terms.map((term, at) => ({ type: EntryType.NORMAL, index: at + 1, term, data }));
    const { term = 0, vote = 0, commit = 0 } = image ?? {};
    this.#start(id, conf, log ?? [], { term, vote: BigInt(vote), commit });
  }

  /** A member whose log begins with the entries that add all founders, as every member's does. */
  addFounder(id: bigint, size: number): void {
    const log = confState(size).voters.map((voter, at) => ({
      type: EntryType.CONF_CHANGE,
      index: at + 1,
      term: 1,
      data: Buffer.from(ConfChange.encode(confChange(ConfChangeType.ADD_NODE, voter)).finish()),
    }));
    this.#start(id, { voters: [], learners: [] }, log, { term: 1, vote: 0n, commit: size });
    this.act(id, () => undefined);
  }

  #start(id: bigint, conf: ConfState, log: readonly Entry[], hardState: HardState): void {
    this.#invariants.restarted(id);
    const random = () => LONGEST_TIMEOUT;
    const over = { random, maxMessageBytes: LARGE.length - 1, maxInflightMessages: 8 };
    const member = new SimMember(id, conf, this.#invariants, over, { log, hardState });
    this.members.set(id, member);
    this.#seen.set(id, { status: member.raft.status, applied: 0 });
  }

  cluster(size: number): void {
    for (const id of confState(size).voters) this.add(id, confState(size));
  }

  member(id: string | bigint): SimMember {
    const member = this.members.get(BigInt(id));
    if (member === undefined) throw new Error(`no member ${id}`);
    return member;
  }

  /** Does something with a member, and all that its disk and state machine make of it. */
  act(id: string | bigint, action: (member: SimMember) => void): void {
    const member = this.member(id);
    if (!member.alive) return;
    try {
      action(member);
      this.#run(member);
    } catch (error) {
      // What the core asserts ends the member; anything else is this test's fault.
      if (!(error instanceof Error) || error.name !== 'AssertionError') throw error;
      this.#report(member);
      this.lines.push(`${member.id} halts: ${messageOf(error)}`);
      member.crash('nothing');
      this.#halted.add(member.id);
      return;
    }
    this.#report(member);
  }

  #run(member: SimMember): void {
    member.pump();
    for (let round = 0; round < MAX_ROUNDS; round++) {
      if (!this.slow.has(member.id) && member.isWriting) member.finishWrite();
      else if (member.hasToApply) member.apply();
      else if (!this.slowReads.has(member.id) && member.isFetching) member.finishFetch();
      else break;
    }
    this.network.push(...member.outbox.splice(0));
  }

  /** Writes down what changed since the member was looked at last. */
  #report(member: SimMember): void {
    const { id, raft } = member;
    const { status } = raft;
    const before = this.#seen.get(id);
    this.#seen.set(id, { status, applied: status.applied });
    const was = before?.status;
    if (was?.role !== status.role || was.term !== status.term || was.leader !== status.leader) {
      this.lines.push(roleText(status));
    }
    for (let index = (before?.applied ?? 0) + 1; index <= status.applied; index++) {
      const data = member.appliedAt(index);
      if (data === undefined) {
        this.lines.push(`${id} holds the state at ${status.applied}`);
        break;
      }
      this.lines.push(`${id} applies ${index}${data === '' || data === LARGE ? '' : ` ${data}`}`);
    }
    for (const { context, index } of member.reads.splice(0)) {
      this.lines.push(`${id} may read ${context.toString()} at ${index}`);
    }
  }

  restart(id: string): void {
    const member = this.member(id);
    if (this.#halted.has(member.id)) throw new Error(`member ${id} has halted`);
    member.restart();
    this.#seen.set(member.id, { status: member.raft.status, applied: member.raft.status.applied });
    this.lines.push(roleText(member.raft.status));
    this.#run(member);
  }

  #hears({ from, to }: Message): boolean {
    return this.member(to).alive && this.isolated.has(from) === this.isolated.has(to);
  }

  /** Delivers these messages, in order; those that can't arrive are lost. */
  deliver(messages: readonly Message[], how: { readonly show: boolean; readonly newer?: boolean }): void {
    for (const message of messages) {
      const arrives = this.members.has(message.to) && this.#hears(message);
      if (how.show) this.lines.push(`${arrives ? '' : 'lost: '}${messageText(message)}`);
      const isSnapshot = message.type === MessageType.SNAP;
      if (arrives) {
        const { from, to } = message;
        const snapshot = isSnapshot && how.newer === true ? this.member(from).copy() : message.snapshot;
        this.act(to, (member) => member.raft.step({ ...message, snapshot }));
      }
      if (isSnapshot && !how.show) this.report(message.from, message.to, arrives);
    }
  }

  /** How a transfer ended. */
  report(from: bigint | string, to: bigint | string, succeeded: boolean): void {
    this.act(from, (member) => member.raft.reportSnapshot(BigInt(to), succeeded));
  }

  /** Delivers everything until nothing is under way. */
  settle(): void {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      if (this.network.length === 0) return;
      const messages = this.network;
      this.network = [];
      this.deliver(messages, { show: false });
    }
    throw new Error('the scene never came to rest');
  }

  /** Takes messages out of the network: all, or those on one link. */
  take(link: string | undefined): Message[] {
    const matches = ({ from, to }: Message) => link === undefined || link === `${from}>${to}`;
    const taken = this.network.filter(matches);
    this.network = this.network.filter((message) => !matches(message));
    return taken;
  }
}
