import { RawNode } from '../../../src/raft/rawnode.js';
import type { ReadState } from '../../../src/raft/types.js';
import { wrap } from '../wrap.js';
import type { Planted } from './types.js';

/** A leader answers reads at once, without asking anybody whether it still leads. */
export const readWithoutRound: Planted = {
  name: 'read without the heartbeat round',
  profile: 'stale',
  seeds: 20,
  plant: () => {
    const answers = new WeakMap<RawNode, ReadState[]>();
    const undo = [
      wrap(
        RawNode.prototype,
        'readIndex',
        (readIndex) =>
          function (this: RawNode, context) {
            const { role, commit } = this.status;
            if (role !== 'leader') return readIndex.call(this, context);
            answers.set(this, [...(answers.get(this) ?? []), { context, index: commit }]);
            return true;
          },
      ),
      wrap(
        RawNode.prototype,
        'hasReady',
        (hasReady) =>
          function (this: RawNode) {
            return hasReady.call(this) || (answers.get(this)?.length ?? 0) > 0;
          },
      ),
      wrap(
        RawNode.prototype,
        'ready',
        (ready) =>
          function (this: RawNode) {
            const handedOut = ready.call(this);
            const readStates = [...handedOut.readStates, ...(answers.get(this) ?? [])];
            answers.delete(this);
            return { ...handedOut, readStates };
          },
      ),
    ];
    return () => {
      for (const each of undo) each();
    };
  },
};
