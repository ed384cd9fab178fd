import { MemoryStorage } from '../../src/raft/memory-storage.js';
import { wrap } from './wrap.js';

let maxBytes = Number.POSITIVE_INFINITY;

/** Until the next call, members of this thread hold no more of their logs in memory than so many bytes. */
export function limitLogMemory(bytes: number): void {
  maxBytes = bytes;
}

// A member's own bound is far above what a run writes: nothing would ever be read back, or sent as a snapshot.
wrap(
  MemoryStorage.prototype,
  'trim',
  (trim) =>
    function (this: MemoryStorage, index, bytes) {
      trim.call(this, index, Math.min(bytes, maxBytes));
    },
);
