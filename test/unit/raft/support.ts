import { Prng } from '../../../src/base/prng.js';
import {
  type ConfChange,
  ConfChangeType,
  type ConfState,
  type Entry,
  EntryType,
  type HardState,
  type Message,
  MessageType,
} from '../../../src/proto/generated/raft.js';
import { MemoryStorage } from '../../../src/raft/memory-storage.js';
import { RawNode } from '../../../src/raft/rawnode.js';
import type { RaftConfig, Ready } from '../../../src/raft/types.js';

export const bytes = (text: string): Buffer => Buffer.from(text);

export function entry(index: number, term: number, data = `${index}/${term}`): Entry {
  return { type: EntryType.NORMAL, index, term, data: bytes(data) };
}

/** Entries from index `first` on, one for each term given. */
export function entries(first: number, ...terms: number[]): Entry[] {
  return terms.map((term, at) => entry(first + at, term));
}

export function message(type: MessageType, from: number, fields: Partial<Message> = {}): Message {
  return {
    type,
    from: BigInt(from),
    to: 1n,
    term: 1,
    logTerm: 0,
    index: 0,
    entries: [],
    commit: 0,
    snapshot: undefined,
    reject: false,
    rejectHint: 0,
    context: Buffer.alloc(0),
    ...fields,
  };
}

export function confState(voters: number, learners: readonly bigint[] = []): ConfState {
  return { voters: Array.from({ length: voters }, (_, at) => BigInt(at + 1)), learners: [...learners] };
}

export function confChange(type: ConfChangeType, nodeId: bigint): ConfChange {
  return { id: 1n, type, nodeId, context: Buffer.alloc(0) };
}

export const ADD = ConfChangeType.ADD_NODE;
export const ADD_LEARNER = ConfChangeType.ADD_LEARNER_NODE;
export const REMOVE = ConfChangeType.REMOVE_NODE;

export const NO_HARD_STATE: HardState = { term: 0, vote: 0n, commit: 0 };

export function config(over: Partial<RaftConfig> = {}): RaftConfig {
  const prng = new Prng(1);
  return {
    id: 1n,
    electionTicks: 10,
    heartbeatTicks: 1,
    storage: new MemoryStorage(),
    hardState: NO_HARD_STATE,
    confState: confState(1),
    applied: 0,
    maxMessageBytes: 1 << 20,
    maxInflightMessages: 256,
    maxInflightBytes: 1 << 24,
    maxUncommittedBytes: 1 << 24,
    maxCommittedBytes: 1 << 20,
    random: () => prng.uint32(),
    ...over,
  };
}

/** One member of which the test plays the rest of the cluster. */
export class Solo {
  readonly raft: RawNode;
  readonly storage: MemoryStorage;
  readonly readies: Ready[] = [];

  constructor(over: Partial<RaftConfig> & { log?: readonly Entry[] } = {}) {
    const { log = [], ...rest } = over;
    this.storage = new MemoryStorage();
    this.storage.append(log);
    this.raft = new RawNode(config({ storage: this.storage, ...rest }));
  }

  /** Does all there is to do, at once; what was sent. */
  run(): Message[] {
    const sent: Message[] = [];
    while (this.raft.hasReady()) {
      const ready = this.raft.ready();
      this.readies.push(ready);
      sent.push(...ready.messages);
      if (ready.append !== undefined) {
        if (ready.append.snapshot !== undefined) this.storage.applySnapshot(ready.append.snapshot);
        this.storage.append(ready.append.entries);
        this.raft.appended(ready.append);
        sent.push(...ready.append.messages);
      }
      const last = ready.committed.at(-1);
      if (last !== undefined) this.raft.applied(last.index);
    }
    return sent;
  }

  step(type: MessageType, from: number, fields: Partial<Message> = {}): Message[] {
    this.raft.step(message(type, from, { term: this.raft.status.term, ...fields }));
    return this.run();
  }

  tick(times: number): Message[] {
    for (let time = 0; time < times; time++) this.raft.tick();
    return this.run();
  }

  /** By the votes of all other voters; what it sent once it led. */
  becomeLeader(): Message[] {
    this.raft.campaign();
    this.run();
    const others = this.raft.status.confState.voters.filter((id) => id !== 1n);
    const asked = this.raft.status.term + 1;
    for (const id of others) this.step(MessageType.PRE_VOTE_RESP, Number(id), { term: asked });
    const sent: Message[] = [];
    for (const id of others) sent.push(...this.step(MessageType.VOTE_RESP, Number(id), { term: asked }));
    return sent;
  }

  /** The follower acknowledges the leader's whole log. */
  acknowledge(from: number): Message[] {
    return this.step(MessageType.APP_RESP, from, { index: this.raft.status.lastIndex });
  }

  get committed(): Entry[] {
    return this.readies.flatMap(({ committed }) => [...committed]);
  }
}
