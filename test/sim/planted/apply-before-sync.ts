import type { Entry } from '../../../src/proto/generated/raft.js';
import { RawNode } from '../../../src/raft/rawnode.js';
import { wrap } from '../wrap.js';
import type { Planted } from './types.js';

interface Node {
  /** Being written. */
  pending: Entry[];
  /** The newest entry handed out for applying, by raft and by us. */
  official: number;
  given: number;
}

/** What a quorum has is applied, though this member's own log doesn't have it on the disk yet. */
export const applyBeforeSync: Planted = {
  name: "apply before the member's own sync",
  profile: 'slow',
  seeds: 40,
  plant: () => {
    const nodes = new WeakMap<RawNode, Node>();
    const of = (raft: RawNode): Node => {
      const known = nodes.get(raft);
      if (known !== undefined) return known;
      const { applied } = raft.status;
      const node: Node = { pending: [], official: applied, given: applied };
      nodes.set(raft, node);
      return node;
    };
    const undo = [
      wrap(
        RawNode.prototype,
        'ready',
        (ready) =>
          function (this: RawNode) {
            const node = of(this);
            const handedOut = ready.call(this);
            const { append } = handedOut;
            const first = append?.entries[0]?.index ?? Number.POSITIVE_INFINITY;
            node.pending = [...node.pending.filter(({ index }) => index < first), ...(append?.entries ?? [])];
            if (append?.snapshot?.metadata !== undefined) {
              node.pending = [...append.entries];
              node.official = append.snapshot.metadata.index;
              node.given = node.official;
            }
            node.official = handedOut.committed.at(-1)?.index ?? node.official;
            const { commit } = this.status;
            const committed = handedOut.committed.filter(({ index }) => index > node.given);
            node.given = committed.at(-1)?.index ?? node.given;
            for (const entry of node.pending) {
              if (entry.index !== node.given + 1 || entry.index > commit) continue;
              committed.push(entry);
              node.given = entry.index;
            }
            return { ...handedOut, committed };
          },
      ),
      wrap(
        RawNode.prototype,
        'applied',
        (applied) =>
          function (this: RawNode, index) {
            applied.call(this, Math.min(index, of(this).official));
          },
      ),
    ];
    return () => {
      for (const each of undo) each();
    };
  },
};
