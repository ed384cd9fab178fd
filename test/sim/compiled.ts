import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = new URL('../../', import.meta.url).pathname;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** The simulator as JavaScript, in dist/.sim: it runs on threads of its own, which a test's loader doesn't reach. */
export async function compile(): Promise<void> {
  await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'test/sim/tsconfig.json'], {
    cwd: ROOT,
  });
}

/** Runs it as `npm run sim` does. A failing seed's lines are in the output. */
export async function simulate(...args: readonly string[]): Promise<{ output: string; failed: boolean }> {
  try {
    const { stdout } = await run(process.execPath, ['dist/.sim/test/sim/main.js', ...args], {
      cwd: ROOT,
      maxBuffer: MAX_OUTPUT_BYTES,
    });
    return { output: stdout, failed: false };
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return { output: stdout + stderr, failed: true };
  }
}
