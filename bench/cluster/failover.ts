import { LoadClient } from '../grpc-load.js';
import { PATHS, put } from '../messages.js';
import type { Bench } from '../plan.js';
import { atMost, median } from '../report.js';
import type { Server } from '../servers.js';
import { sleep, within } from '../wait.js';
import { BenchCluster, ELECTION_MS } from './bench-cluster.js';

const ASK_EVERY_MS = 5;
const LIMIT_MS = 30_000;

/** How long the survivors of a leader that is killed acknowledge no write. */
export async function failover(bench: Bench): Promise<void> {
  const times = bench.quick ? 3 : 10;
  await bench.interleaved(
    'cluster: failover',
    async (kind) => {
      const cluster = await BenchCluster.start(kind);
      try {
        const gaps: number[] = [];
        for (let time = 0; time < times; time++) {
          const leader = await cluster.leader();
          gaps.push((await killAndWrite(cluster, leader)) / ELECTION_MS);
          await leader.run();
        }
        const unit = 'election timeouts';
        const name = `cluster: leader killed, next write, median of ${times}`;
        bench.report.add({ name, unit, better: 'lower', mark: atMost(2, unit) }, kind, median(gaps));
        const longest = `cluster: leader killed, next write, longest of ${times}`;
        bench.report.add({ name: longest, unit, better: 'lower' }, kind, Math.max(...gaps));
      } finally {
        await cluster.remove();
      }
    },
    bench.millionRounds,
  );
}

/** Milliseconds from the kill to the first acknowledgement of a put that was sent after it. */
async function killAndWrite(cluster: BenchCluster, leader: Server): Promise<number> {
  const clients = await Promise.all(
    cluster.others(leader).map(({ endpoint }) => LoadClient.connect(endpoint)),
  );
  try {
    const killed = performance.now();
    const ended = leader.stop('SIGKILL');
    let asking = true;
    const first = new Promise<number>((resolve) => {
      const ask = async (): Promise<void> => {
        for (let sequence = 0; asking && performance.now() - killed < LIMIT_MS; sequence++) {
          // Those refused, and those lost with the old leader, are only not the first.
          for (const client of clients) {
            client.start(PATHS.put, put('failover', String(sequence)), (error) => {
              if (error === undefined) resolve(performance.now() - killed);
            });
          }
          await sleep(ASK_EVERY_MS);
        }
      };
      void ended.then(ask);
    });
    try {
      return await within(LIMIT_MS, 'a write after the death of the leader', first);
    } finally {
      asking = false;
    }
  } finally {
    for (const client of clients) client.close();
  }
}
