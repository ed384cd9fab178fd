import { cluster } from './cluster/cluster.js';
import { Bench } from './plan.js';
import { describeMachine, save, versionOf } from './results.js';
import { kv } from './scenarios/kv.js';
import { million } from './scenarios/million.js';
import { render } from './scenarios/render/render.js';
import { watch } from './scenarios/watch.js';
import { confetdCommand, type Kind } from './servers.js';

const PARTS: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  kv,
  watch,
  million,
  render,
  cluster,
};

const USAGE = `usage: npm run bench -- [${Object.keys(PARTS).join('] [')}] [--quick]
BENCH_ROUNDS=5        rounds of everything but the million keys and the cluster's faults
BENCH_MILLION_ROUNDS=1   rounds of these
BENCH_KINDS=confetd,etcd
`;

function positive(name: string, fallback: number): number {
  const value = Number(process.env[name] ?? fallback);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name} must be a whole number from 1 on`);
  return value;
}

function readKinds(etcdVersion: string | undefined): Kind[] {
  const asked = process.env.BENCH_KINDS?.split(',');
  if (asked === undefined) {
    if (etcdVersion !== undefined) return ['confetd', 'etcd'];
    process.stderr.write('etcd isn’t installed: confetd alone\n');
    return ['confetd'];
  }
  return asked.map((kind) => {
    if (kind !== 'confetd' && kind !== 'etcd')
      throw new Error(`BENCH_KINDS: ${kind} is neither confetd nor etcd`);
    return kind;
  });
}

async function main(args: readonly string[]): Promise<void> {
  const quick = args.includes('--quick');
  const named = args.filter((arg) => arg !== '--quick');
  const parts = named.length > 0 ? named : Object.keys(PARTS);
  if (parts.some((part) => !Object.hasOwn(PARTS, part))) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
    return;
  }
  const etcd = versionOf('etcd');
  const kinds = readKinds(etcd);
  const bench = new Bench({
    kinds,
    quick,
    rounds: quick ? 1 : positive('BENCH_ROUNDS', 5),
    millionRounds: quick ? 1 : positive('BENCH_MILLION_ROUNDS', 1),
  });
  const machine = await describeMachine();
  for (const part of parts) await PARTS[part]?.(bench);
  bench.report.print();
  const versions = { confetd: versionOf(confetdCommand) ?? 'unknown', etcd: etcd ?? 'not installed' };
  const path = await save(bench, parts, { machine, versions });
  process.stdout.write(`${path}\n`);
  if (bench.report.failures.length > 0) process.exitCode = 1;
}

await main(process.argv.slice(2));
process.exit();
