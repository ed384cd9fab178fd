import type { Attempt, Target } from './target.js';

/** How a pass ended for one target. */
export interface Result {
  readonly target: Target;
  readonly attempt: Attempt;
  readonly status: 'in sync' | 'written' | 'would change' | 'held' | 'failed' | 'stopped';
  /** Why it is held or has failed. */
  readonly reason: string;
  /** Of the keys it was rendered from; 0: it wasn't rendered. */
  readonly revision: number;
  /** Clock.monotonicMs() of the swap. */
  readonly swappedAtMs: number | undefined;
  /** What would change, with noop. */
  readonly diff: string | undefined;
}

export function resultOf(
  target: Target,
  attempt: Attempt,
  status: Result['status'],
  more: Partial<Omit<Result, 'target' | 'attempt' | 'status'>> = {},
): Result {
  return {
    target,
    attempt,
    status,
    reason: '',
    revision: 0,
    swappedAtMs: undefined,
    diff: undefined,
    ...more,
  };
}
