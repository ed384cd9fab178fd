import { parentPort, workerData } from 'node:worker_threads';
import type { Job } from './pool.js';
import { runSeed } from './run.js';

const { seeds, profile } = workerData as Job;
for (const seed of seeds) parentPort?.postMessage(await runSeed(seed, { profile }));
