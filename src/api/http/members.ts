import type { MemberService } from '../../member/types.js';
import type { HttpHandler } from './router.js';
import { send } from './send.js';

/** `/members` of the peer port, as etcd's members ask it of each other: IDs are JSON numbers of 64 bits. */
export function members(member: MemberService): HttpHandler {
  return async (_request, response) => {
    const list = await member.memberList({ linearizable: false });
    const rows = list.members.map(({ ID, name, peerURLs, clientURLs }) => {
      const fields = { peerURLs, name, clientURLs };
      return `{"id":${ID},${JSON.stringify(fields).slice(1)}`;
    });
    send(response, 200, 'application/json', `[${rows.join(',')}]\n`);
  };
}
