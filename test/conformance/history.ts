import type { Event } from '../../src/proto/generated/etcd_kv.js';
import {
  KVService,
  LeaseService,
  type WatchCreateRequest,
  type WatchCreateRequest_FilterType,
} from '../../src/proto/generated/etcd_rpc.js';
import type { Now, Step } from './requests.js';
import { bytes, type Rpc, type Watching } from './rpc.js';

interface Watch {
  readonly id: bigint;
  readonly request: WatchCreateRequest;
  /** The first revision whose events it gets. */
  readonly from: number;
  /** Refused for its revision: the second response says so. */
  readonly compacted: boolean;
}

/** Plays a random history on one server, with a watch on everything as the record of what happened. */
export class History {
  readonly #name: string;
  readonly #rpc: Rpc;
  readonly #all: Watching;
  readonly #some: Watching;
  readonly #watches: Watch[] = [];
  readonly #open: Watch[] = [];

  private constructor(name: string, rpc: Rpc) {
    this.#name = name;
    this.#rpc = rpc;
    this.#all = rpc.watching();
    this.#some = rpc.watching();
  }

  static async begin(name: string, rpc: Rpc): Promise<History> {
    const history = new History(name, rpc);
    await history.#all.created({ key: bytes('\0'), rangeEnd: bytes('\0') });
    return history;
  }

  /** What the server says to a step, without what may differ between two sound servers. */
  async play(step: Step, now: Now): Promise<unknown> {
    switch (step.kind) {
      case 'put':
        return this.#rpc.outcome(KVService.put, step.request);
      case 'range':
        return this.#rpc.outcome(KVService.range, step.request);
      case 'deleteRange':
        return this.#rpc.outcome(KVService.deleteRange, step.request);
      case 'txn':
        return this.#rpc.outcome(KVService.txn, step.request);
      case 'compact':
        // What a watch finds of the past, and of previous values, must not depend on who is faster.
        await this.settle(now);
        return this.#rpc.outcome(KVService.compact, step.request);
      case 'grant':
        return this.#rpc.outcome(LeaseService.leaseGrant, step.request);
      case 'revoke':
        return this.#rpc.outcome(LeaseService.leaseRevoke, step.request);
      case 'leases': {
        const { leases, ...rest } = await this.#rpc.call(LeaseService.leaseLeases, {});
        // etcd sorts by what is left of each, which the clock decides.
        return { ...rest, leases: new Set(leases.map(({ ID }) => ID)) };
      }
      case 'timeToLive': {
        const outcome = await this.#rpc.outcome(LeaseService.leaseTimeToLive, step.request);
        if (!('response' in outcome)) return outcome;
        const { TTL, keys, ...rest } = outcome.response;
        // The clock is nobody's; and etcd gives keys in the order of a hash table.
        return {
          ...rest,
          keys: new Set(keys.map((key) => key.toString('latin1'))),
          TTL: Math.ceil(TTL / 100),
        };
      }
      case 'watch':
        return this.#watch(step.request, now);
      case 'unwatch': {
        const watch = this.#open[0];
        if (watch === undefined) return undefined;
        await this.settle(now);
        this.#open.shift();
        const before = this.#some.responses.length;
        this.#some.stop(watch.id);
        return this.#some.that(() => this.#some.responses.slice(before).find(({ canceled }) => canceled));
      }
    }
  }

