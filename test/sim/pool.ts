import { Worker } from 'node:worker_threads';
import type { Result } from './run.js';

/** What a thread is to run. */
export interface Job {
  readonly seeds: readonly number[];
  readonly profile: string | undefined;
}

/** Runs seeds on several threads; the order in which results come is theirs. */
export async function runMany(
  job: Job & { readonly workers: number },
  done: (result: Result) => void,
): Promise<void> {
  const { seeds, profile, workers } = job;
  const share = (worker: number) => seeds.filter((_, at) => at % workers === worker);
  await Promise.all(
    Array.from({ length: workers }, (_, worker) => runWorker({ seeds: share(worker), profile }, done)),
  );
}

function runWorker(workerData: Job, done: (result: Result) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData });
    worker.on('message', done);
    worker.on('error', reject);
    worker.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))));
  });
}
