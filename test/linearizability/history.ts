import type { Action, Answer, Operation } from './types.js';

/** A call that is under way: it ends in exactly one of these. */
export interface Pending {
  answered(answer: Answer): void;
  /** It may have happened, or may happen yet. Also what it is if nothing is said. */
  unknown(): void;
  /** It certainly didn't happen and won't: the history forgets it. */
  refused(): void;
}

/** The least distance of two times: 1,000 a millisecond. It is above the precision of a number of milliseconds since 1970. */
const APART = 0.001;

/** Records what clients ask and hear. Its times are the clock's, but no two are the same, and they rise. */
export class History {
  readonly #now: () => number;
  readonly #calls = new Set<{ operation: Operation }>();
  #last = Number.NEGATIVE_INFINITY;

  /** `now`: for instance `performance.now`, or a simulator's clock. */
  constructor(now: () => number) {
    this.#now = now;
  }

  call(client: string, key: string, action: Action): Pending {
    const unanswered = { returned: Number.POSITIVE_INFINITY, answer: undefined };
    const call = { operation: { client, key, action, called: this.#time(), ...unanswered } as Operation };
    this.#calls.add(call);
    let ended = false;
    const end = (finish: () => void): void => {
      if (ended) throw new Error('this call has ended already');
      ended = true;
      finish();
    };
    return {
      answered: (answer) =>
        end(() => {
          call.operation = { ...call.operation, returned: this.#time(), answer };
        }),
      unknown: () => end(() => {}),
      refused: () => end(() => this.#calls.delete(call)),
    };
  }

  /** In the order of their calls; those under way are of unknown outcome. */
  get operations(): Operation[] {
    return [...this.#calls].map(({ operation }) => operation);
  }

  #time(): number {
    this.#last = Math.max(this.#now(), this.#last + APART);
    return this.#last;
  }
}
