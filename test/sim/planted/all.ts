import { acceptStaleAcknowledgement } from './accept-stale-acknowledgement.js';
import { acknowledgeBeforeSync } from './acknowledge-before-sync.js';
import { applyBeforeSync } from './apply-before-sync.js';
import { countLearner } from './count-learner.js';
import { dropSegmentEarly } from './drop-segment-early.js';
import { expireOnFollower } from './expire-on-follower.js';
import { goOnAfterFailedSync } from './go-on-after-failed-sync.js';
import { letWipedMemberVote } from './let-wiped-member-vote.js';
import { readWithoutRound } from './read-without-round.js';
import { reuseReadContext } from './reuse-read-context.js';
import { showHalfAnEntry } from './show-half-an-entry.js';
import { skipVoteSync } from './skip-vote-sync.js';
import { snapshotWithoutConfiguration } from './snapshot-without-configuration.js';
import type { Planted } from './types.js';

/** Ways to lose data, each of which the simulator must find. */
export const PLANTED: readonly Planted[] = [
  acknowledgeBeforeSync,
  skipVoteSync,
  applyBeforeSync,
  goOnAfterFailedSync,
  dropSegmentEarly,
  acceptStaleAcknowledgement,
  countLearner,
  readWithoutRound,
  reuseReadContext,
  snapshotWithoutConfiguration,
  letWipedMemberVote,
  expireOnFollower,
  showHalfAnEntry,
];