  /** Waits until every watch has what is due to it up to now. */
  async settle({ revision }: Now): Promise<void> {
    await this.#all.that(() => {
      const last = this.record().at(-1);
      const seen = last?.kv?.modRevision ?? this.#all.responses[0]?.header?.revision ?? 0;
      return seen >= revision ? true : undefined;
    });
    for (const watch of this.#open) {
      const due = this.#due(watch).length;
      await this.#some
        .that(() => (this.#some.events(watch.id).length >= due ? true : undefined))
        .catch((error) => {
          const got = this.#some.events(watch.id).length;
          throw new Error(
            `${this.#name}: watch ${watch.id} got ${got} of ${due} events: ${show(watch.request)}`,
            {
              cause: error,
            },
          );
        });
    }
  }

  /** Every event since it began, in order. */
  record(): readonly Event[] {
    return this.#all.responses.flatMap(({ events }) => events);
  }

  /** What each watch was given. */
  watched(): readonly { readonly request: string; readonly events: readonly Event[] }[] {
    return this.#watches.map((watch) => ({
      request: show(watch.request),
      events: this.#some.events(watch.id),
    }));
  }

  /** Throws where a watch was given what isn't its own, or missed some, or a revision was torn apart. */
  check(): void {
    for (const watch of this.#watches) {
      const got = this.#some.events(watch.id).map(({ type, kv }) => ({ type, kv }));
      // A watch that was stopped may lack what came after.
      const due = this.#due(watch).slice(0, this.#open.includes(watch) ? undefined : got.length);
      if (
        JSON.stringify(got, plain) !==
        JSON.stringify(
          due.map(({ type, kv }) => ({ type, kv })),
          plain,
        )
      ) {
        throw new Error(
          `${this.#name}: watch ${show(watch.request)} got\n${show(got)}\nand not\n${show(due)}`,
        );
      }
    }
    for (const watching of [this.#all, this.#some]) {
      const newest = new Map<bigint, number>();
      for (const { watchId, events, header } of watching.responses) {
        const first = events[0]?.kv?.modRevision;
        const last = events.at(-1)?.kv?.modRevision;
        if (first === undefined || last === undefined) continue;
        const before = newest.get(watchId) ?? 0;
        if (first <= before)
          throw new Error(`${this.#name}: watch ${watchId}: revision ${first} after ${before}, or split`);
        if ((header?.revision ?? 0) < last)
          throw new Error(`${this.#name}: watch ${watchId}: an event ahead of its header`);
        newest.set(watchId, last);
      }
    }
  }

  end(): void {
    this.#all.cancel();
    this.#some.cancel();
  }

  async #watch(asked: WatchCreateRequest, now: Now): Promise<unknown> {
    const request = await this.#visiblySynced(asked, now);
    const created = await this.#some.created(request);
    const { canceled, watchId: id } = created;
    if (canceled) return created;
    const from = request.startRevision === 0 ? now.revision + 1 : request.startRevision;
    const watch = { id, request, from, compacted: from < now.compacted };
    if (!watch.compacted) {
      this.#watches.push(watch);
      this.#open.push(watch);
      return created;
    }
    const refused = await this.#some.that(() =>
      this.#some.responses.find((response) => response.watchId === id && response.canceled),
    );
    // Sent when the server gets round to it, so at any revision; etcd leaves the reason to the client, we say it.
    return [created, { ...refused, header: undefined, cancelReason: '' }];
  }

  /**
   * A watch that starts in the past, but at nothing, gives no sign of having caught up; a compaction that overtakes it
   * ends it. It starts now instead.
   */
  async #visiblySynced(asked: WatchCreateRequest, now: Now): Promise<WatchCreateRequest> {
    const { startRevision: from } = asked;
    if (from < Math.max(1, now.compacted) || from > now.revision) return asked;
    await this.settle(now);
    return this.#due({ request: asked, from }).length > 0 ? asked : { ...asked, startRevision: 0 };
  }

  #due({ request, from }: Pick<Watch, 'request' | 'from'>): readonly Event[] {
    const { rangeEnd, filters } = request;
    // To watch no key is to watch the first possible one.
    const key = request.key.length === 0 ? bytes('\0') : request.key;
    return this.record().filter((event) => {
      const at = event.kv?.key ?? bytes('');
      if ((event.kv?.modRevision ?? 0) < from) return false;
      // PUT is type 0 and NOPUT filter 0, DELETE 1 and NODELETE 1.
      if (filters.some((filter: WatchCreateRequest_FilterType) => Number(filter) === Number(event.type)))
        return false;
      if (rangeEnd.length === 0) return at.equals(key);
      return at.compare(key) >= 0 && (rangeEnd.equals(bytes('\0')) || at.compare(rangeEnd) < 0);
    });
  }
}

/** For messages: keys and values as text, IDs in hex. */
export function show(value: unknown): string {
  return JSON.stringify(value, plain);
}

function plain(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString(16);
  if (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    value.type === 'Buffer' &&
    'data' in value
  ) {
    return Buffer.from(value.data as number[]).toString('latin1');
  }
  return value;
}
