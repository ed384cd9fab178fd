import type { Clock } from '../../io/clock.js';
import type { MemberService } from '../../member/types.js';
import type { HttpHandler } from './router.js';
import { send, sendJson } from './send.js';

/** How long a health check waits for the member to show that it is current; milliseconds. */
const READ_INDEX_MS = 1_000;

/** `/health`, etcd's words: unhealthy (503) without a leader, under an alarm, or when a quorum doesn't answer. */
export function health(member: MemberService, clock: Clock): HttpHandler {
  return async (_request, response) => {
    const healthy = await current(member, clock);
    sendJson(response, healthy ? 200 : 503, { health: healthy ? 'true' : 'false' });
  };
}

/** `/readyz`: ready to serve reads and writes. */
export function readyz(member: MemberService, clock: Clock): HttpHandler {
  return async (_request, response) => {
    const ready = await current(member, clock);
    send(response, ready ? 200 : 503, 'text/plain; charset=utf-8', ready ? 'ok\n' : 'not ready\n');
  };
}

/** `/livez`: this process answers. */
export const livez: HttpHandler = (_request, response) => {
  send(response, 200, 'text/plain; charset=utf-8', 'ok\n');
};

async function current(member: MemberService, clock: Clock): Promise<boolean> {
  const { leader, errors } = member.status();
  if (leader === 0n || errors.length > 0) return false;
  return new Promise((resolve) => {
    const timer = clock.schedule(READ_INDEX_MS, () => resolve(false));
    member
      .linearizable()
      .then(
        () => resolve(true),
        () => resolve(false),
      )
      .finally(() => timer.cancel());
  });
}
