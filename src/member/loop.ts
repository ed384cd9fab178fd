import { assert } from '../base/assert.js';
import { messageOf } from '../base/errors.js';
import { etcdError } from '../base/etcd-errors.js';
import type { Clock, Timer } from '../io/clock.js';
import { MessageType, type SnapshotMetadata } from '../proto/generated/raft.js';
import type { RawNode } from '../raft/rawnode.js';
import type {
  ConfChange,
  ConfChangeRefusal,
  Entry,
  LogAppend,
  Message,
  ProposalRefusal,
  SoftState,
} from '../raft/types.js';
import type { Wal } from '../wal/wal.js';
import { Handover } from './handover.js';
import type { MemberLog } from './log-storage.js';
import type { Proposals } from './proposals.js';
import { Reads } from './reads.js';

/** Bounds that keep one turn short: entries are applied for so long, then the event loop breathes. */
const APPLY_BUDGET_MS = 4;
const APPLY_CHECK_EVERY = 16;

export interface LoopPorts {
  readonly raft: RawNode;
  /** The durable log as raft reads it. */
  readonly storage: MemberLog;
  readonly wal: Wal;
  readonly proposals: Proposals;
  readonly clock: Clock;
  readonly tickMs: number;
  /**
   * Applies one committed entry: at once (undefined), or, a long one, by the time that the promise resolves; false: it
   * was given up, with the state that it was for. Must not fail: what it throws halts the member.
   */
  apply(entry: Entry): Promise<boolean> | undefined;
  /** Makes the staged state the member's own. Nothing is applied meanwhile. */
  install(snapshot: SnapshotMetadata): Promise<void>;
  /** Undefined: there is room. Otherwise nothing more is applied until it resolves (the store is behind in writing). */
  applyRoom(): Promise<void> | undefined;
  send(messages: readonly Message[]): void;
  /** Whether there is a connection to a member. */
  reachable(id: bigint): boolean;
  softStateChanged(state: SoftState): void;
  /** Runs once every tick, after raft's. */
  ticked(nowMs: number): void;
  /** A proposal that raft didn't take. */
  refused(sequence: number, why: ProposalRefusal): void;
  /** The member can't go on: its log or its state can't be trusted any more. Called once. */
  halted(reason: Error): void;
}

