import { ConfetdError } from '../base/errors.js';
import type { Clock, Timer } from '../io/clock.js';
import type { RenderWaitResponse } from '../proto/generated/render.js';
import type { Range } from './target.js';

/** What became of changes at one destination. */
export interface Outcome {
  readonly dest: string;
  /** The revisions whose changes it settles. */
  readonly range: Range;
  /** Of the render. */
  readonly revision: number;
  /** Clock.monotonicMs() of the swap; undefined: nothing was written. */
  readonly swappedAtMs: number | undefined;
  /** Clock.monotonicMs() of the end of the last command. */
  readonly endedAtMs: number;
  /** '' if all is well. */
  readonly error: string;
}

export interface OutcomesPorts {
  readonly clock: Clock;
  /** Whether everything that changes up to a revision affect has been applied or has failed. */
  isSettled(revision: number): boolean;
}

/** Outcomes and commits remembered, and callers waiting at a time. */
const MAX_REMEMBERED = 1024;
const MAX_WAITING = 1024;

interface Waiter {
  readonly revision: number;
  readonly timer: Timer;
  answer(timedOut: boolean): void;
}

/** Answers what became of a revision, also to those who ask late: the recent past is remembered. */
export class Outcomes {
  readonly #ports: OutcomesPorts;
  readonly #recent: Outcome[] = [];
  /** When revisions were committed, rising. */
  readonly #commits: { readonly revision: number; readonly atMs: number }[] = [];
  readonly #waiting = new Set<Waiter>();

  constructor(ports: OutcomesPorts) {
    this.#ports = ports;
  }

  /** Everything up to a revision was committed no later than `atMs`. */
  committed(revision: number, atMs: number): void {
    this.#commits.push({ revision, atMs });
    if (this.#commits.length > MAX_REMEMBERED) this.#commits.shift();
  }

  record(outcome: Outcome): void {
    this.#recent.push(outcome);
    if (this.#recent.length > MAX_REMEMBERED) this.#recent.shift();
  }

  /** The source went back: what was committed is another history. */
  restart(): void {
    this.#commits.length = 0;
    this.#recent.length = 0;
  }

  /** Something was settled, or the source went on. */
  check(): void {
    for (const waiter of this.#waiting) {
      if (this.#ports.isSettled(waiter.revision)) waiter.answer(false);
    }
  }

  /** Resolves once the revision is settled, or after `timeoutMs` with what is known by then. */
  async wait(revision: number, timeoutMs: number): Promise<RenderWaitResponse> {
    if (this.#ports.isSettled(revision)) return this.#answer(revision, false);
    if (this.#waiting.size >= MAX_WAITING) {
      throw new ConfetdError(
        'resource_exhausted',
        `confetd: more than ${MAX_WAITING} callers wait for renders`,
      );
    }
    return new Promise((resolve) => {
      const answer = (timedOut: boolean): void => {
        this.#waiting.delete(waiter);
        waiter.timer.cancel();
        resolve(this.#answer(revision, timedOut));
      };
      const timer = this.#ports.clock.schedule(timeoutMs, () => answer(true));
      const waiter: Waiter = { revision, timer, answer };
      this.#waiting.add(waiter);
    });
  }

  /** Answers all who wait: there will be no more outcomes. */
  close(): void {
    for (const waiter of this.#waiting) waiter.answer(true);
  }

  #answer(revision: number, timedOut: boolean): RenderWaitResponse {
    const own = this.#recent.filter(({ range }) => range.from <= revision && revision <= range.to);
    const committedAtMs = this.#commits.find((commit) => commit.revision >= revision)?.atMs;
    const since = (atMs: number): number =>
      committedAtMs === undefined ? 0 : Math.max(0, atMs - committedAtMs);
    const files = own.flatMap((outcome) =>
      outcome.swappedAtMs === undefined
        ? []
        : [{ dest: outcome.dest, revision: outcome.revision, latencyMs: since(outcome.swappedAtMs) }],
    );
    return {
      files,
      latencyMs: Math.max(0, ...own.map(({ endedAtMs }) => since(endedAtMs))),
      timedOut,
      errors: own.flatMap(({ dest, error }) => (error === '' ? [] : [`${dest}: ${error}`])),
    };
  }
}
