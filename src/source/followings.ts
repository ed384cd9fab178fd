import type { Following } from './types.js';

/** The followings of a source, each a task that goes on until it is closed. */
export class Followings {
  readonly #all = new Set<Following>();

  /** Starts one; `run` ends with its signal, and never rejects. */
  start(run: (signal: AbortSignal) => Promise<void>): Following {
    const abort = new AbortController();
    const done = run(abort.signal);
    const following = {
      close: () => {
        this.#all.delete(following);
        abort.abort();
        return done;
      },
    };
    this.#all.add(following);
    return following;
  }

  /** Ends all. Resolves when they have ended. */
  async close(): Promise<void> {
    await Promise.all([...this.#all].map((following) => following.close()));
  }
}
