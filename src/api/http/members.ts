import type { MemberService } from '../../member/types.js';
import type { HttpHandler } from './router.js';
import { send } from './send.js';

/**
 * `/members` of the peer port, as etcd's members ask it of each other: IDs are JSON numbers of 64 bits,
 * and what a member has not told yet is left out.
 */
export function members(member: MemberService): HttpHandler {
  return async (_request, response) => {
    const list = await member.memberList({ linearizable: false });
    const rows = list.members.map(({ ID, name, peerURLs, clientURLs, isLearner }) => {
      const fields = {
        peerURLs,
        isLearner: isLearner ? true : undefined,
        name: name === '' ? undefined : name,
        clientURLs: clientURLs.length === 0 ? undefined : clientURLs,
      };
      return `{"id":${ID},${JSON.stringify(fields).slice(1)}`;
    });
    send(response, 200, 'application/json', `[${rows.join(',')}]\n`);
  };
}
