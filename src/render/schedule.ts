import { backoffMs } from '../client/backoff.js';
import type { Wait } from '../confdir/types.js';
import type { Clock, Timer } from '../io/clock.js';
import type { Random } from '../io/random.js';

/** Milliseconds before the first retry, and at most. */
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;
/** Of the interval, either way: hosts that started together don't reconcile together. */
const INTERVAL_JITTER = 0.1;

export interface ScheduleOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Between reconciles; 0: none. */
  readonly intervalMs: number;
  readonly reconcile: () => void;
}

/** A spell of changes: it ends with a quiet period, or at its deadline. */
interface Spell {
  readonly endsMs: number;
  timer: Timer;
}

/** Spells with one deadline. */
interface Batch {
  readonly endsMs: number;
  readonly tasks: Map<object, () => void>;
  readonly timer: Timer;
}

/** When things become due that aren't due at once: after `wait`, after a failure, and every interval. */
export class Schedule {
  readonly #options: ScheduleOptions;
  readonly #spells = new Map<object, Spell>();
  #batch: Batch | undefined;
  readonly #retries = new Map<object, { readonly timer: Timer; readonly atMs: number }>();
  #interval: Timer | undefined;
  #closed = false;

  constructor(options: ScheduleOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, random, intervalMs, reconcile } = this.#options;
    if (intervalMs === 0 || this.#closed) return;
    const delayMs = intervalMs * (1 + (random.float() * 2 - 1) * INTERVAL_JITTER);
    this.#interval = clock.schedule(delayMs, () => {
      this.start();
      reconcile();
    });
  }

  /** Another change: `task` runs once it has been quiet for `minMs`, no later than `maxMs` after the first one. */
  delay(what: object, { minMs, maxMs, together }: Wait, task: () => void): void {
    if (this.#closed) return;
    const { clock } = this.#options;
    const now = clock.monotonicMs();
    const batch = together === true ? this.#batchOf(now, maxMs) : undefined;
    const spell = this.#spells.get(what);
    spell?.timer.cancel();
    const endsMs = spell?.endsMs ?? batch?.endsMs ?? now + maxMs;
    const run = (): void => {
      this.#spells.delete(what);
      batch?.tasks.delete(what);
      task();
    };
    batch?.tasks.set(what, run);
    const quietMs = Math.max(0, Math.min(minMs, endsMs - now));
    // What is quiet no sooner than the batch ends has no timer of its own: all of them run in one turn.
    const timer = batch !== undefined && now + quietMs >= batch.endsMs ? NONE : clock.schedule(quietMs, run);
    this.#spells.set(what, { endsMs, timer });
  }

  /** The batch that is open now. */
  #batchOf(now: number, maxMs: number): Batch {
    this.#batch ??= {
      endsMs: now + maxMs,
      tasks: new Map(),
      timer: this.#options.clock.schedule(maxMs, () => {
        const tasks = this.#batch?.tasks ?? new Map<object, () => void>();
        this.#batch = undefined;
        for (const [what, run] of [...tasks]) {
          this.#spells.get(what)?.timer.cancel();
          run();
        }
      }),
    };
    return this.#batch;
  }

  /**
   * Runs `task` after 1 s, 2 s, … 60 s by the number of failures in a row, half of it random, and not before `restMs`; with
   * a rest and no failure right after it. Answers the delay.
   */
  retry(what: object, failures: number, task: () => void, restMs = 0): number {
    this.#retries.get(what)?.timer.cancel();
    if (this.#closed) return 0;
    const { clock, random } = this.#options;
    const backoff = backoffMs(random, Math.max(0, failures - 1), FIRST_RETRY_MS, MAX_RETRY_MS);
    const delayMs = restMs > 0 && failures === 0 ? restMs : Math.max(backoff, restMs);
    const timer = clock.schedule(delayMs, () => {
      this.#retries.delete(what);
      task();
    });
    this.#retries.set(what, { timer, atMs: clock.monotonicMs() + delayMs });
    return delayMs;
  }

  /** Milliseconds until the retry; undefined: there is none. */
  retryIn(what: object): number | undefined {
    const retry = this.#retries.get(what);
    return retry === undefined ? undefined : Math.max(0, retry.atMs - this.#options.clock.monotonicMs());
  }

  isDelayed(what: object): boolean {
    return this.#spells.has(what);
  }

  /** It is being done now, or never. */
  forget(what: object): void {
    this.#spells.get(what)?.timer.cancel();
    this.#spells.delete(what);
    this.#batch?.tasks.delete(what);
    this.#retries.get(what)?.timer.cancel();
    this.#retries.delete(what);
  }

  close(): void {
    this.#closed = true;
    this.#interval?.cancel();
    this.#batch?.timer.cancel();
    this.#batch = undefined;
    for (const what of [...this.#spells.keys(), ...this.#retries.keys()]) this.forget(what);
  }
}

const NONE: Timer = { cancel: () => undefined };
