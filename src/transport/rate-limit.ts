import { type Clock, sleep } from '../io/clock.js';

/** What a pause may save up: bursts stay short, and a late timer loses nothing. */
const BURST_MS = 50;

/** A token bucket: who takes from it waits until the rate allows it. */
export class RateLimit {
  readonly #clock: Clock;
  readonly #bytesPerMs: number;
  /** When what was taken so far is paid for. */
  #paidMs: number;

  /** `bytesPerSecond` 0: no bound. */
  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock;
    this.#bytesPerMs = bytesPerSecond === 0 ? Number.POSITIVE_INFINITY : bytesPerSecond / 1000;
    this.#paidMs = clock.monotonicMs();
  }

  /** Bytes of one part, so that even a low rate flows smoothly. */
  partBytes(most: number): number {
    return Math.max(1024, Math.min(most, Math.floor(this.#bytesPerMs * 100)));
  }

  async take(bytes: number): Promise<void> {
    const now = this.#clock.monotonicMs();
    this.#paidMs = Math.max(this.#paidMs, now - BURST_MS) + bytes / this.#bytesPerMs;
    const waitMs = this.#paidMs - now;
    if (waitMs > 0) await sleep(this.#clock, waitMs);
  }
}
