import type { Clock } from '../../src/io/clock.js';

/** The newest lines are kept for whoever has to understand a failure. */
const KEPT_LINES = 400;

export interface TraceOptions {
  /** Hears of every line; undefined: nobody. */
  readonly print?: ((line: string) => void) | undefined;
}

/**
 * What happened, one dense line an event: virtual seconds, who, what. Two runs of one seed write the same lines, so
 * the hash of all of them says in eight digits whether they were the same run.
 */
export class Trace {
  readonly #clock: Clock;
  readonly #print: ((line: string) => void) | undefined;
  readonly #kept: string[] = [];
  #hash = 0x811c9dc5;
  #lines = 0;

  constructor(clock: Clock, options: TraceOptions = {}) {
    this.#clock = clock;
    this.#print = options.print;
  }

  add(who: string, what: string): void {
    const line = `${(this.#clock.monotonicMs() / 1_000).toFixed(6).padStart(11)} ${who.padEnd(6)} ${what}`;
    // FNV-1a, over UTF-16 units.
    let hash = this.#hash;
    for (let at = 0; at < line.length; at++) hash = Math.imul(hash ^ line.charCodeAt(at), 0x01000193);
    this.#hash = hash >>> 0;
    this.#kept[this.#lines++ % KEPT_LINES] = line;
    this.#print?.(line);
  }

  get lines(): number {
    return this.#lines;
  }

  get hash(): string {
    return this.#hash.toString(16).padStart(8, '0');
  }

  /** The newest lines, oldest first. */
  tail(): string[] {
    const from = Math.max(this.#lines - KEPT_LINES, 0);
    return Array.from(
      { length: this.#lines - from },
      (_, at) => this.#kept[(from + at) % KEPT_LINES] as string,
    );
  }
}
