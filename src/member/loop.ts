import { messageOf } from '../base/errors.js';
import { etcdError } from '../base/etcd-errors.js';
import type { Clock, Timer } from '../io/clock.js';
import type { MemoryStorage } from '../raft/memory-storage.js';
import type { RawNode } from '../raft/rawnode.js';
import type { Entry, LogAppend, Message, ProposalRefusal, SoftState } from '../raft/types.js';
import type { Wal } from '../wal/wal.js';
import { Reads } from './reads.js';

/** Bounds that keep one turn short: entries are applied for so long, then the event loop breathes. */
const APPLY_BUDGET_MS = 4;
const APPLY_CHECK_EVERY = 16;

export interface LoopPorts {
  readonly raft: RawNode;
  /** The durable log's newest part, as raft reads it. */
  readonly storage: MemoryStorage;
  readonly wal: Wal;
  readonly clock: Clock;
  readonly tickMs: number;
  /** Applies one committed entry, at once. Must not fail: what it throws halts the member. */
  apply(entry: Entry): void;
  /** Undefined: there is room. Otherwise nothing more is applied until it resolves (the store is behind in writing). */
  applyRoom(): Promise<void> | undefined;
  send(messages: readonly Message[]): void;
  softStateChanged(state: SoftState): void;
  /** Runs once every tick, after raft's. */
  ticked(nowMs: number): void;
  /** A proposal that raft didn't take. */
  refused(sequence: number, why: ProposalRefusal): void;
  /** The member can't go on: its log or its state can't be trusted any more. Called once. */
  halted(reason: Error): void;
}

export interface LoopStart {
  readonly appliedIndex: number;
  /** Counts the lives of this member. */
  readonly boot: number;
  readonly requestTimeoutMs: number;
  readonly electionTimeoutMs: number;
}

/**
 * Drives raft: what it wants written goes to the WAL (one batch at a time; what arrives meanwhile gathers into the
 * next), what it wants sent to the transport, what is committed to the state machine. Everything that arrives in one
 * turn of the event loop is handled together.
 */