export interface LoopStart {
  readonly member: bigint;
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
  readonly #handover: Handover;
  #committed: Entry[] = [];
  #committedAt = 0;
  #appliedIndex: number;
  #turnDue = false;
  #waitingForRoom = false;
  /** A long entry that is being applied. */
  #applying: Entry | undefined;
  #ended = false;
  #tick: Timer | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(ports: LoopPorts, start: LoopStart) {
    this.#ports = ports;
    this.#appliedIndex = start.appliedIndex;
    const { raft, proposals } = ports;
    this.#handover = new Handover({
      self: start.member,
      boot: start.boot,
      raft,
      proposals,
      reachable: (id) => ports.reachable(id),
      send: (messages) => ports.send(messages),
      refused: (sequence, why) => ports.refused(sequence, why),
    });
    this.#reads = new Reads({
      member: start.member,
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

  /** Takes part no more, but for what is under way. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Proposes a change of the membership; only a leader can. */
  proposeConfChange(change: ConfChange): ConfChangeRefusal | undefined {
    if (this.#ended) return 'no leader';
    const refused = this.#ports.raft.proposeConfChange(change);
    this.wake();
    return refused;
  }

  /** Resolves once a local read is linearizable. */
  readIndex(): Promise<void> {
    if (this.#ended) return Promise.reject(etcdError('stopped'));
    const read = this.#reads.add(this.#ports.clock.monotonicMs());
    this.wake();
    return read;
  }

  /** Messages from another member. */
  receive(messages: readonly Message[]): void {
    if (this.#ended) return;
    this.#guard(() => {
      for (const message of messages) {
        if (message.type === MessageType.PROP) this.#handover.receive(message);
        else this.#ports.raft.step(message);
      }
    });
    this.wake();
  }

  /** Tells raft something about another member. */
  tell(news: (raft: RawNode) => void): void {
    if (this.#ended) return;
    this.#guard(() => news(this.#ports.raft));
    this.wake();
  }

  /** Who belongs to the cluster now. */
  membersChanged(ids: ReadonlySet<bigint>): void {
    this.#handover.keepOnly(ids);
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
    const nowMs = this.#ports.clock.monotonicMs();
    // Of the turn, not of each round below: with a backlog there is always another round.
    const applyUntilMs = nowMs + APPLY_BUDGET_MS;
    this.#handover.run();
    this.#reads.ask(nowMs);
    const { raft } = this.#ports;
    while (raft.hasReady()) {
      const ready = raft.ready();
      if (ready.softState !== undefined) this.#softStateChanged(ready.softState);
      if (ready.messages.length > 0) this.#ports.send(ready.messages);
      for (const { context, index } of ready.readStates) this.#reads.answered(context, index);
      if (ready.append !== undefined) this.#write(ready.append);
      if (ready.committed.length > 0) this.#queue(ready.committed);
      this.#applySome(applyUntilMs);
    }
    this.#applySome(applyUntilMs);
    this.#reads.release(this.#appliedIndex);
  }

  #softStateChanged(state: SoftState): void {
    this.#ports.softStateChanged(state);
    // What waited for a leader, or for the one before, goes to this one.
    this.#reads.leaderChanged();
    this.wake();
  }

  #write(append: LogAppend): void {
    const { hardState, entries, snapshot } = append;
    if (entries.length === 0 && hardState === undefined && snapshot === undefined) {
      this.#durable(append);
      return;
    }
    this.#writing = this.#persist(append).then(
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

  #persist({ snapshot, entries, hardState }: LogAppend): Promise<void> {
    if (snapshot === undefined) return this.#ports.wal.append(entries, hardState);
    assert(snapshot.metadata !== undefined, 'a snapshot without metadata');
    // The snapshot stands for what was to be applied.
    this.#committed = [];
    this.#committedAt = 0;
    // It may still end before the state is replaced, or it is given up then: raft counts neither.
    this.#applying = undefined;
    return this.#replaceState(snapshot.metadata, entries, hardState);
  }

  /** The WAL's record decides: once it is durable, a start would finish what is cut off here. */
  async #replaceState(
    metadata: SnapshotMetadata,
    entries: LogAppend['entries'],
    hardState: LogAppend['hardState'],
  ): Promise<void> {
    const { wal, storage } = this.#ports;
    // The entries behind it aren't written yet: nothing of them may count as committed.
    await wal.saveSnapshot(metadata, hardState && { ...hardState, commit: metadata.index });
    await this.#ports.install(metadata);
    storage.applySnapshot(metadata);
    this.#appliedIndex = metadata.index;
    if (entries.length > 0) await wal.append(entries, hardState);
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

  #applySome(untilMs: number): void {
    if (this.#waitingForRoom || this.#applying !== undefined || this.backlog === 0) return;
    let applied = 0;
    while (this.#committedAt < this.#committed.length) {
      if (applied % APPLY_CHECK_EVERY === 0 && this.#ports.clock.monotonicMs() > untilMs) {
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
      const applying = this.#ports.apply(entry);
      if (applying !== undefined) {
        this.#awaitApplied(entry, applying);
        break;
      }
      this.#applied(entry);
      applied++;
    }
    if (applied > 0) this.#ports.raft.applied(this.#appliedIndex);
  }

  #applied(entry: Entry): void {
    this.#ports.proposals.applied(entry.term);
    this.#appliedIndex = entry.index;
  }

  /** Nothing else is applied until then; all the rest goes on. */
  #awaitApplied(entry: Entry, applying: Promise<boolean>): void {
    this.#applying = entry;
    applying.then(
      (applied) => {
        if (!applied || this.#ended || this.#applying !== entry) return;
        this.#applying = undefined;
        this.#guard(() => {
          this.#applied(entry);
          this.#ports.raft.applied(entry.index);
          this.#turn();
        });
      },
      (error) => this.#halt(error instanceof Error ? error : new Error(messageOf(error))),
    );
  }
}
