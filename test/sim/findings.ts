import type { Trace } from './trace.js';

/** Something that must never happen, and has. */
export interface Finding {
  /** Which rule was broken: one of a kind for each checker, for lists and tests. */
  readonly rule: string;
  readonly what: string;
}

/** A run ends with its first finding; whatever breaks after it may follow from it. */
export class Findings {
  readonly #trace: Trace;
  #first: Finding | undefined;

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  get first(): Finding | undefined {
    return this.#first;
  }

  add(rule: string, what: string): void {
    this.#trace.add('!', `${rule}: ${what}`);
    this.#first ??= { rule, what };
  }
}
