import { LoadClient } from '../grpc-load.js';
import type { Bench } from '../plan.js';
import { below } from '../report.js';
import type { Kind, Server } from '../servers.js';
import { sleep, within } from '../wait.js';
import { BenchCluster, statusOf } from './bench-cluster.js';
import { PacedPuts } from './paced-puts.js';

const VALUE = Buffer.alloc(256, 'c');
const PUTS_A_SECOND = 500;
const LOAD_LIMIT_MS = 300_000;
const CATCH_UP_LIMIT_MS = 300_000;

interface Size {
  readonly keys: number;
  /** So many transactions that no log holds them: etcd keeps 5,000 entries, and up to `kept` more. */
  readonly keysPerTransaction: number;
  readonly kept: number;
}

const FULL: Size = { keys: 1_000_000, keysPerTransaction: 100, kept: 5_000 };
const QUICK: Size = { keys: 80_000, keysPerTransaction: 10, kept: 1_000 };

function* pairs(keys: number): Generator<readonly [string, Buffer]> {
  for (let index = 0; index < keys; index++) yield [String(index).padStart(8, '0'), VALUE];
}

/** What a follower that needs the whole state costs the leader's clients. */
export async function catchUp(bench: Bench): Promise<void> {
  await bench.interleaved('cluster: catch up', (kind) => run(bench, kind), bench.millionRounds);
}

async function run(bench: Bench, kind: Kind): Promise<void> {
  const size = bench.quick ? QUICK : FULL;
  const named = (what: string) => `cluster: ${size.keys.toLocaleString('en')} keys behind: ${what}`;
  const cluster = await BenchCluster.start(kind, [`--snapshot-count=${size.kept}`]);
  try {
    const leader = await cluster.leader();
    const [follower] = cluster.others(leader) as [Server, Server];
    await follower.stop('SIGKILL');
    await load(leader, size);
    await sleep(bench.quick ? 1_000 : 5_000);
    const client = await LoadClient.connect(leader.endpoint, 4);
    try {
      const puts = new PacedPuts(client, PUTS_A_SECOND);
      await sleep(1_000);
      puts.p99();
      await sleep(bench.quick ? 3_000 : 10_000);
      const before = puts.p99();
      const began = performance.now();
      await rejoin(leader, follower);
      const seconds = (performance.now() - began) / 1000;
      const during = puts.p99();
      await puts.stop();
      const { report } = bench;
      report.add({ name: named('caught up after'), unit: 's', better: 'lower' }, kind, seconds);
      report.add({ name: named('put p99 before'), unit: 'ms', better: 'lower' }, kind, before);
      report.add({ name: named('put p99 meanwhile'), unit: 'ms', better: 'lower' }, kind, during);
      report.add(
        { name: named('put p99 meanwhile, of before'), unit: '×', better: 'lower', mark: below(2, '×') },
        kind,
        during / before,
      );
    } finally {
      client.close();
    }
  } finally {
    await cluster.remove();
  }
}

async function load(leader: Server, { keys, keysPerTransaction }: Size): Promise<void> {
  const client = await LoadClient.connect(leader.endpoint, 4);
  try {
    await within(LOAD_LIMIT_MS, `${keys} keys`, client.loadAll(pairs(keys), keysPerTransaction));
  } finally {
    client.close();
  }
}

/** Starts the follower; resolves once it has applied what the leader had when it started. */
async function rejoin(leader: Server, follower: Server): Promise<void> {
  const { raftIndex: goal } = await statusOf(leader);
  const started = follower.run();
  const caughtUp = async (): Promise<void> => {
    for (const until = performance.now() + CATCH_UP_LIMIT_MS; performance.now() < until; await sleep(50)) {
      const state = await statusOf(follower).catch(() => undefined);
      if ((state?.raftAppliedIndex ?? 0) >= goal) return;
    }
    throw new Error(`the follower isn't at index ${goal} after ${CATCH_UP_LIMIT_MS} ms:\n${follower.output}`);
  };
  await Promise.all([started, caughtUp()]);
}
