import { MessageType } from '../../../src/proto/generated/raft.js';
import { RawNode } from '../../../src/raft/rawnode.js';
import { wrap } from '../wrap.js';
import type { Planted } from './types.js';

/** A member that takes a snapshot keeps the configuration that it had. */
export const snapshotWithoutConfiguration: Planted = {
  name: 'apply a snapshot without its configuration',
  profile: 'membership',
  seeds: 20,
  plant: () =>
    wrap(
      RawNode.prototype,
      'step',
      (step) =>
        function (this: RawNode, message) {
          const { type, snapshot } = message;
          if (type === MessageType.SNAP && snapshot?.metadata !== undefined) {
            const { confState } = this.status;
            step.call(this, {
              ...message,
              snapshot: { ...snapshot, metadata: { ...snapshot.metadata, confState } },
            });
          } else {
            step.call(this, message);
          }
        },
    ),
};
