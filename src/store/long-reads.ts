import { ConfetdError } from '../base/errors.js';

/** Reads that take several turns, and the revisions that they still need. */
export class LongReads {
  /** By revision: how many reads under way need it and what comes after. */
  readonly #pins = new Map<number, number>();
  /** Counts replacements of the state: a read doesn't go on in another one. */
  #incarnation = 0;

  /** The state was closed or replaced. */
  end(): void {
    this.#incarnation++;
  }

  /** The oldest revision that is needed, `others` among them; undefined: none is. */
  oldest(others: number | undefined): number | undefined {
    let oldest = others;
    for (const revision of this.#pins.keys()) {
      if (oldest === undefined || revision < oldest) oldest = revision;
    }
    return oldest;
  }

  /**
   * Runs slices in turns of their own; nothing that a read at `pinned` sees is deleted meanwhile. Rejects with
   * `unavailable` where the state is closed or replaced.
   */
  async run(
    pinned: number,
    rest: () => Promise<void>,
    work: { readonly done: () => boolean; readonly slice: () => void },
  ): Promise<void> {
    const incarnation = this.#incarnation;
    this.#pins.set(pinned, (this.#pins.get(pinned) ?? 0) + 1);
    try {
      while (!work.done()) {
        await rest();
        if (this.#incarnation !== incarnation) {
          throw new ConfetdError(
            'unavailable',
            'the state was closed or replaced during the read; ask again',
          );
        }
        work.slice();
      }
    } finally {
      const readers = (this.#pins.get(pinned) ?? 1) - 1;
      if (readers === 0) this.#pins.delete(pinned);
      else this.#pins.set(pinned, readers);
    }
  }
}
