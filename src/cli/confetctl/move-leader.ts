import type { Client } from '../../client/client.js';
import {
  MaintenanceService,
  type Member,
  MoveLeaderRequest,
  type StatusResponse,
} from '../../proto/generated/etcd_rpc.js';
import { badArguments, command, type Invocation } from './command.js';
import { memberIdOf } from './member-id.js';

/** Where the leader is reached, and its ID. */
interface Leader {
  readonly endpoint: string;
  readonly id: bigint;
}

export const moveLeader = command({
  name: 'move-leader',
  synopsis: 'ID',
  description: 'Lets another voting member lead. The leader is found by asking the endpoints.',
  flags: {},
  async run(invocation) {
    const [text, ...more] = invocation.args;
    if (text === undefined || more.length > 0) throw badArguments('move-leader command needs 1 argument');
    const target = memberIdOf(text, badArguments);
    const leader = await findLeader(invocation);
    const client = await invocation.clientOf([leader.endpoint]);
    try {
      const request = MoveLeaderRequest.create({ targetID: target });
      const response = await client.call(MaintenanceService.moveLeader, request, 'write');
      await invocation.print((await invocation.printer()).moveLeader(response, leader.id, target));
    } finally {
      client.close();
    }
  },
});

/** Asks the endpoints, in turn; where none of them leads, what the members say of where their leader is reached. */
async function findLeader(invocation: Invocation): Promise<Leader> {
  const { endpoints } = invocation.globals;
  const client = await invocation.client();
  const led = new Set<bigint>();
  for (const endpoint of endpoints) {
    const status = await statusOf(client, endpoint);
    if (status === undefined) continue;
    if (leads(status)) return { endpoint, id: status.leader };
    led.add(status.leader);
  }
  const members = await client.memberList().then(
    (response) => response.members,
    (): Member[] => [],
  );
  for (const { ID, clientURLs } of members) {
    if (!led.has(ID)) continue;
    for (const endpoint of clientURLs) {
      const status = await statusOf(client, endpoint);
      if (status !== undefined && leads(status)) return { endpoint, id: ID };
    }
  }
  throw badArguments(`no leader endpoint given at [${endpoints.join(' ')}]`);
}

/** Undefined: it isn't there. */
function statusOf(client: Client, endpoint: string): Promise<StatusResponse | undefined> {
  return client.status(endpoint).catch(() => undefined);
}

function leads({ header, leader }: StatusResponse): boolean {
  return leader !== 0n && header?.memberId === leader;
}
