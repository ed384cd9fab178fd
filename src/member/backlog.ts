import { messageOf } from '../base/errors.js';
import { type Clock, sleep } from '../io/clock.js';
import type { Entry } from '../raft/types.js';

/** Keeps one turn short: entries are applied for so long, then the event loop breathes. */
const BUDGET_MS = 4;
/** Entries between two looks at the clock. */
const CHECK_EVERY = 16;
/** A member that has so many entries left after a turn is catching up. */
const LONG = 256;
/**
 * What a member that catches up then leaves to others, of the time that its turn took. The kernel takes a processor from
 * a thread that never sleeps only every few milliseconds, and whoever shares the machine (another member, nginx) waits
 * as long for its turn. Where many want it a turn takes longer, and so does the rest.
 */
const REST_SHARE = 1.5;
/** The process may have stood still. */
const LONGEST_REST_MS = 20;
/** Of all rests until the backlog is short again: it may grow as fast as a member that rests applies it. */
const RESTS_MS = 2_000;

export interface BacklogPorts {
  readonly clock: Clock;
  /** As {@link LoopPorts.apply}. */
  apply(entry: Entry): Promise<boolean> | undefined;
  /** As {@link LoopPorts.applyRoom}. */
  applyRoom(): Promise<void> | undefined;
  applied(entry: Entry): void;
  /** Whether clients of the whole cluster wait for what is applied here. */
  leads(): boolean;
  /** There may be something to apply again: look in a turn of its own. */
  wake(): void;
  /** On with the next: a long entry was applied. */
  goOn(): void;
  /** Runs what may throw in a turn of its own. */
  guard(work: () => void): void;
  failed(reason: Error): void;
}

/** The entries that are committed and not yet applied; applies them in their order, a little at a time. */
export class Backlog {
  readonly #ports: BacklogPorts;
  #entries: Entry[] = [];
  /** Of the next entry. */
  #at = 0;
  #appliedIndex: number;
  /** Until there is room in the store, or others have had the processor. */
  #paused = false;
  /** A long entry that is being applied: nothing else is until then. */
  #long: Entry | undefined;
  /** Until the backlog is short again. */
  #restsLeftMs = RESTS_MS;

  constructor(ports: BacklogPorts, appliedIndex: number) {
    this.#ports = ports;
    this.#appliedIndex = appliedIndex;
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  get length(): number {
    return this.#entries.length - this.#at;
  }

  add(entries: readonly Entry[]): void {
    if (this.length === 0) {
      this.#entries = [...entries];
      this.#at = 0;
    } else {
      for (const entry of entries) this.#entries.push(entry);
    }
  }

  /** Nothing of it is to be applied any more: a snapshot stands for it, or the member has ended. */
  drop(): void {
    this.#entries = [];
    this.#at = 0;
    // It may still end before the state is replaced, or it is given up then: raft counts neither.
    this.#long = undefined;
  }

  /** The state that a snapshot brought holds all up to here. */
  skipTo(index: number): void {
    this.#appliedIndex = index;
  }

  /** Applies as much as there is time for in a turn that began at `beganMs`; answers whether any was. */
  applySome(beganMs: number): boolean {
    const before = this.#appliedIndex;
    for (let count = 0; this.length > 0 && !this.#paused && this.#long === undefined; count++) {
      if (count % CHECK_EVERY === 0) {
        const tookMs = this.#ports.clock.monotonicMs() - beganMs;
        if (tookMs > BUDGET_MS) {
          this.#goOnLater(tookMs);
          break;
        }
      }
      const room = this.#ports.applyRoom();
      if (room === undefined) this.#next();
      else this.#pause(room);
    }
    if (this.length <= LONG) this.#restsLeftMs = RESTS_MS;
    return this.#appliedIndex > before;
  }

  #next(): void {
    const entry = this.#entries[this.#at++] as Entry;
    const applying = this.#ports.apply(entry);
    if (applying === undefined) this.#applied(entry);
    else this.#await(entry, applying);
  }

  #applied(entry: Entry): void {
    this.#appliedIndex = entry.index;
    this.#ports.applied(entry);
  }

  #goOnLater(tookMs: number): void {
    const restMs = Math.min(REST_SHARE * tookMs, LONGEST_REST_MS, this.#restsLeftMs);
    if (this.length <= LONG || restMs === 0 || this.#ports.leads()) {
      this.#ports.wake();
    } else {
      this.#restsLeftMs -= restMs;
      this.#pause(sleep(this.#ports.clock, restMs));
    }
  }

  #pause(until: Promise<void>): void {
    this.#paused = true;
    void until.then(() => {
      this.#paused = false;
      this.#ports.wake();
    });
  }

  #await(entry: Entry, applying: Promise<boolean>): void {
    this.#long = entry;
    applying.then(
      (applied) => {
        if (!applied || this.#long !== entry) return;
        this.#long = undefined;
        this.#ports.guard(() => {
          this.#applied(entry);
          this.#ports.goOn();
        });
      },
      (error) => this.#ports.failed(error instanceof Error ? error : new Error(messageOf(error))),
    );
  }
}
