import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { keepTrackOf } from '../../children.js';
import { confetdCommand } from '../../servers.js';
import { within } from '../../wait.js';

const LIMIT_MS = 60_000;

/** Runs confetd to its end in a folder; answers the seconds of the whole process. Fails where it fails. */
export async function runToEnd(folder: string, flags: readonly string[]): Promise<number> {
  let output = '';
  const began = performance.now();
  const child = spawn(process.execPath, [confetdCommand, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: folder,
  });
  keepTrackOf(child);
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-2048);
    });
  }
  const [code] = await within(LIMIT_MS, 'the one-shot', once(child, 'exit')).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  const seconds = (performance.now() - began) / 1000;
  if (code !== 0) throw new Error(`the one-shot ended with ${code}: ${output}`);
  return seconds;
}
