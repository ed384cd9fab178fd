import type { StoreEvent } from '../../../src/store/types.js';
import type { Findings } from '../findings.js';
import { Model, type ModelEvent } from './model.js';

/** The one history of the keyspace that all members must have: the first to apply a revision says what it is. */
export class HistoryCheck {
  readonly model = new Model();
  readonly #findings: Findings;
  readonly #by: string[] = [];

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  /** A member has applied a revision. */
  revised(who: string, revision: number, events: readonly StoreEvent[]): void {
    const { model } = this;
    if (revision > model.head + 1) {
      this.#findings.add(
        'revisions have no gaps',
        `${who} is at ${revision}, where nobody was past ${model.head}`,
      );
      return;
    }
    if (revision <= model.head) {
      this.#compare(who, revision, events);
      return;
    }
    model.add(events.map(toModelEvent));
    this.#by[revision] = who;
    for (const { type, kv } of events) {
      const ours = model.at(kv.key, revision);
      const same =
        type === 'delete'
          ? ours === undefined
          : ours?.createRevision === kv.createRevision &&
            ours.version === kv.version &&
            kv.modRevision === revision;
      if (!same)
        this.#findings.add(
          'versions count up',
          `${who} at ${revision}: ${kv.key} v${kv.version} created ${kv.createRevision}`,
        );
    }
  }

  #compare(who: string, revision: number, events: readonly StoreEvent[]): void {
    const known = this.model.events(revision);
    const same =
      known.length === events.length && known.every((event, at) => isSame(event, events[at] as StoreEvent));
    if (!same) {
      this.#findings.add(
        'no acknowledged write is lost',
        `revision ${revision} is ${describe(known)} on ${this.#by[revision]}, ${describe(events.map(toModelEvent))} on ${who}`,
      );
    }
  }
}

export function toModelEvent({ type, kv }: StoreEvent): ModelEvent {
  return { type, key: kv.key, value: kv.value, lease: kv.lease };
}

export function isSame(a: ModelEvent, { type, kv }: StoreEvent): boolean {
  return a.type === type && a.key === kv.key && (type === 'delete' || a.value.equals(kv.value));
}

export function describe(events: readonly ModelEvent[]): string {
  return events
    .map(({ type, key, value }) => (type === 'put' ? `${key}=${value.toString('latin1')}` : `-${key}`))
    .join(' ');
}
