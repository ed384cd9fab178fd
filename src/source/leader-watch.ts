import type { Clock, Timer } from '../io/clock.js';

/** What is known of a leader: `unknown` is an election, or the first moments of a process; `cut off` lasts longer. */
export type LeaderState = 'known' | 'unknown' | 'cut off';

/** Between two looks. */
export const LEADER_SAMPLE_MS = 250;
/** Without a leader for so long: an election among members that reach each other takes less. */
export const CUT_OFF_AFTER_MS = 3_000;

export interface LeaderWatchOptions {
  readonly clock: Clock;
  readonly leaderKnown: () => boolean;
  /** Told when the state is another one. */
  readonly onChange: () => void;
}

/** Looks every now and then whether a member knows a leader: without one it learns of nothing new. */
export class LeaderWatch {
  readonly #options: LeaderWatchOptions;
  #state: LeaderState = 'unknown';
  #unknownSince: { readonly monotonicMs: number; readonly wallMs: number } | undefined;
  #timer: Timer | undefined;

  constructor(options: LeaderWatchOptions) {
    this.#options = options;
  }

  get state(): LeaderState {
    return this.#state;
  }

  /** Clock.wallMs() when the leader was first missed; undefined while one is known. */
  get sinceMs(): number | undefined {
    return this.#unknownSince?.wallMs;
  }

  /** Looks now, and from now on. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.#timer = this.#options.clock.schedule(LEADER_SAMPLE_MS, () => {
      this.#timer = undefined;
      this.start();
    });
    this.#look();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #look(): void {
    const { clock, leaderKnown, onChange } = this.#options;
    const before = this.#state;
    if (leaderKnown()) {
      this.#unknownSince = undefined;
      this.#state = 'known';
    } else {
      const now = clock.monotonicMs();
      this.#unknownSince ??= { monotonicMs: now, wallMs: clock.wallMs() };
      // An election keeps the state that it began in.
      const lasts = now - this.#unknownSince.monotonicMs >= CUT_OFF_AFTER_MS;
      if (lasts) this.#state = 'cut off';
      else if (before !== 'cut off') this.#state = 'unknown';
    }
    if (this.#state !== before) onChange();
  }
}
