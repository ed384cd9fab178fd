import { execFileSync } from 'node:child_process';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { makeFolder, removeFolder } from './children.js';
import type { Bench } from './plan.js';
import { median } from './report.js';
import { root } from './servers.js';

/** The first line of what `command --version` prints; undefined where it isn't installed. */
export function versionOf(command: string): string | undefined {
  try {
    return execFileSync(command, ['--version'], { encoding: 'utf8', timeout: 10_000 }).split('\n')[0];
  } catch {
    return undefined;
  }
}

/** Taken before the load: its own work would show in the load average. */
export async function describeMachine(): Promise<Record<string, string | number | number[]>> {
  const kernel = (await readFile('/proc/version', 'utf8').catch(() => '')).split(' ').slice(0, 3).join(' ');
  return {
    at: new Date().toISOString(),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel,
    node: process.version,
    fdatasyncMs: await fdatasyncMs(),
    loadAverageBefore: loadavg(),
  };
}

export async function save(
  bench: Bench,
  parts: readonly string[],
  around: Record<string, unknown>,
): Promise<string> {
  const folder = join(root, 'bench/results');
  await mkdir(folder, { recursive: true });
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '');
  const path = join(folder, `${stamp}-${parts.join('-')}${bench.quick ? '-quick' : ''}.json`);
  const content = {
    ...around,
    rounds: bench.rounds,
    quick: bench.quick,
    medians: bench.report.rows(),
    values: bench.report.rounds(),
    failures: bench.report.failures,
  };
  await writeFile(path, `${JSON.stringify(content, undefined, 2)}\n`);
  return path;
}

/** The median of writing 512 bytes and syncing them, in milliseconds: what a put can't be faster than. */
async function fdatasyncMs(): Promise<number> {
  const folder = await makeFolder('sync');
  const file = await open(join(folder, 'sync'), 'w');
  try {
    const block = Buffer.alloc(512);
    const times: number[] = [];
    for (let index = 0; index < 200; index++) {
      const began = performance.now();
      await file.write(block);
      await file.datasync();
      times.push(performance.now() - began);
    }
    return Number(median(times).toFixed(3));
  } finally {
    await file.close();
    await removeFolder(folder);
  }
}
