import { assert } from '../base/assert.js';

/**
 * Append messages under way to one follower: a ring bounded by count and by bytes. Each is known by the index of its
 * last entry, and an acknowledged index frees all up to it.
 */
export class Inflights {
  readonly #maxCount: number;
  readonly #maxBytes: number;
  readonly #indexes: number[] = [];
  readonly #sizes: number[] = [];
  #start = 0;
  #count = 0;
  #bytes = 0;

  constructor(maxCount: number, maxBytes: number) {
    assert(maxCount >= 1, `at least one append message must be allowed under way, not ${maxCount}`);
    this.#maxCount = maxCount;
    this.#maxBytes = maxBytes;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** One message may pass the bytes' bound, so that a large entry gets through; the next then waits. */
  get full(): boolean {
    return this.#count === this.#maxCount || (this.#count > 0 && this.#bytes >= this.#maxBytes);
  }

  /** A message whose last entry is `index` has left. */
  add(index: number, bytes: number): void {
    assert(!this.full, 'an append message was sent past the bound of those under way');
    // Grows as it is used: most followers never have many under way.
    const slot = (this.#start + this.#count) % this.#maxCount;
    this.#indexes[slot] = index;
    this.#sizes[slot] = bytes;
    this.#count++;
    this.#bytes += bytes;
  }

  /** The follower has everything up to `index`. */
  freeUpTo(index: number): void {
    while (this.#count > 0 && (this.#indexes[this.#start] as number) <= index) this.#freeFirst();
  }

  #freeFirst(): void {
    this.#bytes -= this.#sizes[this.#start] as number;
    this.#start = (this.#start + 1) % this.#maxCount;
    this.#count--;
  }

  reset(): void {
    this.#start = 0;
    this.#count = 0;
    this.#bytes = 0;
  }
}
