import { type Clock, sleep } from '../io/clock.js';
import { decodeEvent } from './events.js';
import { eventKey, pastKey, revisionOfEvent } from './keys.js';
import type { Tables } from './tables.js';

/** One step of the main thread, and the rows between two looks at the clock. */
const STEP_MS = 1;
const CHUNK_ROWS = 50;
const MEMTABLE_SHARE = 0.25;
/** Between two looks at whether the reads that hold it up have ended. */
const BLOCKED_MS = 5;

export interface ScrubberPorts {
  readonly tables: Tables;
  readonly clock: Clock;
  /** The oldest revision that a read under way still needs; undefined: there is none. */
  readonly oldestRead: () => number | undefined;
  /** The tables can't be read. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Deletes what compaction has made unreadable. The events tell which versions those are: each one before or at the
 * compacted revision names the version that it ended, which nobody can see any more. So the work is as large as what
 * was changed since the last compaction, not as the store, and it goes on after a restart where the first event left
 * says. The compacted revision's own events stay: a watch may begin there.
 */
export class Scrubber {
  readonly #ports: ScrubberPorts;
  #target = 0;
  #from = '';
  #running = false;
  #stopped = false;
  #waiting: { revision: number; done: () => void }[] = [];

  constructor(ports: ScrubberPorts) {
    this.#ports = ports;
  }

  /** Resolves once everything before `revision` is gone (or the store has been closed). */
  scrub(revision: number): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    if (revision > this.#target) {
      this.#target = revision;
      this.#from = '';
    }
    if (!this.#running) {
      this.#running = true;
      this.#run().catch(this.#ports.onFailure);
    }
    return new Promise((done) => this.#waiting.push({ revision, done }));
  }

  stop(): void {
    this.#stopped = true;
    this.#settle(Number.POSITIVE_INFINITY);
  }

  async #run(): Promise<void> {
    const { clock, tables } = this.#ports;
    for (;;) {
      // Always in a turn of its own, so between two entries.
      await clock.yield();
      await tables.room(MEMTABLE_SHARE);
      if (this.#stopped || tables.ended) break;
      // Reads that began before the compaction see their revision to the end. They are finite; new ones are refused.
      if ((this.#ports.oldestRead() ?? this.#target) < this.#target) {
        await sleep(clock, BLOCKED_MS);
        continue;
      }
      const target = this.#target;
      if (!this.#step()) continue;
      this.#settle(target);
      if (this.#target === target) break;
    }
    this.#running = false;
  }

  /** True: nothing is left up to the target. */
  #step(): boolean {
    const { clock, tables } = this.#ports;
    const until = clock.monotonicMs() + STEP_MS;
    const end = eventKey(this.#target + 1, 0);
    do {
      const rows = tables.range('events', { start: this.#from, end, limit: CHUNK_ROWS });
      for (const { key, value } of rows) {
        const { key: changed, previous } = decodeEvent(value);
        if (previous !== 0) tables.remove('past', pastKey(changed, previous));
        if (revisionOfEvent(key) < this.#target) tables.remove('events', key);
        this.#from = `${key}\0`;
      }
      if (rows.length < CHUNK_ROWS) return true;
    } while (clock.monotonicMs() < until && tables.room(MEMTABLE_SHARE) === undefined);
    return false;
  }

  #settle(revision: number): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter((one) => one.revision > revision);
    for (const one of waiting) if (one.revision <= revision) one.done();
  }
}
