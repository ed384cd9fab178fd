import { percentiles } from '../closed-loop.js';
import { LoadClient } from '../grpc-load.js';
import { PATHS, put, watchKey } from '../messages.js';
import type { Bench } from '../plan.js';
import { Server } from '../servers.js';
import { sleep, within } from '../wait.js';

const WATCHERS = 500;
const CONNECTIONS = 50;
const LIMIT_MS = 20_000;

/** One put, seen by 500 watchers, each on a stream of its own: from the put's call to the last watcher's event. */
export async function watch(bench: Bench): Promise<void> {
  await bench.interleaved('watch', async (kind) => {
    const server = await Server.start(kind);
    const writer = await LoadClient.connect(server.endpoint);
    const readers = await LoadClient.connect(server.endpoint, CONNECTIONS);
    try {
      const crowd = new Crowd(readers);
      await within(LIMIT_MS, `${WATCHERS} watchers`, crowd.begin());
      const times: number[] = [];
      for (let index = 0; index < (bench.quick ? 20 : 200); index++) {
        times.push(await within(LIMIT_MS, 'an event at every watcher', crowd.see(writer, index)));
        await sleep(2);
      }
      const result = percentiles(times.slice(Math.floor(times.length / 10)));
      const figure = (what: string) =>
        ({ name: `one put seen by ${WATCHERS} watchers: ${what}`, unit: 'ms', better: 'lower' }) as const;
      bench.report.add(figure('median'), kind, result.p50Ms);
      bench.report.add(figure('p99'), kind, result.p99Ms);
    } finally {
      readers.close();
      writer.close();
      await server.remove();
    }
  });
}

class Crowd {
  readonly #client: LoadClient;
  /** What a response must hold to count; undefined: any, since the first is the watch's creation. */
  #wanted: Buffer | undefined;
  #missing = WATCHERS;
  #done: () => void = () => {};
  #fail: (error: Error) => void = () => {};

  constructor(client: LoadClient) {
    this.#client = client;
  }

  /** Resolves once every watch was created. */
  begin(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#done = resolve;
      this.#fail = reject;
      for (let index = 0; index < WATCHERS; index++) {
        this.#client.stream(PATHS.watch, watchKey('watched'), {
          message: (bytes) => this.#onMessage(bytes),
          end: (error) => this.#fail(error ?? new Error('a watch ended')),
        });
      }
    });
  }

  /** Milliseconds from the call of a put to the last event. */
  async see(writer: LoadClient, sequence: number): Promise<number> {
    const value = `put-${String(sequence).padStart(8, '0')}`;
    this.#wanted = Buffer.from(value);
    this.#missing = WATCHERS;
    const seen = new Promise<void>((resolve, reject) => {
      this.#done = resolve;
      this.#fail = reject;
    });
    const began = performance.now();
    const answered = writer.call(PATHS.put, put('watched', value));
    await seen;
    const took = performance.now() - began;
    await answered;
    return took;
  }

  #onMessage(bytes: Buffer): void {
    if (this.#wanted !== undefined && !bytes.includes(this.#wanted)) return;
    if (--this.#missing === 0) this.#done();
  }
}
