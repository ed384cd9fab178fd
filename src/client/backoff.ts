import type { Clock } from '../io/clock.js';
import type { Random } from '../io/random.js';

/** Milliseconds before attempt n + 1 (n from 0): doubling up to the bound, half of it random. */
export function backoffMs(random: Random, attempt: number, firstMs = 50, maxMs = 5_000): number {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 20));
  return full / 2 + (random.float() * full) / 2;
}

/** Resolves after `delayMs`, or as soon as the signal aborts. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const done = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.schedule(delayMs, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}
