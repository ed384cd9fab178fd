import { closedLoop } from '../closed-loop.js';
import { LoadClient } from '../grpc-load.js';
import { PATHS, put } from '../messages.js';
import type { Bench } from '../plan.js';
import { below } from '../report.js';
import type { Kind, Server } from '../servers.js';
import { sleep } from '../wait.js';
import { BenchCluster, logBytes } from './bench-cluster.js';

const MiB = 2 ** 20;
const VALUE = Buffer.alloc(1024, 'w');
const KEYS = 10_000;
/** The configured log: about 5 MiB of these values. */
const KEPT = 5_000;

/** What a follower that is down costs the leader: its log's entries are wanted, but are not to be kept in memory. */
export async function memory(bench: Bench): Promise<void> {
  await bench.interleaved('cluster: memory', (kind) => run(bench, kind), bench.millionRounds);
}

async function run(bench: Bench, kind: Kind): Promise<void> {
  const writes = bench.quick ? 10_000 : 100_000;
  const { report } = bench;
  const cluster = await BenchCluster.start(kind, [`--snapshot-count=${KEPT}`]);
  try {
    const leader = await cluster.leader();
    const [follower] = cluster.others(leader) as [Server, Server];
    const name = `cluster: leader, follower down for ${writes.toLocaleString('en')} writes`;
    const memoryOf = async (): Promise<number> => {
      // Flushes, compaction of the log and garbage collectors come to rest.
      await sleep(bench.quick ? 1_000 : 5_000);
      return leader.anonymousBytes() / MiB;
    };
    // As many before, so that what follows isn't what any load takes.
    await write(leader, writes);
    const before = await memoryOf();
    const logBefore = (await logBytes(leader)) / MiB;
    await follower.stop('SIGKILL');
    await write(leader, writes);
    const after = await memoryOf();
    const figure = (what: string) => ({ name: `${name}: ${what}`, unit: 'MiB', better: 'lower' }) as const;
    report.add(figure('anonymous memory before'), kind, before);
    report.add(figure('anonymous memory after'), kind, after);
    // Half of what was written: were it kept, growth would be all of it; the rest of the room is the collector's noise.
    const half = (writes * VALUE.length) / 2 / MiB;
    report.add(
      { ...figure('anonymous memory grown by'), mark: below(Math.max(half, 32), 'MiB') },
      kind,
      Math.max(0, after - before),
    );
    report.add(figure('log on disk before'), kind, logBefore);
    report.add(figure('log on disk after'), kind, (await logBytes(leader)) / MiB);
  } finally {
    await cluster.remove();
  }
}

/** So many puts by 100 clients, whatever time they take. */
async function write(leader: Server, count: number): Promise<void> {
  const client = await LoadClient.connect(leader.endpoint, 10);
  try {
    let done = 0;
    while (done < count) {
      const { calls } = await closedLoop({
        client,
        clients: 100,
        path: PATHS.put,
        message: (sequence) => put(String(sequence % KEYS).padStart(8, '0'), VALUE),
        warmUpMs: 0,
        measureMs: 500,
      });
      done += calls;
    }
  } finally {
    client.close();
  }
}
