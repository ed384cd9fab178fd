/** A seed that once found something, with the mixture of faults that it ran under and what it was. */
export interface FailedSeed {
  readonly seed: number;
  readonly profile: string;
  readonly found: string;
}

/** Run again by every build. A seed means another run whenever the simulator draws differently: keep them all the same. */
export const FAILED_SEEDS: readonly FailedSeed[] = [];
