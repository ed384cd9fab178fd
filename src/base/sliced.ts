/**
 * Work in slices: at each `yield` the event loop may have a turn. What comes of it doesn't depend on whether it gets
 * one, nor on where the cuts are.
 */
export type Sliced<T> = Generator<void, T, void>;

/** Does all of it in this turn. */
export function atOnce<T>(work: Sliced<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** Does the first slice now. Where that isn't all, it resolves with the result; `breathe` gives the event loop its turn. */
export function inSlices<T>(work: Sliced<T>, breathe: () => Promise<void>): T | Promise<T> {
  const first = work.next();
  return first.done === true ? first.value : rest(work, breathe);
}

async function rest<T>(work: Sliced<T>, breathe: () => Promise<void>): Promise<T> {
  for (;;) {
    await breathe();
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** Bytes that take as long as a row does. */
const ROW_BYTES = 4 * 1024;

/** Says when a slice is full: by what was done, never by a clock, so that the same work is cut in the same places. */
export class Pace {
  /** Of one slice. */
  readonly rows: number;
  #left: number;

  constructor(rows: number) {
    this.rows = rows;
    this.#left = rows;
  }

  /** Counts what was done. True: it is time to yield. */
  spent(rows: number, bytes = 0): boolean {
    this.#left -= rows + bytes / ROW_BYTES;
    if (this.#left > 0) return false;
    this.#left = this.rows;
    return true;
  }
}
