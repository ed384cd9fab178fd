import {
  ConfChange,
  type Entry,
  EntryType,
  type HardState,
  Message,
} from '../../../src/proto/generated/raft.js';
import { RawNode } from '../../../src/raft/rawnode.js';
import type { ConfState, LogAppend, RaftConfig, Snapshot } from '../../../src/raft/types.js';
import type { Invariants } from './invariants.js';
import { PagedStorage } from './paged-storage.js';
import { config, NO_HARD_STATE } from './support.js';

/** How much of the write that is out a crash leaves on the disk. */
export type Torn = 'nothing' | 'everything' | { entries: number };

interface Machine {
  /** Data of the applied entries, at their index. */
  readonly applied: string[];
  readonly confState: ConfState;
}

/** One simulated member: its core, its disk, its state machine, and what a crash makes of them. */
export class SimMember {
  readonly id: bigint;
  readonly #invariants: Invariants;
  readonly #over: Partial<RaftConfig>;
  #storage = new PagedStorage();
  #hardState: HardState;
  #machine: Machine;
  /** What the state machine's own disk has: it may be behind the machine, never behind the log's start. */
  #flushed: Machine;
  #raft: RawNode;
  #out: LogAppend | undefined;
  /** Index of the last state that was received. */
  #installed = 0;
  readonly #toApply: Entry[] = [];
  readonly outbox: Message[] = [];
  readonly reads: { context: Buffer; index: number }[] = [];
  alive = true;

  constructor(
    id: bigint,
    confState: ConfState,
    invariants: Invariants,
    over: Partial<RaftConfig> = {},
    disk: { readonly log?: readonly Entry[]; readonly hardState?: HardState } = {},
  ) {
    this.id = id;
    this.#invariants = invariants;
    this.#over = over;
    this.#storage.append(disk.log ?? []);
    this.#hardState = disk.hardState ?? NO_HARD_STATE;
    this.#machine = { applied: [''], confState };
    this.#flushed = this.#machine;
    this.#raft = this.#boot();
  }

  #boot(): RawNode {
    const { applied, confState } = this.#machine;
    return new RawNode(
      config({
        maxMessageBytes: 64,
        maxInflightMessages: 4,
        maxInflightBytes: 256,
        maxUncommittedBytes: 1024,
        maxCommittedBytes: 64,
        ...this.#over,
        id: this.id,
        storage: this.#storage,
        hardState: this.#hardState,
        confState,
        applied: applied.length - 1,
      }),
    );
  }

  get raft(): RawNode {
    return this.#raft;
  }

  get storage(): PagedStorage {
    return this.#storage;
  }

  get isLeader(): boolean {
    return this.alive && this.#raft.status.role === 'leader';
  }

  get isWriting(): boolean {
    return this.#out !== undefined;
  }

  get isFetching(): boolean {
    return this.#storage.isFetching;
  }

  get hasToApply(): boolean {
    return this.#toApply.length > 0;
  }

  /** Data of the normal entries applied, in order. */
  get history(): string[] {
    return this.#machine.applied.filter((data) => data !== '');
  }

  /** What was applied at an index; undefined: it came with a state that was received. */
  appliedAt(index: number): string | undefined {
    return index > this.#installed ? this.#machine.applied[index] : undefined;
  }

  /** The state as it is now, as a transfer copies it: it may be newer than the message that began it. */
  copy(): Snapshot {
    const index = this.#machine.applied.length - 1;
    const term = this.#storage.term(index);
    if (term === undefined) throw new Error(`member ${this.id} doesn't know the term of what it applied`);
    const data = Buffer.from(JSON.stringify(this.#machine.applied));
    return { data, metadata: { index, term, confState: this.#machine.confState } };
  }

  /** Takes what the core hands out; a write stays out until {@link finishWrite}. */
  pump(): void {
    while (this.#raft.hasReady()) {
      const { append, messages, committed, readStates } = this.#raft.ready();
      this.outbox.push(...messages.map(copyOf));
      for (const { context, index } of readStates) this.reads.push({ context, index });
      if (append !== undefined) this.#out = append;
      for (const entry of committed) {
        this.#invariants.committed(this.id, entry);
        this.#toApply.push(entry);
      }
    }
    this.#invariants.observe(this.#raft.status, this.#storage);
  }

  finishWrite(): void {
    const append = this.#out;
    if (append === undefined) return;
    this.#out = undefined;
    this.#persist(append, append.entries.length);
    if (append.snapshot !== undefined) this.#install(append.snapshot);
    if (append.hardState !== undefined) this.#hardState = append.hardState;
    this.#raft.appended(append);
    this.outbox.push(...append.messages.map(copyOf));
    this.pump();
  }

  #persist({ snapshot, entries }: LogAppend, count: number): void {
    if (snapshot !== undefined) this.#storage.applySnapshot(snapshot);
    this.#storage.append(entries.slice(0, count));
  }

  #install(snapshot: Snapshot): void {
    const applied: string[] = JSON.parse(snapshot.data.toString());
    const state = snapshot.metadata?.confState;
    if (state === undefined) throw new Error('a snapshot without a configuration');
    this.#machine = { applied, confState: state };
    this.#flushed = this.#machine;
    this.#installed = applied.length - 1;
    this.#toApply.length = 0;
  }

  /** The read from the disk that is under way ends. */
  finishFetch(): void {
    if (!this.#storage.isFetching) return;
    this.#storage.fetched();
    this.#raft.entriesFetched();
    this.pump();
  }

  /** What is applied leaves the memory. */
  evict(): void {
    this.#storage.evict(this.#raft.status.applied);
  }

  /** Applies at most so many committed entries. */
  apply(count = Number.POSITIVE_INFINITY): void {
    let last: Entry | undefined;
    for (let done = 0; done < count; done++) {
      const entry = this.#toApply.shift();
      if (entry === undefined) break;
      last = entry;
      let { confState } = this.#machine;
      if (entry.type === EntryType.CONF_CHANGE)
        confState = this.#raft.applyConfChange(ConfChange.decode(entry.data));
      const applied = this.#machine.applied.slice();
      applied[entry.index] = entry.type === EntryType.NORMAL ? entry.data.toString() : '';
      this.#machine = { applied, confState };
    }
    if (last !== undefined) this.#raft.applied(last.index);
    this.pump();
  }

  /** The state machine's own disk catches up, and the log is cut off behind it; a snapshot stands in for the rest. */
  compact(): void {
    this.#flushed = this.#machine;
    const index = this.#machine.applied.length - 1;
    if (index < this.#storage.firstIndex()) return;
    this.#storage.compact(index);
    this.#storage.offerSnapshot(this.copy());
  }

  /** Loses everything that wasn't durable, and what it was about to send. */
  crash(torn: Torn): void {
    const append = this.#out;
    this.#out = undefined;
    this.alive = false;
    this.outbox.length = 0;
    this.#toApply.length = 0;
    this.#machine = this.#flushed;
    if (append === undefined || torn === 'nothing') return;
    if (torn === 'everything') {
      this.#persist(append, append.entries.length);
      if (append.snapshot !== undefined) this.#install(append.snapshot);
      if (append.hardState !== undefined) this.#hardState = append.hardState;
    } else if (append.snapshot === undefined) {
      this.#persist(append, torn.entries);
    }
  }

  restart(): void {
    this.alive = true;
    this.#storage.restarted(this.#machine.applied.length - 1);
    this.#invariants.restarted(this.id);
    this.#raft = this.#boot();
    this.pump();
  }
}

/** Through the wire format, so that members share no memory. */
function copyOf(message: Message): Message {
  return Message.decode(Message.encode(message).finish());
}
