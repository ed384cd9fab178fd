import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { COLLECTOR_FLAGS, WITHOUT_HELPERS } from '../../../src/main/v8.js';

const run = promisify(execFile);

/** What V8 says of flags that are set while it runs. */
async function complaints(flags: readonly string[]): Promise<string> {
  const script = `for (const flag of ${JSON.stringify(flags)}) require('node:v8').setFlagsFromString(flag);`;
  const { stdout, stderr } = await run(process.execPath, ['-e', script]);
  return stdout + stderr;
}

describe('the flags of V8', () => {
  it('are known to this version of V8', async () => {
    expect(await complaints([...COLLECTOR_FLAGS, WITHOUT_HELPERS])).toBe('');
    expect(await complaints(['--no-such-flag'])).toContain('--no-such-flag');
  });
});
