import type { HardState } from '../../../src/proto/generated/raft.js';
import { Wal } from '../../../src/wal/wal.js';
import { wrap } from '../wrap.js';
import type { Planted } from './types.js';

/** A term and a vote alone aren't worth a write: they go with the next entries. */
export const skipVoteSync: Planted = {
  name: "skip the vote's sync",
  profile: 'elections',
  seeds: 60,
  plant: () => {
    const owed = new WeakMap<Wal, HardState>();
    return wrap(
      Wal.prototype,
      'append',
      (append) =>
        function (this: Wal, entries, hardState) {
          if (entries.length > 0) return append.call(this, entries, hardState ?? owed.get(this));
          if (hardState !== undefined) owed.set(this, hardState);
          return Promise.resolve();
        },
    );
  },
};
