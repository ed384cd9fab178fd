import { closedLoop } from '../closed-loop.js';
import { LoadClient } from '../grpc-load.js';
import { compareAndPut, PATHS, put, range } from '../messages.js';
import type { Bench } from '../plan.js';
import { atLeast, type Figure } from '../report.js';
import { Server } from '../servers.js';

const VALUE = Buffer.alloc(256, 'v');
const KEYS = 10_000;

function key(sequence: number): string {
  return String(sequence % KEYS).padStart(8, '0');
}

interface Scenario {
  readonly figure: Figure;
  readonly path: string;
  readonly clients: number;
  readonly message: (sequence: number) => Uint8Array;
  readonly answerBytes?: number;
}

function perSecond(name: string, ratio?: number): Figure {
  return {
    name,
    unit: '1/s',
    better: 'higher',
    ...(ratio === undefined ? {} : { mark: atLeast(ratio) }),
  };
}

/** In this order: the first puts make the keys that the later ones read. */
const SCENARIOS: readonly Scenario[] = [
  ...[1, 100, 1000].map((clients) => ({
    figure: perSecond(
      `puts, ${clients.toLocaleString('en')} client${clients === 1 ? '' : 's'}`,
      clients === 100 ? 0.7 : undefined,
    ),
    path: PATHS.put,
    clients,
    message: (sequence: number) => put(key(sequence), VALUE),
  })),
  ...[false, true].map((serializable) => ({
    figure: perSecond(`${serializable ? 'serializable' : 'linearizable'} ranges, 100 clients`, 1.2),
    path: PATHS.range,
    clients: 100,
    message: (sequence: number) => range(key(sequence), serializable),
    answerBytes: VALUE.length,
  })),
  {
    figure: perSecond('txns, 100 clients'),
    path: PATHS.txn,
    clients: 100,
    message: (sequence) => compareAndPut(key(sequence), VALUE),
    answerBytes: VALUE.length,
  },
];

/** Puts, ranges and transactions, each for the same time against each server. */
export async function kv(bench: Bench): Promise<void> {
  await bench.interleaved('kv', async (kind) => {
    const server = await Server.start(kind);
    try {
      await makeKeys(server);
      for (const scenario of SCENARIOS) await run(bench, server, scenario);
    } finally {
      await server.remove();
    }
  });
}

async function makeKeys(server: Server): Promise<void> {
  const client = await LoadClient.connect(server.endpoint);
  const keys = Array.from({ length: KEYS }, (_, index) => key(index));
  try {
    await client.loadAll(keys.map((name) => [name, VALUE] as const));
  } finally {
    client.close();
  }
}

async function run(bench: Bench, server: Server, scenario: Scenario): Promise<void> {
  const { figure, clients } = scenario;
  await bench.attempt(figure.name, server.kind, async () => {
    const client = await LoadClient.connect(server.endpoint, Math.ceil(clients / 10));
    try {
      const measureMs = bench.quick ? 700 : 3000;
      const result = await closedLoop({ ...scenario, client, warmUpMs: measureMs / 5, measureMs });
      bench.report.add(figure, server.kind, result.perSecond);
      bench.report.add(
        { name: `${figure.name}: p99`, unit: 'ms', better: 'lower' },
        server.kind,
        result.p99Ms,
      );
    } finally {
      client.close();
    }
  });
}
