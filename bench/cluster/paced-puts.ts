import { percentiles } from '../closed-loop.js';
import type { LoadClient } from '../grpc-load.js';
import { PATHS, put } from '../messages.js';
import { sleep } from '../wait.js';

const VALUE = Buffer.alloc(256, 'p');
const KEYS = 1_000;
const TURN_MS = 2;
const PATIENCE_MS = 15_000;

/**
 * Puts at a rate that leaves the machine room, so that latencies before and during something can be compared: a closed
 * loop would take whatever that something leaves, and show the load's own queue.
 */
export class PacedPuts {
  readonly #client: LoadClient;
  readonly #perSecond: number;
  #latencies: number[] = [];
  #underWay = 0;
  #stopped = false;
  #failure: Error | undefined;
  readonly #running: Promise<void>;

  constructor(client: LoadClient, perSecond: number) {
    this.#client = client;
    this.#perSecond = perSecond;
    this.#running = this.#run();
  }

  /** The 99th percentile, in milliseconds, of those answered since the last time it was asked. */
  p99(): number {
    if (this.#failure !== undefined) throw this.#failure;
    const { p99Ms } = percentiles(this.#latencies);
    this.#latencies = [];
    return p99Ms;
  }

  /** Waits for the calls under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    const until = performance.now() + PATIENCE_MS;
    while (this.#underWay > 0 && performance.now() < until) await sleep(TURN_MS);
  }

  async #run(): Promise<void> {
    const began = performance.now();
    for (let sequence = 0; !this.#stopped && this.#failure === undefined; ) {
      const due = ((performance.now() - began) / 1000) * this.#perSecond;
      // After a stall of this process's own it doesn't make up for what it missed all at once.
      for (let burst = 0; sequence < due; sequence++) if (burst++ < 20) this.#put(sequence);
      await sleep(TURN_MS);
    }
  }

  #put(sequence: number): void {
    const sent = performance.now();
    this.#underWay++;
    this.#client.start(PATHS.put, put(`paced/${sequence % KEYS}`, VALUE), (error) => {
      this.#underWay--;
      if (error === undefined) this.#latencies.push(performance.now() - sent);
      else if (!this.#stopped) this.#failure ??= error;
    });
  }
}
