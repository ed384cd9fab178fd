import type { LoadClient } from './grpc-load.js';

export interface LoadResult {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly calls: number;
}

export interface Load {
  readonly client: LoadClient;
  /** Loops, each with one call under way. */
  readonly clients: number;
  readonly path: string;
  readonly message: (sequence: number) => Uint8Array;
  /** The least length of an answer that can be right. */
  readonly answerBytes?: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** An answer that takes longer fails the load. */
const PATIENCE_MS = 15_000;

/** Calls for as long as was asked; counts those answered within the measured time. Fails with the first call that does. */
export function closedLoop(load: Load): Promise<LoadResult> {
  const { client, clients, path, message, answerBytes = 0, warmUpMs, measureMs } = load;
  const latencies: number[] = [];
  const began = performance.now();
  const from = began + warmUpMs;
  const until = from + measureMs;
  let sequence = 0;
  let running = clients;
  return new Promise((resolve, reject) => {
    const limit = setTimeout(
      () => reject(new Error(`${running} of ${clients} calls have no answer`)),
      warmUpMs + measureMs + PATIENCE_MS,
    );
    const fail = (error: Error) => {
      clearTimeout(limit);
      reject(error);
    };
    const next = () => {
      const sent = performance.now();
      if (sent >= until) {
        if (--running > 0) return;
        clearTimeout(limit);
        resolve({ ...percentiles(latencies), perSecond: (latencies.length / measureMs) * 1000 });
        return;
      }
      client.start(path, message(sequence++), (error, bytes) => {
        if (error !== undefined) return fail(error);
        if (bytes < answerBytes) {
          return fail(new Error(`an answer of ${bytes} bytes: it lacks what was asked for`));
        }
        const now = performance.now();
        if (now >= from && now < until) latencies.push(now - sent);
        next();
      });
    };
    try {
      for (let index = 0; index < clients; index++) next();
    } catch (error) {
      fail(error as Error);
    }
  });
}

export function percentiles(values: readonly number[]): Omit<LoadResult, 'perSecond'> {
  if (values.length === 0) throw new Error('nothing was measured');
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number;
  return { p50Ms: at(0.5), p99Ms: at(0.99), calls: sorted.length };
}
