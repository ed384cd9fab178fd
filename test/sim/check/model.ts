import type { KeyValue } from '../../../src/store/types.js';

/** A key at one version, or the place where it was deleted. */
export interface Version {
  readonly mod: number;
  /** Undefined: deleted at `mod`. */
  readonly kv: KeyValue | undefined;
}

/** What happened to a key in one revision. */
export interface ModelEvent {
  readonly type: 'put' | 'delete';
  readonly key: string;
  readonly value: Buffer;
  readonly lease: bigint;
}

/** An MVCC keyspace as simple as it can be: each key's versions, in order. Nothing is ever compacted here. */
export class Model {
  readonly #versions = new Map<string, Version[]>();
  readonly #revisions: (readonly ModelEvent[])[] = [[], []];

  /** The newest revision. An empty store is at 1. */
  get head(): number {
    return this.#revisions.length - 1;
  }

  events(revision: number): readonly ModelEvent[] {
    return this.#revisions[revision] ?? [];
  }

  /** The next revision. */
  add(events: readonly ModelEvent[]): void {
    const revision = this.head + 1;
    this.#revisions.push(events);
    for (const { type, key, value, lease } of events) {
      let versions = this.#versions.get(key);
      if (versions === undefined) {
        versions = [];
        this.#versions.set(key, versions);
      }
      const before = versions.at(-1)?.kv;
      const kv =
        type === 'delete'
          ? undefined
          : {
              key,
              value,
              lease,
              createRevision: before?.createRevision ?? revision,
              modRevision: revision,
              version: (before?.version ?? 0) + 1,
            };
      versions.push({ mod: revision, kv });
    }
  }

  /** A key as of a revision. */
  at(key: string, revision: number): KeyValue | undefined {
    const versions = this.#versions.get(key);
    if (versions === undefined) return undefined;
    let low = 0;
    let high = versions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((versions[middle] as Version).mod <= revision) low = middle + 1;
      else high = middle;
    }
    return versions[low - 1]?.kv;
  }

  /** The keys in a range as of a revision, sorted. */
  range(key: string, end: string, revision: number): KeyValue[] {
    if (end === '') {
      const kv = this.at(key, revision);
      return kv === undefined ? [] : [kv];
    }
    const found: KeyValue[] = [];
    for (const each of this.#versions.keys()) {
      if (!isIn(each, key, end)) continue;
      const kv = this.at(each, revision);
      if (kv !== undefined) found.push(kv);
    }
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
  }
}

/** Whether a key lies in etcd's [key, end). */
export function isIn(each: string, key: string, end: string): boolean {
  return end === '' ? each === key : each >= key && (end === '\0' || each < end);
}
