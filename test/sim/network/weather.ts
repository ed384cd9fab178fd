import type { Prng } from '../../../src/base/prng.js';

/** How messages fare while they travel. Probabilities are of one message (or one batch of them). */
export interface Weather {
  readonly loss: number;
  readonly duplication: number;
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  /** Of a message that takes longer, as after retransmissions; and by how much at most. */
  readonly straggling: number;
  readonly straggleFactor: number;
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
  straggleFactor: 10,
  reordering: false,
  cutTransfer: 0,
  corruptTransfer: 0,
};

export function travelMs(weather: Weather, prng: Prng): number {
  return weather.straggling > 0 && prng.chance(weather.straggling)
    ? lateMs(weather, prng)
    : weather.minDelayMs + prng.float() * (weather.maxDelayMs - weather.minDelayMs);
}

/** Of a straggler, or of a message that arrives for the second time. */
export function lateMs({ maxDelayMs, straggleFactor }: Weather, prng: Prng): number {
  return maxDelayMs * (1 + (straggleFactor - 1) * prng.float());
}
