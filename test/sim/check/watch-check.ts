import type { StoreEvent, WatchBatch } from '../../../src/store/types.js';
import type { Findings } from '../findings.js';
import { describe, isSame, toModelEvent } from './history-check.js';
import { isIn, type Model, type ModelEvent } from './model.js';

/** What one watch was told: gapless, in order, whole revisions, each once. */
export class WatchCheck {
  readonly #findings: Findings;
  readonly #model: Model;
  readonly #who: string;
  readonly #key: string;
  readonly #end: string;
  /** The first revision not yet told. */
  next: number;

  constructor(
    findings: Findings,
    model: Model,
    who: string,
    range: { key: string; end: string },
    from: number,
  ) {
    this.#findings = findings;
    this.#model = model;
    this.#who = who;
    this.#key = range.key;
    this.#end = range.end;
    this.next = from;
  }

  told({ revision, events }: WatchBatch): void {
    if (revision < this.next) {
      this.#findings.add(
        'watches are in order',
        `${this.#who} was told ${revision}, where ${this.next} was due`,
      );
      return;
    }
    this.#nothingBefore(revision);
    const wanted = this.#wanted(revision);
    const whole =
      wanted.length === events.length && wanted.every((event, at) => isSame(event, events[at] as StoreEvent));
    if (!whole) {
      this.#findings.add(
        'watches are told one revision whole',
        `${this.#who} at ${revision}: ${describe(events.map(toModelEvent))}; right is ${describe(wanted)}`,
      );
    }
    for (const event of events) this.#checkPrevious(event);
    this.next = revision + 1;
  }

  /** The pair before is the one that was there; it may be compacted, and then there is none. */
  #checkPrevious(event: StoreEvent): void {
    const { key, modRevision } = event.kv;
    const previous = event.previous();
    const before = this.#model.at(key, modRevision - 1);
    if (previous !== undefined && previous.modRevision !== before?.modRevision)
      this.#findings.add(
        'watches tell the pair before',
        `${this.#who} at ${modRevision}: ${key} was at ${previous.modRevision}; right is ${before?.modRevision}`,
      );
  }

  /** It is said to have been told all up to a revision. */
  synced(revision: number): void {
    if (revision >= this.next) this.#nothingBefore(revision + 1);
  }

  #nothingBefore(revision: number): void {
    for (; this.next < revision; this.next++) {
      const missed = this.#wanted(this.next);
      if (missed.length === 0) continue;
      this.#findings.add('watches have no gaps', `${this.#who} missed ${this.next}: ${describe(missed)}`);
      return;
    }
  }

  #wanted(revision: number): ModelEvent[] {
    return this.#model.events(revision).filter(({ key }) => isIn(key, this.#key, this.#end));
  }
}
