import * as rpc from '../../src/proto/generated/etcd_rpc.js';
import { closedLoop } from '../closed-loop.js';
import { LoadClient } from '../grpc-load.js';
import { countAll, PATHS, put } from '../messages.js';
import type { Bench } from '../plan.js';
import { below, betterThanPeer } from '../report.js';
import { Server } from '../servers.js';
import { sleep, within } from '../wait.js';

const VALUE = Buffer.alloc(256, 'm');
const LOAD_LIMIT_MS = 300_000;
const COUNT_LIMIT_MS = 60_000;
const MiB = 2 ** 20;

function key(sequence: number): string {
  return String(sequence).padStart(8, '0');
}

function* pairs(keys: number): Generator<readonly [string, Buffer]> {
  for (let index = 0; index < keys; index++) yield [key(index), VALUE];
}

/** Memory with a million keys, and starts with them. It takes minutes, so it has rounds of its own: one by default. */
export async function million(bench: Bench): Promise<void> {
  const keys = bench.quick ? 50_000 : 1_000_000;
  const named = (what: string) => `${keys.toLocaleString('en')} keys: ${what}`;
  await bench.interleaved('million', (kind) => run(bench, kind, keys, named), bench.millionRounds);
}

async function run(
  bench: Bench,
  kind: Server['kind'],
  keys: number,
  named: (what: string) => string,
): Promise<void> {
  const { report } = bench;
  const memory = (what: string) =>
    ({ name: named(what), unit: 'MiB', better: 'lower', mark: betterThanPeer() }) as const;
  const start = (what: string) =>
    ({ name: named(what), unit: 'ms', better: 'lower', mark: below(1000, 'ms') }) as const;
  const server = await Server.start(kind);
  try {
    const seconds = await load(server, keys);
    report.add({ name: named('loaded, 100 a txn'), unit: '1/s', better: 'higher' }, kind, keys / seconds);
    // Let flushes and garbage collectors come to rest: what stays is what the keys cost.
    await sleep(bench.quick ? 500 : 5000);
    report.add(memory('anonymous memory after the load'), kind, server.anonymousBytes() / MiB);

    await server.stop('SIGTERM');
    report.add(start('start after a clean stop'), kind, await server.run());
    await expectKeys(server, keys);
    await sleep(bench.quick ? 500 : 5000);
    report.add(memory('anonymous memory after a start'), kind, server.anonymousBytes() / MiB);

    await writeHard(server, keys, bench.quick ? 500 : 8000);
    await server.stop('SIGKILL');
    report.add(start('start after kill -9 among writes'), kind, await server.run());
    await expectKeys(server, keys);
  } finally {
    await server.remove();
  }
}

/** Answers how many seconds it took. */
async function load(server: Server, keys: number): Promise<number> {
  const client = await LoadClient.connect(server.endpoint, 4);
  try {
    const began = performance.now();
    await within(LOAD_LIMIT_MS, `${keys} keys`, client.loadAll(pairs(keys)));
    const seconds = (performance.now() - began) / 1000;
    await expectKeys(server, keys);
    return seconds;
  } finally {
    client.close();
  }
}

/** Puts over the same keys up to the moment of the kill, which comes while they are under way. */
async function writeHard(server: Server, keys: number, ms: number): Promise<void> {
  const client = await LoadClient.connect(server.endpoint, 10);
  const message = (sequence: number) => put(key((sequence * 7919) % keys), VALUE);
  const load = { client, clients: 100, path: PATHS.put, message };
  try {
    await closedLoop({ ...load, warmUpMs: 0, measureMs: ms });
    // This one isn't waited for: its calls are what the kill cuts off, and their failure is wanted.
    closedLoop({ ...load, warmUpMs: 0, measureMs: 60_000 }).catch(() => undefined);
    await sleep(200);
    await server.stop('SIGKILL');
  } finally {
    client.close();
  }
}

async function expectKeys(server: Server, keys: number): Promise<void> {
  const client = await LoadClient.connect(server.endpoint);
  try {
    const answer = await within(
      COUNT_LIMIT_MS,
      'the count of all keys',
      client.call(PATHS.range, countAll()),
    );
    const { count } = rpc.RangeResponse.decode(answer);
    if (count !== keys) throw new Error(`${server.kind} has ${count} keys, not ${keys}`);
  } finally {
    client.close();
  }
}
