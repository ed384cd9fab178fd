import type { Prng } from '../../../src/base/prng.js';

/** How messages fare while they travel. Probabilities are of one message (or one batch of them). */
export interface Weather {
  readonly loss: number;
  readonly duplication: number;
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  /** Of a message that takes up to ten times as long. */
  readonly straggling: number;
  /** Each message travels by itself; otherwise those of one connection arrive in order. */
  readonly reordering: boolean;
  /** Of a part of a snapshot: that its connection breaks there, or that a byte of it is another one on arrival. */
  readonly cutTransfer: number;
  readonly corruptTransfer: number;
}

export const FAIR: Weather = {
  loss: 0,
  duplication: 0,
  minDelayMs: 0.2,
  maxDelayMs: 2,
  straggling: 0,
  reordering: false,
  cutTransfer: 0,
  corruptTransfer: 0,
};

export function travelMs({ minDelayMs, maxDelayMs, straggling }: Weather, prng: Prng): number {
  const delayMs = minDelayMs + prng.float() * (maxDelayMs - minDelayMs);
  return straggling > 0 && prng.chance(straggling) ? delayMs * (1 + 9 * prng.float()) : delayMs;
}
