/** A timer that can be stopped; stopping one that has fired does nothing. */
export interface Timer {
  cancel(): void;
}

/** Time comes from outside, so that a whole cluster can run under virtual time. */
export interface Clock {
  /** Milliseconds since an arbitrary point, never falling; fractions count. For durations and deadlines. */
  monotonicMs(): number;
  /** Milliseconds since the Unix epoch; may jump. For what people read, and lease IDs. */
  wallMs(): number;
  /** Runs `task` once after `delayMs`. */
  schedule(delayMs: number, task: () => void): Timer;
  /** Resolves after everything already due has had its turn: how long work lets the event loop breathe. */
  yield(): Promise<void>;
}

/** Resolves after `delayMs`. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.schedule(delayMs, resolve);
  });
}

/** Resolves after so many milliseconds, or earlier where there is no time to wait. */
export type Rest = (ms: number) => Promise<void>;
