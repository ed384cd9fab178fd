import { backoffMs } from '../client/backoff.js';
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

/** When things become due that aren't due at once: after `wait`, after a failure, and every interval. */
export class Schedule {
  readonly #options: ScheduleOptions;
  readonly #spells = new Map<object, Spell>();
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
  delay(what: object, wait: { readonly minMs: number; readonly maxMs: number }, task: () => void): void {
    if (this.#closed) return;
    const { clock } = this.#options;
    const now = clock.monotonicMs();
    const spell = this.#spells.get(what);
    spell?.timer.cancel();
    const endsMs = spell?.endsMs ?? now + wait.maxMs;
    const timer = clock.schedule(Math.max(0, Math.min(wait.minMs, endsMs - now)), () => {
      this.#spells.delete(what);
      task();
    });
    this.#spells.set(what, { endsMs, timer });
  }

  /** Runs `task` after 1 s, 2 s, … 60 s by the number of failures in a row, half of it random. Answers the delay. */
  retry(what: object, failures: number, task: () => void): number {
    this.#retries.get(what)?.timer.cancel();
    if (this.#closed) return 0;
    const { clock, random } = this.#options;
    const delayMs = backoffMs(random, Math.max(0, failures - 1), FIRST_RETRY_MS, MAX_RETRY_MS);
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
    this.#retries.get(what)?.timer.cancel();
    this.#retries.delete(what);
  }

  close(): void {
    this.#closed = true;
    this.#interval?.cancel();
    for (const what of [...this.#spells.keys(), ...this.#retries.keys()]) this.forget(what);
  }
}
