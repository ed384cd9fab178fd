import { type Message, MessageType } from '../proto/generated/raft.js';
import type { SizedMessage } from './message-encoder.js';

/** Messages that wait for one peer, in two lanes: what carries entries, and what overtakes it. Bounded in bytes. */
export class Outbox {
  readonly #urgent = new Lane();
  readonly #bulk = new Lane();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#urgent.isEmpty && this.#bulk.isEmpty;
  }

  /** False, and nothing is kept, where it doesn't fit. */
  push(sized: SizedMessage, maxBytes: number): boolean {
    if (this.#bytes + sized.bytes > maxBytes) return false;
    this.#bytes += sized.bytes;
    (overtakes(sized.message) ? this.#urgent : this.#bulk).push(sized);
    return true;
  }

  /** What is to leave next: at least one message where there is one, then no more than `maxBytes`. */
  take(maxBytes: number): SizedMessage[] {
    const batch: SizedMessage[] = [];
    const left = this.#urgent.take(batch, maxBytes);
    this.#bulk.take(batch, left);
    for (const { bytes } of batch) this.#bytes -= bytes;
    return batch;
  }

  clear(): void {
    this.#urgent.clear();
    this.#bulk.clear();
    this.#bytes = 0;
  }
}

/**
 * Appends and proposals carry entries and wait their turn. Everything else is small, and late it costs an election:
 * a heartbeat names no more than what its receiver has acknowledged, votes and answers stand for themselves, so each of
 * them may arrive before appends that were sent earlier. Raft asks for no order at all.
 */
export function overtakes({ type }: Message): boolean {
  return type !== MessageType.APP && type !== MessageType.PROP;
}

class Lane {
  #queue: SizedMessage[] = [];
  #next = 0;

  get isEmpty(): boolean {
    return this.#next === this.#queue.length;
  }

  push(sized: SizedMessage): void {
    this.#queue.push(sized);
  }

  /** Moves messages to `batch`, which holds at least one afterwards; answers what is left of `maxBytes`. */
  take(batch: SizedMessage[], maxBytes: number): number {
    let left = maxBytes;
    for (; this.#next < this.#queue.length; this.#next++) {
      const sized = this.#queue[this.#next] as SizedMessage;
      if (sized.bytes > left && batch.length > 0) break;
      left -= sized.bytes;
      batch.push(sized);
    }
    // What was taken is let go of: at once where nothing waits, else when it is the larger part.
    if (this.isEmpty) this.clear();
    else if (this.#next > 32 && this.#next * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#next);
      this.#next = 0;
    }
    return left;
  }

  clear(): void {
    this.#queue = [];
    this.#next = 0;
  }
}
