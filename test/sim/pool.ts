import { Worker } from 'node:worker_threads';
import { PLANTED } from './planted/all.js';
import type { Result } from './run.js';

/** What a thread is to do. */
export type Job =
  | { readonly kind: 'run'; readonly seeds: readonly number[]; readonly profile: string | undefined }
  | { readonly kind: 'hunt'; readonly planted: readonly string[] };

export type Report =
  | { readonly kind: 'ran'; readonly result: Result }
  | { readonly kind: 'hunted'; readonly name: string; readonly result: Result | undefined };

/** Runs seeds on several threads; the order in which results come is theirs. */
export async function runMany(
  job: { readonly seeds: readonly number[]; readonly profile: string | undefined; readonly workers: number },
  done: (result: Result) => void,
): Promise<void> {
  const { seeds, profile, workers } = job;
  await eachShare(seeds, workers, (share) =>
    work({ kind: 'run', seeds: share, profile }, (report) => {
      if (report.kind === 'ran') done(report.result);
    }),
  );
}

/** Plants each fault in turn, and looks for it. */
export async function huntAll(
  workers: number,
  done: (name: string, result: Result | undefined) => void,
): Promise<void> {
  const names = PLANTED.map(({ name }) => name);
  await eachShare(names, workers, (planted) =>
    work({ kind: 'hunt', planted }, (report) => {
      if (report.kind === 'hunted') done(report.name, report.result);
    }),
  );
}

async function eachShare<T>(
  all: readonly T[],
  workers: number,
  run: (share: readonly T[]) => Promise<void>,
): Promise<void> {
  const shares = Array.from({ length: workers }, (_, worker) =>
    all.filter((_, at) => at % workers === worker),
  );
  await Promise.all(shares.map(run));
}

function work(workerData: Job, report: (report: Report) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData });
    worker.on('message', report);
    worker.on('error', reject);
    worker.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))));
  });
}
