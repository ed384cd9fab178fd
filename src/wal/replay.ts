import type { Entry, HardState, SnapshotMetadata } from '../proto/generated/raft.js';
import { EntryIndex, type Place } from './entry-index.js';

/**
 * Puts a log's records together, in the order they were written: later entries replace those from their index on, and
 * a snapshot record that isn't a point of the log starts it anew after its index, as an installed snapshot does.
 */
export class Replay {
  /** Where all retained entries lie. */
  readonly index: EntryIndex;
  readonly #afterIndex: number;
  #entries: Entry[] = [];
  #hardState: HardState | undefined;
  #snapshot: SnapshotMetadata | undefined;

  /** `firstIndex`: of the first entry the oldest segment can hold. */
  constructor(afterIndex: number, firstIndex: number) {
    this.#afterIndex = afterIndex;
    this.index = new EntryIndex(Math.max(firstIndex, 1));
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

  setHardState(state: HardState): void {
    this.#hardState = state;
  }

  /** Adds the entry at `index`, read by `decode` only if it is kept; what is wrong with it, if anything is. */
  addEntry(index: number, term: number, place: Place, decode: () => Entry): string | undefined {
    if (index === 0) return 'an entry without an index';
    const { lastIndex } = this.index;
    if (index > lastIndex + 1) return `entry ${index} follows entry ${lastIndex}`;
    if (index <= lastIndex) this.#truncate(index);
    this.index.add(index, term, place);
    if (index > this.#afterIndex) this.#entries.push(decode());
    return undefined;
  }

  addSnapshot(snapshot: SnapshotMetadata, place: Place): void {
    this.#snapshot = snapshot;
    if (this.index.addSnapshot(snapshot, place)) this.#entries = [];
  }

  #truncate(from: number): void {
    const first = this.#entries[0];
    if (first !== undefined)
      this.#entries.length = Math.min(this.#entries.length, Math.max(from - first.index, 0));
  }
}
