import type { Entry, HardState, SnapshotMetadata } from '../proto/generated/raft.js';

/** From `first` on, entries have this term. */
interface TermRun {
  readonly first: number;
  readonly term: number;
}

/**
 * Puts a log's records together, in the order they were written: later entries replace those from their index on, and
 * a snapshot record that isn't a point of the log starts it anew after its index, as an installed snapshot does.
 */
export class Replay {
  readonly #afterIndex: number;
  #entries: Entry[] = [];
  #hardState: HardState | undefined;
  #snapshot: SnapshotMetadata | undefined;
  /** Terms of the entries seen, ascending by index: what tells a snapshot of our own log from an installed one. */
  #terms: TermRun[] = [];
  #firstIndex: number;
  #lastIndex: number;

  /** `firstIndex`: of the first entry the oldest segment can hold. */
  constructor(afterIndex: number, firstIndex: number) {
    this.#afterIndex = afterIndex;
    this.#firstIndex = Math.max(firstIndex, 1);
    this.#lastIndex = this.#firstIndex - 1;
  }

  /** Entries after `afterIndex`, without gaps. */
  get entries(): Entry[] {
    return this.#entries;
  }

  get hardState(): HardState | undefined {
    return this.#hardState;
  }

  get snapshot(): SnapshotMetadata | undefined {
    return this.#snapshot;
  }

  /** Index of the newest entry, or of the snapshot the log goes on from. */
  get lastIndex(): number {
    return this.#lastIndex;
  }

  /** Index of the first entry the log can give; what is before it was released, or replaced by a snapshot. */
  get firstIndex(): number {
    return this.#firstIndex;
  }

  setHardState(state: HardState): void {
    this.#hardState = state;
  }

  /** Adds the entry at `index`, read by `decode` only if it is kept; what is wrong with it, if anything is. */
  addEntry(index: number, term: number, decode: () => Entry): string | undefined {
    if (index === 0) return 'an entry without an index';
    if (index > this.#lastIndex + 1) return `entry ${index} follows entry ${this.#lastIndex}`;
    if (index < this.#firstIndex) this.#firstIndex = index;
    if (index <= this.#lastIndex) this.#truncate(index);
    this.#lastIndex = index;
    if (this.#terms.at(-1)?.term !== term) this.#terms.push({ first: index, term });
    if (index > this.#afterIndex) this.#entries.push(decode());
    return undefined;
  }

  addSnapshot(snapshot: SnapshotMetadata): void {
    const { index, term } = snapshot;
    this.#snapshot = snapshot;
    // Every log begins with an empty one.
    if (index === 0) return;
    const known = this.#termAt(index);
    // A snapshot of this log itself, at an entry it has or had: the log goes on as it was.
    if (index <= this.#lastIndex && (known === undefined || known === term)) return;
    this.#entries = [];
    this.#terms = [{ first: index, term }];
    this.#firstIndex = index + 1;
    this.#lastIndex = index;
  }

  #truncate(from: number): void {
    const first = this.#entries[0];
    if (first !== undefined)
      this.#entries.length = Math.min(this.#entries.length, Math.max(from - first.index, 0));
    while ((this.#terms.at(-1)?.first ?? 0) >= from) this.#terms.pop();
  }

  #termAt(index: number): number | undefined {
    return this.#terms.findLast((run) => run.first <= index)?.term;
  }
}
