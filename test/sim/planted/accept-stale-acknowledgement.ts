import type { Entry, Snapshot } from '../../../src/proto/generated/raft.js';
import { Unstable } from '../../../src/raft/unstable.js';
import type { Planted } from './types.js';

/** The end of a log that remembers how many entries are being written, and not which. */
class Naive {
  offset: number;
  entries: Entry[] = [];
  writing = 0;
  snapshot: Snapshot | undefined;
  snapshotWriting = false;

  constructor(offset: number) {
    this.offset = offset;
  }

  truncate(index: number): void {
    if (index <= this.offset) {
      this.offset = index;
      this.entries = [];
    } else {
      this.entries.length = index - this.offset;
    }
  }

  take(): { snapshot: Snapshot | undefined; entries: readonly Entry[] } {
    const entries = this.entries.slice(this.writing);
    this.writing = this.entries.length;
    this.snapshotWriting = this.snapshot !== undefined;
    return { snapshot: this.snapshot, entries };
  }

  /** What has come in the place of the entries written is taken for durable. */
  written(): void {
    if (this.snapshotWriting) this.snapshot = undefined;
    this.snapshotWriting = false;
    const count = Math.min(this.writing, this.entries.length);
    this.offset += count;
    this.entries = this.entries.slice(count);
    this.writing = 0;
  }

  restore(snapshot: Snapshot, index: number): void {
    this.offset = index + 1;
    this.entries = [];
    this.writing = 0;
    this.snapshot = snapshot;
    this.snapshotWriting = false;
  }
}

/** The end of a write makes durable whatever stands by then where the written entries stood. */
export const acceptStaleAcknowledgement: Planted = {
  name: 'accept a stale acknowledgement after truncation',
  profile: 'overwrites',
  seeds: 60,
  plant: () => {
    const naive = new WeakMap<Unstable, Naive>();
    const own = Object.getOwnPropertyDescriptors(Unstable.prototype);
    const offsetOf = own.offset.get;
    const of = (unstable: Unstable): Naive => {
      let found = naive.get(unstable);
      if (found === undefined) {
        // Asked for the first time: nothing has happened to it yet.
        found = new Naive(offsetOf?.call(unstable) as number);
        naive.set(unstable, found);
      }
      return found;
    };
    Object.defineProperties(Unstable.prototype, {
      offset: {
        configurable: true,
        get: function (this: Unstable) {
          return of(this).offset;
        },
      },
      lastIndex: {
        configurable: true,
        get: function (this: Unstable) {
          return of(this).offset + of(this).entries.length - 1;
        },
      },
      snapshot: {
        configurable: true,
        get: function (this: Unstable) {
          return of(this).snapshot;
        },
      },
      hasWaiting: {
        configurable: true,
        get: function (this: Unstable) {
          const { entries, writing, snapshot, snapshotWriting } = of(this);
          return entries.length > writing || (snapshot !== undefined && !snapshotWriting);
        },
      },
      at: method((unstable, index: number) => of(unstable).entries[index - of(unstable).offset]),
      collect: method((unstable, low: number, high: number, into: Entry[]) => {
        for (let index = low; index < high; index++) into.push(unstable.at(index) as Entry);
      }),
      push: method((unstable, entry: Entry) => void of(unstable).entries.push(entry)),
      truncate: method((unstable, index: number) => of(unstable).truncate(index)),
      restore: method((unstable, snapshot: Snapshot, index: number) => of(unstable).restore(snapshot, index)),
      take: method((unstable) => of(unstable).take()),
      written: method((unstable) => of(unstable).written()),
    });
    return () => {
      Object.defineProperties(Unstable.prototype, own);
    };
  },
};

function method<A extends unknown[], R>(run: (unstable: Unstable, ...args: A) => R): PropertyDescriptor {
  return {
    configurable: true,
    writable: true,
    value: function (this: Unstable, ...args: A): R {
      return run(this, ...args);
    },
  };
}
