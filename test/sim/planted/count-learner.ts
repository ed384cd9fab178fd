import { Membership } from '../../../src/raft/confchange.js';
import { majority } from '../../../src/raft/quorum.js';
import { wrap } from '../wrap.js';
import type { Planted } from './types.js';

/** What a learner has counts as if a voter had it. */
export const countLearner: Planted = {
  name: 'count a learner',
  profile: 'learners',
  seeds: 60,
  plant: () =>
    wrap(
      Membership.prototype,
      'quorumMatch',
      () =>
        function (this: Membership) {
          const matches = [...this.progress.values()].map(({ match }) => match);
          return matches.toSorted((a, b) => b - a)[majority(this.voters.size) - 1] ?? 0;
        },
    ),
};
