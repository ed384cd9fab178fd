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
import { Backlog } from './backlog.js';
import { Handover } from './handover.js';
import type { MemberLog } from './log-storage.js';
import type { Proposals } from './proposals.js';
import { Reads } from './reads.js';

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
  readonly #backlog: Backlog;
  #leads = false;
  #turnDue = false;
  #ended = false;
  #tick: Timer | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(ports: LoopPorts, start: LoopStart) {
    this.#ports = ports;
    const { raft, proposals, clock } = ports;
    this.#backlog = new Backlog(
      {
        clock,
        apply: (entry) => ports.apply(entry),
        applyRoom: () => ports.applyRoom(),
        applied: ({ term }) => proposals.applied(term),
        leads: () => this.#leads,
        wake: () => this.wake(),
        goOn: () => {
          raft.applied(this.#backlog.appliedIndex);
          this.#turn();
        },
        guard: (work) => this.#guard(work),
        failed: (reason) => this.#halt(reason),
      },
      start.appliedIndex,
    );
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
    return this.#backlog.appliedIndex;
  }

  /** Entries committed and not yet applied. */
  get backlog(): number {
    return this.#backlog.length;
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
    this.#backlog.drop();
    this.#reads.failAll(reason);
  }

  #turn(): void {
    const nowMs = this.#ports.clock.monotonicMs();
    this.#handover.run();
    this.#reads.ask(nowMs);
    const { raft } = this.#ports;
    while (raft.hasReady()) {
      const ready = raft.ready();
      if (ready.softState !== undefined) this.#softStateChanged(ready.softState);
      if (ready.messages.length > 0) this.#ports.send(ready.messages);
      for (const { context, index } of ready.readStates) this.#reads.answered(context, index);
      if (ready.append !== undefined) this.#write(ready.append);
      if (ready.committed.length > 0) this.#backlog.add(ready.committed);
      this.#applySome(nowMs);
    }
    this.#applySome(nowMs);
    this.#reads.release(this.#backlog.appliedIndex);
  }

  #softStateChanged(state: SoftState): void {
    this.#leads = state.role === 'leader';
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
    this.#backlog.drop();
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
    this.#backlog.skipTo(metadata.index);
    if (entries.length > 0) await wal.append(entries, hardState);
  }

  #durable(append: LogAppend): void {
    if (append.entries.length > 0) this.#ports.storage.append(append.entries);
    this.#ports.raft.appended(append);
    if (append.messages.length > 0) this.#ports.send(append.messages);
  }

  /** Within the time of the turn, not of each of its rounds: with a backlog there is always another round. */
  #applySome(turnBeganMs: number): void {
    if (this.#backlog.applySome(turnBeganMs)) this.#ports.raft.applied(this.#backlog.appliedIndex);
  }
}
