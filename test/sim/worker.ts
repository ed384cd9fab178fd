import { parentPort, workerData } from 'node:worker_threads';
import { PLANTED } from './planted/all.js';
import { hunt } from './planted/hunt.js';
import type { Job, Report } from './pool.js';
import { runSeed } from './run.js';

const job = workerData as Job;
const tell = (report: Report) => parentPort?.postMessage(report);

if (job.kind === 'run') {
  for (const seed of job.seeds) tell({ kind: 'ran', result: await runSeed(seed, { profile: job.profile }) });
} else {
  for (const planted of PLANTED.filter(({ name }) => job.planted.includes(name)))
    tell({ kind: 'hunted', name: planted.name, result: await hunt(planted) });
}
