import type { Result } from './result.js';

/** What made a pass begin. `keys`: all were loaded anew; `group`: another file of its group. */
export type Trigger =
  | 'change'
  | 'start'
  | 'keys'
  | 'configuration'
  | 'retry'
  | 'reconcile'
  | 'resume'
  | 'accept'
  | 'group';

/** A key that changed, by the source's name for it. */
export interface ChangedKey {
  readonly key: string;
  /** 0 where the source has no revisions per key. */
  readonly revision: number;
  readonly deleted: boolean;
}

/** The changes that one pass was about. */
export interface Cause {
  /** Of the newest. */
  readonly revision: number;
  /** Unix milliseconds of its commit, as far as this host knows. */
  readonly at: number;
  /** Of all changed keys that mattered, and the newest few, the newest first. */
  readonly count: number;
  readonly keys: readonly ChangedKey[];
}

/** One pass, as it ended for one target. */
export interface Pass {
  /** Unix milliseconds of its end. */
  readonly at: number;
  readonly durationMs: number;
  readonly trigger: Trigger;
  readonly revision: number;
  readonly outcome: Result['status'];
  readonly reason: string;
  /** How many in a row found the same, this one being the last. */
  readonly times: number;
}

const MAX_PASSES = 5;

/** What became of a target lately: the changes that last mattered, and the last passes. */
export class History {
  #cause: Cause | undefined;
  #caused: Pass | undefined;
  #passes: readonly Pass[] = [];

  /** Undefined: no change has mattered since the start. */
  get cause(): Cause | undefined {
    return this.#cause;
  }

  /** The pass that took the cause up; the retries of one that failed stand in its place. */
  get caused(): Pass | undefined {
    return this.#caused;
  }

  /** The newest first. */
  get passes(): readonly Pass[] {
    return this.#passes;
  }

  record(pass: Omit<Pass, 'times'>, cause: Cause | undefined): void {
    const [last, ...before] = this.#passes;
    const same = last !== undefined && isRepetition(last, pass);
    const kept = { ...pass, times: same ? last.times + 1 : 1 };
    this.#passes = [kept, ...(same ? before : this.#passes)].slice(0, MAX_PASSES);
    if (cause !== undefined) this.#cause = cause;
    else if (this.#caused === undefined || this.#caused.outcome === 'written' || isSettled(this.#caused))
      return;
    this.#caused = kept;
  }
}

/** Hours of reconciles, or of retries of one error, are one line: they would push out what happened before. */
function isRepetition(last: Pass, next: Omit<Pass, 'times'>): boolean {
  return (
    (next.trigger === 'reconcile' || next.trigger === 'retry') &&
    last.trigger === next.trigger &&
    next.outcome !== 'written' &&
    last.outcome === next.outcome &&
    last.reason === next.reason
  );
}

function isSettled({ outcome }: Pass): boolean {
  return outcome === 'in sync' || outcome === 'written' || outcome === 'would change';
}
