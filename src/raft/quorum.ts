import type { NodeId } from './types.js';

/** How many of `voters` members are more than half of them. */
export function majority(voters: number): number {
  return (voters >> 1) + 1;
}

/**
 * The highest index that a majority has reached, given what each voter has (Raft paper, section 5.3). Without voters
 * there is no majority: 0.
 */
export function quorumIndex(matches: readonly number[]): number {
  if (matches.length <= 1) return matches[0] ?? 0;
  const descending = matches.toSorted((a, b) => b - a);
  return descending[majority(matches.length) - 1] as number;
}

export type VoteResult = 'won' | 'lost' | 'pending';

/** Where an election stands. Votes of members that aren't voters don't count. */
export function voteResult(voters: ReadonlySet<NodeId>, votes: ReadonlyMap<NodeId, boolean>): VoteResult {
  let granted = 0;
  let rejected = 0;
  for (const voter of voters) {
    const vote = votes.get(voter);
    if (vote === true) granted++;
    else if (vote === false) rejected++;
  }
  const needed = majority(voters.size);
  if (granted >= needed) return 'won';
  // Without voters nothing can be won.
  return voters.size - rejected < needed ? 'lost' : 'pending';
}

/** Whether the members in `ids` hold a majority of the voters. */
export function hasQuorum(voters: ReadonlySet<NodeId>, ids: ReadonlySet<NodeId>): boolean {
  let count = 0;
  for (const voter of voters) if (ids.has(voter)) count++;
  return count >= majority(voters.size);
}
