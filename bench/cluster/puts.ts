import { closedLoop } from '../closed-loop.js';
import { LoadClient } from '../grpc-load.js';
import { PATHS, put } from '../messages.js';
import type { Bench } from '../plan.js';
import { atLeast } from '../report.js';
import { BenchCluster } from './bench-cluster.js';

const VALUE = Buffer.alloc(256, 'v');
const KEYS = 10_000;

/** Puts to three members, by clients spread over all of them and by clients of the leader only. */
export async function puts(bench: Bench): Promise<void> {
  await bench.interleaved('cluster: puts', async (kind) => {
    const cluster = await BenchCluster.start(kind);
    try {
      for (const clients of [1, 100, 1000]) {
        for (const where of ['all members', 'the leader'] as const) {
          const name = `cluster: puts to ${where}, ${clients.toLocaleString('en')} client${clients === 1 ? '' : 's'}`;
          await bench.attempt(name, kind, () => run(bench, cluster, name, clients, where));
        }
      }
    } finally {
      await cluster.remove();
    }
  });
}

async function run(
  bench: Bench,
  cluster: BenchCluster,
  name: string,
  clients: number,
  where: 'all members' | 'the leader',
): Promise<void> {
  const leader = await cluster.leader();
  const endpoints = where === 'the leader' ? [leader.endpoint] : cluster.endpoints;
  // Ten clients a connection, and one to each endpoint at least.
  const connections = Math.max(endpoints.length, Math.ceil(clients / 10));
  const client = await LoadClient.connectAll(endpoints, connections);
  try {
    const measureMs = bench.quick ? 700 : 3000;
    const result = await closedLoop({
      client,
      clients,
      path: PATHS.put,
      message: (sequence) => put(String(sequence % KEYS).padStart(8, '0'), VALUE),
      warmUpMs: measureMs / 5,
      measureMs,
    });
    const mark = clients === 100 ? { mark: atLeast(0.5) } : {};
    bench.report.add({ name, unit: '1/s', better: 'higher', ...mark }, cluster.kind, result.perSecond);
    bench.report.add({ name: `${name}: p99`, unit: 'ms', better: 'lower' }, cluster.kind, result.p99Ms);
  } finally {
    client.close();
  }
}
