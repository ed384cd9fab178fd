import { IMPOSSIBLE, step } from './register.js';
import type { Operation, Value } from './types.js';

export interface SearchResult {
  /** Undefined: the steps didn't suffice. */
  readonly linearizable: boolean | undefined;
  readonly steps: number;
}

/** A place in the search: what the operations taken so far leave, and what may be taken next. */
interface Frame {
  readonly held: Value;
  /** Known operations, by their call, that are all taken below this one. */
  readonly low: number;
  readonly candidates: readonly number[];
  next: number;
  /** The candidate that the frame above this one has taken. */
  taken: number;
}

/**
 * Whether the operations of one key can be put into an order that the register explains and that keeps every operation
 * which ended before another was called in front of it. Wing and Gong's search (1993) with Lowe's memory of the places
 * it has been to (2017, section 3): a place is the set of operations taken and the value they left.
 */
export function searchOrder(
  operations: readonly Operation[],
  initial: Value,
  maxSteps: number,
): SearchResult {
  return new Search(operations, initial, maxSteps).run();
}

class Search {
  /** By their call. */
  readonly #known: readonly Operation[];
  /** These may be left out. By their call. */
  readonly #unknown: readonly Operation[];
  /** Of the known, then of the unknown. */
  readonly #taken: Uint8Array;
  readonly #initial: Value;
  readonly #maxSteps: number;
  readonly #seen = new Set<string>();

  constructor(operations: readonly Operation[], initial: Value, maxSteps: number) {
    const byCall = [...operations].sort((a, b) => a.called - b.called);
    this.#known = byCall.filter(({ answer }) => answer !== undefined);
    this.#unknown = byCall.filter(({ answer }) => answer === undefined);
    this.#taken = new Uint8Array(this.#known.length + this.#unknown.length);
    this.#initial = initial;
    this.#maxSteps = maxSteps;
  }

  run(): SearchResult {
    const taken = this.#taken;
    let steps = 0;
    const frames: Frame[] = [this.#frame(this.#initial, 0)];
    for (;;) {
      const frame = frames.at(-1);
      if (frame === undefined) return { linearizable: false, steps };
      if (frame.low === this.#known.length) return { linearizable: true, steps };
      const candidate = frame.candidates[frame.next++];
      if (candidate === undefined) {
        frames.pop();
        const below = frames.at(-1);
        if (below !== undefined) taken[below.taken] = 0;
        continue;
      }
      if (++steps > this.#maxSteps) return { linearizable: undefined, steps };
      const { action, answer } = this.#operation(candidate);
      const held = step(frame.held, action, answer);
      if (held === IMPOSSIBLE) continue;
      taken[candidate] = 1;
      const low = this.#lowFrom(frame.low);
      if (this.#isNew(low, held)) {
        frame.taken = candidate;
        frames.push(this.#frame(held, low));
      } else {
        taken[candidate] = 0;
      }
    }
  }

  #operation(index: number): Operation {
    return (this.#known[index] ?? this.#unknown[index - this.#known.length]) as Operation;
  }

  /**
   * May be taken next: whatever was called before the first return of those not taken. Most orders are by return, but what
   * leaves the value that another one found comes before that one: so the most likely is tried first.
   */
  #frame(held: Value, low: number): Frame {
    const known: number[] = [];
    let firstReturn = Number.POSITIVE_INFINITY;
    for (let index = low; index < this.#known.length; index++) {
      const operation = this.#operation(index);
      if (operation.called > firstReturn) break;
      if (this.#taken[index] === 1) continue;
      known.push(index);
      firstReturn = Math.min(firstReturn, operation.returned);
    }
    const open = known.filter((index) => this.#operation(index).called <= firstReturn);
    for (let index = this.#known.length; index < this.#taken.length; index++) {
      if (this.#operation(index).called > firstReturn) break;
      if (this.#taken[index] === 0) open.push(index);
    }
    const waiting = open
      .map((index) => this.#operation(index))
      .filter((operation) => !awaits(operation, held));
    const candidates = open
      .map((index) => ({ index, rank: this.#rank(index, held, waiting) }))
      .filter(({ rank }) => rank !== undefined)
      .sort((a, b) => Number(a.rank) - Number(b.rank))
      .map(({ index }) => index);
    return { held, low, candidates, next: 0, taken: -1 };
  }

  /**
   * When this operation, or the first one that waits for what it leaves, returned; undefined if it isn't worth trying.
   *
   * Each operation of unknown outcome would double the places to be searched. But from an order that explains a history
   * one without effect can be left out, and so can one whose effect the next one doesn't look at, for that then is a
   * write: only those are tried whose effect another candidate is waiting for.
   */
  #rank(index: number, held: Value, waiting: readonly Operation[]): number | undefined {
    const { action, answer, returned } = this.#operation(index);
    const left = step(held, action, answer);
    if (left === IMPOSSIBLE) return undefined;
    if (left === held) return answer === undefined ? undefined : returned;
    let rank = returned;
    let awaited = false;
    for (const other of waiting) {
      if (!awaits(other, left)) continue;
      awaited = true;
      rank = Math.min(rank, other.returned);
    }
    return answer === undefined && !awaited ? undefined : rank;
  }

  #lowFrom(low: number): number {
    let index = low;
    while (index < this.#known.length && this.#taken[index] === 1) index++;
    return index;
  }

  /** Exact, not a digest: a collision would call a bad history bad wrongly. */
  #isNew(low: number, held: Value): boolean {
    // Beyond `low` only what overlaps its operation can be taken.
    const limit = this.#known[low]?.returned ?? Number.NEGATIVE_INFINITY;
    let place = `${low}`;
    for (let index = low + 1; index < this.#known.length; index++) {
      if (this.#operation(index).called > limit) break;
      if (this.#taken[index] === 1) place += `,${index - low}`;
    }
    place += '?';
    for (let index = this.#known.length; index < this.#taken.length; index++) {
      if (this.#taken[index] === 1) place += `${index - this.#known.length},`;
    }
    place += held === null ? '' : `=${held}`;
    const { size } = this.#seen;
    return this.#seen.add(place).size > size;
  }
}

/** Whether `held` is what this operation may find, where it matters to it what it finds. */
function awaits({ action, answer }: Operation, held: Value): boolean {
  if (action.kind === 'put') return false;
  if (answer === undefined) return action.kind === 'compareAndSwap' && action.expected === held;
  return step(held, action, answer) !== IMPOSSIBLE;
}
