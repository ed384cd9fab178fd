/** The streams that would otherwise never end; a shutdown ends them all, so that closing is quick. */
export class OpenStreams {
  readonly #ends = new Set<() => void>();
  #closed = false;

  /** Calls `end` at shutdown (at once if that has begun); the answer forgets the stream. */
  add(end: () => void): () => void {
    if (this.#closed) {
      end();
      return () => {};
    }
    this.#ends.add(end);
    return () => {
      this.#ends.delete(end);
    };
  }

  get size(): number {
    return this.#ends.size;
  }

  endAll(): void {
    this.#closed = true;
    const ending = [...this.#ends];
    this.#ends.clear();
    for (const end of ending) end();
  }
}
