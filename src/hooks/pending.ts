import type { HookBatch, HookEvent, HookInput } from './types.js';

export interface PendingLimits {
  /** Events and bytes of their keys and values kept one by one; past either, only the last of each key is kept. */
  readonly maxEvents: number;
  readonly maxBytes: number;
  /** Keys kept then; past it the oldest are dropped, and counted. */
  readonly maxKeys: number;
}

export const DEFAULT_LIMITS: PendingLimits = { maxEvents: 10_000, maxBytes: 8 << 20, maxKeys: 100_000 };

/** Changes that wait for the next run, in order and in bounded memory. */
export class Pending {
  readonly #limits: PendingLimits;
  #events: HookEvent[] = [];
  #bytes = 0;
  #count = 0;
  #dropped = 0;
  #revision = 0;
  /** Compacting again costs as much as there are keys, so not before the number has doubled. */
  #compactAt: number;
  #compactAtBytes: number;

  constructor(limits: PendingLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
    this.#compactAt = limits.maxEvents;
    this.#compactAtBytes = limits.maxBytes;
  }

  get empty(): boolean {
    return this.#count === 0;
  }

  /** No longer kept one by one. */
  get merged(): boolean {
    return this.#count > this.#events.length;
  }

  add(batch: HookBatch): void {
    this.#push({ ...batch, count: batch.events.length, dropped: 0 });
  }

  /** Puts what a failed run was about before what came since. */
  putBack(input: HookInput): void {
    const since = this.take();
    this.#push(input);
    if (since !== undefined) this.#push(since);
  }

  /** Everything that waits. Undefined: nothing does. */
  take(): HookInput | undefined {
    if (this.empty) return undefined;
    const taken = {
      revision: this.#revision,
      events: this.#events,
      count: this.#count,
      dropped: this.#dropped,
    };
    this.#events = [];
    this.#bytes = this.#count = this.#dropped = 0;
    this.#compactAt = this.#limits.maxEvents;
    this.#compactAtBytes = this.#limits.maxBytes;
    return taken;
  }

  #push(input: HookInput): void {
    for (const event of input.events) {
      this.#events.push(event);
      this.#bytes += sizeOf(event);
      if (this.#events.length > this.#compactAt || this.#bytes > this.#compactAtBytes) this.#compact();
    }
    this.#count += input.count;
    this.#dropped += input.dropped;
    this.#revision = Math.max(this.#revision, input.revision);
  }

  /** Keeps the last event of each key, where it stands. */
  #compact(): void {
    const last = new Map<string, HookEvent>();
    for (const event of this.#events) {
      last.delete(event.key);
      last.set(event.key, event);
    }
    let events = [...last.values()];
    // The values of all keys at once, or the keys alone, may be too much still: then the oldest give way.
    let bytes = events.reduce((sum, event) => sum + sizeOf(event), 0);
    let cut = Math.max(0, events.length - this.#limits.maxKeys);
    for (const event of events.slice(0, cut)) bytes -= sizeOf(event);
    while (bytes > this.#limits.maxBytes * MAX_BYTES_FACTOR && cut < events.length - 1) {
      const event = events[cut];
      if (event !== undefined) bytes -= sizeOf(event);
      cut++;
    }
    events = events.slice(cut);
    this.#events = events;
    this.#bytes = bytes;
    this.#dropped += cut;
    this.#compactAt = Math.max(this.#limits.maxEvents, Math.min(events.length * 2, this.#limits.maxKeys * 2));
    this.#compactAtBytes = Math.max(this.#limits.maxBytes, bytes * 2);
  }
}

/** Bytes of distinct keys and their values that are held at most, in `maxBytes`. */
const MAX_BYTES_FACTOR = 8;

/** UTF-16 text takes at most two bytes a unit; the rest is the event's own. */
function sizeOf({ key, value }: HookEvent): number {
  return 2 * (key.length + value.length) + 100;
}