export class RaftLoop {
  readonly #ports: LoopPorts;
  readonly #reads: Reads;
  #proposals: { sequence: number; data: Buffer }[] = [];
  #committed: Entry[] = [];
  #committedAt = 0;
  #appliedIndex: number;
  #turnDue = false;
  #waitingForRoom = false;
  #ended = false;
  #tick: Timer | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(ports: LoopPorts, start: LoopStart) {
    this.#ports = ports;
    this.#appliedIndex = start.appliedIndex;
    this.#reads = new Reads({
      boot: start.boot,
      timeoutMs: start.requestTimeoutMs,
      askAgainMs: start.electionTimeoutMs,
      ask: (context) => ports.raft.readIndex(context),
    });
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  /** Entries committed and not yet applied. */
  get backlog(): number {
    return this.#committed.length - this.#committedAt;
  }

  start(): void {
    this.#scheduleTick();
    this.wake();
  }

  /** Takes part in nothing any more; resolves when the last write has ended. */
  async stop(reason: Error): Promise<void> {
    this.#end(reason);
    await this.#writing;
  }

  propose(sequence: number, data: Buffer): void {
    this.#proposals.push({ sequence, data });
    this.wake();
  }

  /** Resolves once a local read is linearizable. */
  readIndex(): Promise<void> {
    if (this.#ended) return Promise.reject(etcdError('stopped'));
    const read = this.#reads.add(this.#ports.clock.monotonicMs());
    this.wake();
    return read;
  }

  /** A message from another member. */
  step(message: Message): void {
    if (this.#ended) return;
    this.#guard(() => this.#ports.raft.step(message));
    this.wake();
  }

  /** Something has changed: look again, in a turn of its own. */
  wake(): void {
    if (this.#turnDue || this.#ended) return;
    this.#turnDue = true;
    void this.#ports.clock.yield().then(() => {
      this.#turnDue = false;
      if (!this.#ended) this.#guard(() => this.#turn());
    });
  }

  #scheduleTick(): void {
    this.#tick = this.#ports.clock.schedule(this.#ports.tickMs, () => {
      if (this.#ended) return;
      this.#scheduleTick();
      this.#guard(() => {
        const nowMs = this.#ports.clock.monotonicMs();
        this.#ports.raft.tick();
        this.#reads.expire(nowMs);
        this.#ports.ticked(nowMs);
      });
      this.wake();
    });
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#halt(error instanceof Error ? error : new Error(messageOf(error)));
    }
  }

  #halt(reason: Error): void {
    if (this.#ended) return;
    this.#end(reason);
    this.#ports.halted(reason);
  }

  #end(reason: Error): void {
    this.#ended = true;
    this.#tick?.cancel();
    this.#reads.failAll(reason);
  }

  #turn(): void {
    this.#takeProposals();
    this.#reads.ask(this.#ports.clock.monotonicMs());
    const { raft } = this.#ports;
    while (raft.hasReady()) {
      const ready = raft.ready();
      if (ready.softState !== undefined) this.#ports.softStateChanged(ready.softState);
      if (ready.messages.length > 0) this.#ports.send(ready.messages);
      for (const { context, index } of ready.readStates) this.#reads.answered(context, index);
      if (ready.append !== undefined) this.#write(ready.append);
      if (ready.committed.length > 0) this.#queue(ready.committed);
      this.#applySome();
    }
    this.#applySome();
    this.#reads.release(this.#appliedIndex);
  }

  #takeProposals(): void {
    const batch = this.#proposals;
    if (batch.length === 0) return;
    this.#proposals = [];
    if (this.#ports.raft.propose(batch.map(({ data }) => data)) === undefined) return;
    // All or none: where all don't fit, as many as do go in, one by one.
    for (const { sequence, data } of batch) {
      const refused = this.#ports.raft.propose([data]);
      if (refused !== undefined) this.#ports.refused(sequence, refused);
    }
  }

  #write(append: LogAppend): void {
    const { hardState, entries, snapshot } = append;
    if (entries.length === 0 && hardState === undefined && snapshot === undefined) {
      this.#durable(append);
      return;
    }
    this.#writing = this.#ports.wal.append(entries, hardState).then(
      () => {
        if (this.#ended) return;
        this.#guard(() => {
          this.#durable(append);
          // Straight on: waiting for a turn of its own would add one to every write.
          this.#turn();
        });
      },
      (error) => this.#halt(error instanceof Error ? error : new Error(messageOf(error))),
    );
  }

  #durable(append: LogAppend): void {
    if (append.entries.length > 0) this.#ports.storage.append(append.entries);
    this.#ports.raft.appended(append);
    if (append.messages.length > 0) this.#ports.send(append.messages);
  }

  #queue(entries: readonly Entry[]): void {
    if (this.#committedAt === this.#committed.length) {
      this.#committed = [...entries];
      this.#committedAt = 0;
    } else {
      for (const entry of entries) this.#committed.push(entry);
    }
  }

  #applySome(): void {
    if (this.#waitingForRoom || this.backlog === 0) return;
    const until = this.#ports.clock.monotonicMs() + APPLY_BUDGET_MS;
    let applied = 0;
    while (this.#committedAt < this.#committed.length) {
      if (applied % APPLY_CHECK_EVERY === 0 && applied > 0 && this.#ports.clock.monotonicMs() > until) {
        this.wake();
        break;
      }
      const room = this.#ports.applyRoom();
      if (room !== undefined) {
        this.#waitingForRoom = true;
        void room.then(() => {
          this.#waitingForRoom = false;
          this.wake();
        });
        break;
      }
      const entry = this.#committed[this.#committedAt++] as Entry;
      this.#ports.apply(entry);
      this.#appliedIndex = entry.index;
      applied++;
    }
    if (applied > 0) this.#ports.raft.applied(this.#appliedIndex);
  }
}
