import { FROM_KEY_END } from '../base/bytes.js';
import { formatId } from '../cluster/identity.js';
import type { Member } from '../member/member.js';
import type { EmbeddedFeed } from '../source/feed.js';
import { rangeQuery } from '../store/range-query.js';

/** This process's member as the renderer's source of keys: its applied state, without asking for a quorum. */
export function memberFeed(member: Member): EmbeddedFeed {
  return {
    origin: formatId(member.identity.clusterId),
    // A member that serves has been current once; from then on its own state is good enough to render.
    ready: () => Promise.resolve(),
    async page(range, revision, limit) {
      const query = rangeQuery(range, { revision, limit, uncounted: true });
      const result = await member.readApplied(query);
      return { revision: revision || result.revision, pairs: result.kvs, more: result.more };
    },
    watch: (startRevision, sink) =>
      member.watch({ key: '\0', end: FROM_KEY_END, startRevision, noPut: false, noDelete: false }, sink),
  };
}
