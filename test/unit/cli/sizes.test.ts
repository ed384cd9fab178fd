import { expect, test } from 'vitest';
import { humanBytes } from '../../../src/cli/output/cells.js';

// Two digits, and halves to the even one, as Go prints them.
test.each([
  [0, '0 B'],
  [9, '9 B'],
  [999, '999 B'],
  [1_000, '1.0 kB'],
  [1_549, '1.5 kB'],
  [9_949, '9.9 kB'],
  [9_950, '10 kB'],
  [20_480, '20 kB'],
  [21_500, '22 kB'],
  [24_576, '25 kB'],
  [57_344, '57 kB'],
  [1_234_567, '1.2 MB'],
  [2_147_483_648, '2.1 GB'],
])('%i bytes are %s', (bytes, text) => {
  expect(humanBytes(bytes)).toBe(text);
});
