import { beforeAll, describe, expect, test } from 'vitest';
import { compile, simulate } from './compiled.js';
import { FAILED_SEEDS } from './failed-seeds.js';
import { PLANTED } from './planted/all.js';

const FRESH = 200;
const TWICE = 20;
const TIMEOUT_MS = 600_000;

beforeAll(compile, TIMEOUT_MS);

describe('a whole cluster under virtual time', () => {
  test(
    `${FRESH} fresh seeds find nothing`,
    async () => {
      // Others at each run: what they find is to be added to failed-seeds.ts.
      const from = Math.floor(Date.now() / 1_000) * FRESH;
      const { output, failed } = await simulate('--seeds', String(FRESH), '--from', String(from));
      console.log(`seeds ${from} to ${from + FRESH - 1}: ${output.trim().split('\n').at(-1)}`);
      expect(failed, output).toBe(false);
    },
    TIMEOUT_MS,
  );

  test(
    'seeds that have found something find nothing any more',
    async () => {
      for (const { seed, profile, found } of FAILED_SEEDS) {
        const { output, failed } = await simulate('--seed', String(seed), '--profile', profile);
        expect(failed, `${found}\n${output}`).toBe(false);
      }
    },
    TIMEOUT_MS,
  );

  test(
    `${TWICE} seeds have the same trace twice, whatever ran before them`,
    async () => {
      const args = ['--seeds', String(TWICE), '--hashes', '--workers'];
      const hashesOf = ({ output }: { output: string }) =>
        output
          .split('\n')
          .filter((line) => /^\d+ \w+ [0-9a-f]{8}$/.test(line))
          .sort();
      const once = hashesOf(await simulate(...args, '1'));
      expect(once).toHaveLength(TWICE);
      expect(hashesOf(await simulate(...args, '3'))).toEqual(once);
    },
    TIMEOUT_MS,
  );

  test(
    `each of ${PLANTED.length} planted faults is found`,
    async () => {
      const { output, failed } = await simulate('--planted');
      console.log(output);
      expect(failed, output).toBe(false);
      for (const { name } of PLANTED) expect(output).toContain(`${name}: found by seed`);
    },
    TIMEOUT_MS,
  );
});
