interface Entry<T> {
  readonly atMs: number;
  readonly item: T;
}

/** A binary heap: what is due first comes out first. */
export class DeadlineHeap<T> {
  readonly #entries: Entry<T>[] = [];

  get size(): number {
    return this.#entries.length;
  }

  /** Infinity: it is empty. */
  get earliestMs(): number {
    return this.#entries[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  clear(): void {
    this.#entries.length = 0;
  }

  push(atMs: number, item: T): void {
    const entries = this.#entries;
    const entry = { atMs, item };
    let at = entries.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = entries[parent] as Entry<T>;
      if (above.atMs <= atMs) break;
      entries[at] = above;
      at = parent;
    }
    entries[at] = entry;
  }

  pop(): T | undefined {
    const entries = this.#entries;
    const first = entries[0];
    const last = entries.pop();
    if (last === undefined || entries.length === 0) return first?.item;
    let at = 0;
    for (let child = 1; child < entries.length; child = 2 * at + 1) {
      const right = entries[child + 1];
      if (right !== undefined && right.atMs < (entries[child] as Entry<T>).atMs) child++;
      const least = entries[child] as Entry<T>;
      if (last.atMs <= least.atMs) break;
      entries[at] = least;
      at = child;
    }
    entries[at] = last;
    return first?.item;
  }
}
