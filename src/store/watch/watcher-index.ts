import { type ByteString, FROM_KEY_END, prefixEnd } from '../../base/bytes.js';
import type { StoreEvent, WatchBatch } from '../types.js';
import type { HubWatcher } from './watcher.js';

/** An event that is made only when somebody wants it. */
export interface EventSource {
  readonly type: StoreEvent['type'];
  readonly key: ByteString;
  load(): StoreEvent;
}

/** All watchers of one key or range. */
export interface Group {
  readonly key: ByteString;
  readonly end: ByteString;
  readonly watchers: Set<HubWatcher>;
  /** Of the revision that is being told. */
  events: StoreEvent[];
}

/**
 * Finds the watchers of a key: by the key itself, by its prefixes of the lengths that are watched, and, for ranges
 * that aren't prefixes, by looking at each. Watchers of the same range share one batch, whatever their number.
 */
export class WatcherIndex {
  readonly #keys = new Map<ByteString, Group>();
  readonly #prefixes = new Map<ByteString, Group>();
  /** How many groups of `#prefixes` have this length. */
  readonly #prefixLengths = new Map<number, number>();
  readonly #ranges = new Map<string, Group>();

  add(watcher: HubWatcher): void {
    const { key, end } = watcher.spec;
    const { groups, name } = this.#place(key, end);
    let group = groups.get(name);
    if (group === undefined) {
      group = { key, end, watchers: new Set(), events: [] };
      groups.set(name, group);
      if (groups === this.#prefixes) this.#countLength(name.length, 1);
    }
    group.watchers.add(watcher);
  }

  remove(watcher: HubWatcher): void {
    const { groups, name } = this.#place(watcher.spec.key, watcher.spec.end);
    const group = groups.get(name);
    if (group?.watchers.delete(watcher) !== true || group.watchers.size > 0) return;
    groups.delete(name);
    if (groups === this.#prefixes) this.#countLength(name.length, -1);
  }

  get isEmpty(): boolean {
    return this.#keys.size + this.#prefixes.size + this.#ranges.size === 0;
  }

  watchers(): HubWatcher[] {
    const groups = [this.#keys, this.#prefixes, this.#ranges].flatMap((map) => [...map.values()]);
    return groups.flatMap((group) => [...group.watchers]);
  }

  /** Tells one revision to all who watch any of its keys. `full` hears of those who took it and want no more. */
  tell(
    revision: number,
    events: readonly EventSource[],
    committedAtMs: number | undefined,
    full: (watcher: HubWatcher) => void,
  ): void {
    const gathered = new Gathered(revision, committedAtMs);
    this.gather(gathered, events);
    gathered.tell(full);
  }

  /** Hands events to those who watch their keys, to be told once the revision is complete. One revision at a time. */
  gather(gathered: Gathered, events: readonly EventSource[]): void {
    for (const event of events) this.#match(event.key, (group) => gathered.add(group, event));
  }

  #match(key: ByteString, found: (group: Group) => void): void {
    const exact = this.#keys.get(key);
    if (exact !== undefined) found(exact);
    for (const length of this.#prefixLengths.keys()) {
      if (length > key.length) continue;
      const group = this.#prefixes.get(key.slice(0, length));
      if (group !== undefined) found(group);
    }
    for (const group of this.#ranges.values()) {
      if (key >= group.key && (group.end === FROM_KEY_END || key < group.end)) found(group);
    }
  }

  #place(key: ByteString, end: ByteString): { groups: Map<string, Group>; name: string } {
    if (end === '') return { groups: this.#keys, name: key };
    if (end === FROM_KEY_END && (key === '' || key === '\0')) return { groups: this.#prefixes, name: '' };
    if (end === prefixEnd(key)) return { groups: this.#prefixes, name: key };
    return { groups: this.#ranges, name: `${key.length}:${key}${end}` };
  }

  #countLength(length: number, by: 1 | -1): void {
    const count = (this.#prefixLengths.get(length) ?? 0) + by;
    if (count === 0) this.#prefixLengths.delete(length);
    else this.#prefixLengths.set(length, count);
  }
}

/** One revision on its way to its watchers: they are told of it when all of its events are here. */
export class Gathered {
  readonly revision: number;
  readonly #committedAtMs: number | undefined;
  readonly #touched: Group[] = [];

  constructor(revision: number, committedAtMs: number | undefined) {
    this.revision = revision;
    this.#committedAtMs = committedAtMs;
  }

  add(group: Group, event: EventSource): void {
    if (group.events.length === 0) this.#touched.push(group);
    group.events.push(event.load());
  }

  /** `full` hears of those who took it and want no more. */
  tell(full: (watcher: HubWatcher) => void): void {
    for (const group of this.#touched) {
      const batch = { revision: this.revision, events: group.events, committedAtMs: this.#committedAtMs };
      group.events = [];
      tellGroup(group, batch, full);
    }
  }

  /** Nobody is told. */
  drop(): void {
    for (const group of this.#touched) group.events = [];
  }
}

function tellGroup(group: Group, batch: WatchBatch, full: (watcher: HubWatcher) => void): void {
  let puts: WatchBatch | undefined;
  let deletes: WatchBatch | undefined;
  for (const watcher of group.watchers) {
    const { noPut, noDelete } = watcher.spec;
    // One that begins later, or that a sink has added just now, or that is over.
    if (watcher.from > batch.revision || watcher.state === 'ended' || (noPut && noDelete)) continue;
    let own = batch;
    if (noPut) own = deletes ??= only(batch, 'delete');
    if (noDelete) own = puts ??= only(batch, 'put');
    if (own.events.length > 0 && !watcher.sink.deliver(own)) full(watcher);
  }
}

function only(batch: WatchBatch, type: StoreEvent['type']): WatchBatch {
  return { ...batch, events: batch.events.filter((event) => event.type === type) };
}
