import type { KeyValue, RangeQuery, RangeResult } from '../../../src/store/types.js';

export interface ModelEvent {
  readonly revision: number;
  readonly type: 'put' | 'delete';
  readonly kv: KeyValue;
  readonly previous: KeyValue | undefined;
}

/** What the store should be, the plain way: all pairs of every revision, kept for ever. */
export class Model {
  /** By revision; those before 1 are empty. */
  readonly states: Map<string, KeyValue>[] = [new Map(), new Map()];
  readonly events: ModelEvent[] = [];
  compacted = 0;

  get revision(): number {
    return this.states.length - 1;
  }

  txn(
    ops: readonly ({ put: string; value: string; lease: bigint } | { remove: string; end: string })[],
  ): void {
    const state = new Map(this.states[this.revision]);
    const main = this.revision + 1;
    const changed = new Map<string, ModelEvent>();
    const before = this.states[this.revision] as Map<string, KeyValue>;
    const record = (type: ModelEvent['type'], kv: KeyValue): void => {
      changed.delete(kv.key);
      changed.set(kv.key, { revision: main, type, kv, previous: before.get(kv.key) });
    };
    for (const op of ops) {
      if ('put' in op) {
        const old = state.get(op.put);
        const kv: KeyValue = {
          key: op.put,
          value: Buffer.from(op.value),
          createRevision: old?.createRevision ?? main,
          modRevision: main,
          version: (old?.version ?? 0) + 1,
          lease: op.lease,
        };
        state.set(op.put, kv);
        record('put', kv);
      } else {
        for (const key of [...state.keys()].filter((name) => within(name, op.remove, op.end)).sort(byBytes)) {
          state.delete(key);
          const kv = {
            key,
            value: Buffer.alloc(0),
            createRevision: 0,
            modRevision: main,
            version: 0,
            lease: 0n,
          };
          record('delete', kv);
        }
      }
    }
    if (changed.size === 0) return;
    this.states.push(state);
    this.events.push(...changed.values());
  }

  /** A string where the store must throw. */
  range(query: RangeQuery): RangeResult | 'compacted' | 'future' {
    if (query.revision > this.revision) return 'future';
    if (query.revision > 0 && query.revision < this.compacted) return 'compacted';
    const state = this.states[query.revision || this.revision] as Map<string, KeyValue>;
    const all = [...state.values()]
      .filter(({ key }) => within(key, query.key, query.end))
      .sort((a, b) => byBytes(a.key, b.key));
    let kvs = all.filter(
      ({ modRevision, createRevision }) =>
        (!query.minModRevision || modRevision >= query.minModRevision) &&
        (!query.maxModRevision || modRevision <= query.maxModRevision) &&
        (!query.minCreateRevision || createRevision >= query.minCreateRevision) &&
        (!query.maxCreateRevision || createRevision <= query.maxCreateRevision),
    );
    const fields = {
      key: (a: KeyValue, b: KeyValue) => byBytes(a.key, b.key),
      version: (a: KeyValue, b: KeyValue) => a.version - b.version,
      create: (a: KeyValue, b: KeyValue) => a.createRevision - b.createRevision,
      mod: (a: KeyValue, b: KeyValue) => a.modRevision - b.modRevision,
      value: (a: KeyValue, b: KeyValue) => a.value.compare(b.value),
    };
    const sign = query.order === 'descend' ? -1 : 1;
    kvs.sort((a, b) => sign * fields[query.target](a, b));
    const more = !query.countOnly && query.limit > 0 && kvs.length > query.limit;
    if (query.limit > 0) kvs = kvs.slice(0, query.limit);
    if (query.countOnly) kvs = [];
    if (query.keysOnly) kvs = kvs.map((kv) => ({ ...kv, value: Buffer.alloc(0) }));
    return { kvs, count: all.length, more, revision: this.revision };
  }

  /** What a watch from a revision on should have heard, a list a revision. */
  heard(key: string, end: string, from: number): ModelEvent[][] {
    const revisions = new Map<number, ModelEvent[]>();
    for (const event of this.events) {
      if (event.revision < from || !within(event.kv.key, key, end)) continue;
      const list = revisions.get(event.revision) ?? [];
      list.push(event);
      revisions.set(event.revision, list);
    }
    return [...revisions.values()];
  }
}

function within(name: string, key: string, end: string): boolean {
  if (end === '') return name === key;
  return name >= key && (end === '\0' || name < end);
}

function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
