import { ConfetdError, messageOf } from '../../base/errors.js';
import { EXIT, ExitError } from '../exit-error.js';
import type { EndpointHash, EndpointHealth, EndpointStatus } from '../output/format.js';
import { command, type Invocation } from './command.js';

const CLUSTER = {
  cluster: { kind: 'boolean', default: false, usage: 'all endpoints that the members advertise' },
} as const;

async function endpointsOf(invocation: Invocation, cluster: boolean): Promise<readonly string[]> {
  if (!cluster) return invocation.globals.endpoints;
  const client = await invocation.client();
  const { members } = await client.memberList();
  return members.flatMap(({ clientURLs }) => clientURLs);
}

export const endpointStatus = command({
  name: 'endpoint status',
  synopsis: '[--cluster]',
  description:
    'In the simple format: endpoint, ID, version, db size, is leader, is learner, raft term, raft index, raft applied\n' +
    'index, errors.',
  flags: CLUSTER,
  async run(invocation, flags) {
    const printer = await invocation.printer();
    const client = await invocation.client();
    const found: EndpointStatus[] = [];
    let failed = false;
    for (const endpoint of await endpointsOf(invocation, flags.cluster)) {
      try {
        found.push({ endpoint, status: await client.status(endpoint) });
      } catch (error) {
        failed = true;
        await invocation.ports.stderr(
          `Failed to get the status of endpoint ${endpoint} (${messageOf(error)})\n`,
        );
      }
    }
    if (found.length > 0 || !failed) await invocation.print(printer.endpointStatus(found));
    if (failed) throw new ExitError(EXIT.error, '');
  },
});

export const endpointHashKv = command({
  name: 'endpoint hashkv',
  synopsis: '[--cluster] [--rev N]',
  flags: { ...CLUSTER, rev: { kind: 'integer', default: 0, usage: 'as of a revision; 0: now' } },
  async run(invocation, flags) {
    const printer = await invocation.printer();
    const client = await invocation.client();
    const hashes: EndpointHash[] = [];
    for (const endpoint of await endpointsOf(invocation, flags.cluster)) {
      try {
        hashes.push({ endpoint, hash: await client.hashKv(endpoint, flags.rev) });
      } catch (error) {
        const reason = messageOf(error);
        await invocation.ports.stderr(`Failed to get the hash of endpoint ${endpoint} (${reason})\n`);
        throw new ExitError(EXIT.error, reason);
      }
    }
    await invocation.print(printer.endpointHashKv(hashes));
  },
});

export const endpointHealth = command({
  name: 'endpoint health',
  synopsis: '[--cluster]',
  flags: CLUSTER,
  async run(invocation, flags) {
    const printer = await invocation.printer();
    const healths: EndpointHealth[] = [];
    const endpoints = await endpointsOf(invocation, flags.cluster);
    // In the order in which they answer, as etcdctl lists them.
    await Promise.all(endpoints.map(async (endpoint) => healths.push(await healthOf(invocation, endpoint))));
    const output = printer.endpointHealth(healths);
    // etcdctl 3.4 writes this one format to standard error.
    if (invocation.globals['write-out'] === 'simple') await invocation.ports.stderr(String(output));
    else await invocation.print(output);
    if (healths.some(({ healthy }) => !healthy)) throw new ExitError(EXIT.error, 'unhealthy cluster');
  },
});

/** An endpoint is healthy that answers a linearizable read, be it with a refusal. */
async function healthOf(invocation: Invocation, endpoint: string): Promise<EndpointHealth> {
  const { clock } = invocation.ports;
  const client = await invocation.clientOf([endpoint]);
  const startMs = clock.monotonicMs();
  try {
    await client.range({ key: Buffer.from('health') });
    return { endpoint, healthy: true, tookMs: clock.monotonicMs() - startMs, error: '' };
  } catch (error) {
    const tookMs = clock.monotonicMs() - startMs;
    if (error instanceof ConfetdError && error.code === 'permission_denied') {
      return { endpoint, healthy: true, tookMs, error: '' };
    }
    return { endpoint, healthy: false, tookMs, error: messageOf(error) };
  } finally {
    client.close();
  }
}
