/** From `first` on, entries have this term, until the next run. */
interface TermRun {
  first: number;
  readonly term: number;
}

/** The terms of a stretch of the log, ascending by index: one run for each leader, however many entries it wrote. */
export class TermRuns {
  #runs: TermRun[] = [];

  clone(): TermRuns {
    const copy = new TermRuns();
    copy.#runs = this.#runs.map((run) => ({ ...run }));
    return copy;
  }

  clear(): void {
    this.#runs = [];
  }

  /** Entries from `index` on have this term. */
  push(index: number, term: number): void {
    if (this.#runs.at(-1)?.term !== term) this.#runs.push({ first: index, term });
  }

  /** Forgets `index` and all after it. */
  truncate(index: number): void {
    while ((this.#runs.at(-1)?.first ?? 0) >= index) this.#runs.pop();
  }

  /** Forgets what is before `index`. */
  release(index: number): void {
    while (this.#runs.length > 1 && (this.#runs[1] as TermRun).first <= index) this.#runs.shift();
    const oldest = this.#runs[0];
    if (oldest !== undefined) oldest.first = Math.max(oldest.first, index);
  }

  /** The term at an index that isn't past the end; undefined before the first run. */
  at(index: number): number | undefined {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#runs[middle] as TermRun).first <= index) low = middle + 1;
      else high = middle;
    }
    return this.#runs[low - 1]?.term;
  }
}
