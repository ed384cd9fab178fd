import { FROM_KEY_END } from '../base/bytes.js';
import { formatId } from '../cluster/identity.js';
import type { Member } from '../member/member.js';
import type { EmbeddedFeed } from '../source/feed.js';
import { rangeQuery } from '../store/range-query.js';

/** What a feed needs of a member. */
export type FeedMember = Pick<
  Member,
  'identity' | 'leader' | 'caughtUp' | 'linearizable' | 'readApplied' | 'watch'
>;

/** This process's member as the renderer's source of keys: its applied state, without asking for a quorum. */
export function memberFeed(member: FeedMember): EmbeddedFeed {
  return {
    origin: formatId(member.identity.clusterId),
    get leaderKnown() {
      return member.leader !== 0n;
    },
    // One that has never caught up may hold a part of what the cluster has: files made of it would lack the rest. Who
    // follows asks again where no leader answers.
    ready: () => (member.caughtUp ? Promise.resolve() : member.linearizable()),
    async page(range, revision, limit) {
      const query = rangeQuery(range, { revision, limit, uncounted: true });
      const result = await member.readApplied(query);
      return { revision: revision || result.revision, pairs: result.kvs, more: result.more };
    },
    watch: (startRevision, sink) =>
      member.watch({ key: '\0', end: FROM_KEY_END, startRevision, noPut: false, noDelete: false }, sink),
  };
}
