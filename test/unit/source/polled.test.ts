import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { NodeClock } from '../../../src/io/node/clock.js';
import { NodeRandom } from '../../../src/io/node/random.js';
import { FileSource, type WatchPaths } from '../../../src/source/file.js';
import { namePattern } from '../../../src/source/name-pattern.js';
import { PolledSource } from '../../../src/source/polled.js';
import { Recorder } from './recorder.js';

const ports = { clock: new NodeClock(), random: new NodeRandom() };
const unwatched: WatchPaths = () => Promise.reject(new Error('nobody watches a polled source'));

test('a polled source is read every interval, told only where it differs, and survives trouble', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'polled-'));
  const path = join(folder, 'keys.json');
  await writeFile(path, '{"a": 1}');
  const source = new PolledSource(new FileSource([path], unwatched), 20, ports);
  const recorder = new Recorder();
  const following = source.follow([''], recorder);
  await recorder.until(() => recorder.state.get('/a') === '1');
  expect(recorder.finds).toEqual(['file, read every 0.02 s']);
  await writeFile(path, '{"a": 2}');
  await recorder.until(() => recorder.state.get('/a') === '2');
  expect(recorder.snapshots).toHaveLength(2);
  await writeFile(path, '{');
  await recorder.until(() => recorder.losses.length === 1);
  expect(recorder.losses[0]).toContain('keys.json');
  expect(recorder.state.get('/a')).toBe('2');
  await writeFile(path, '{"a": 3}');
  await recorder.until(() => recorder.state.get('/a') === '3');
  expect([recorder.losses.length, recorder.finds.length]).toEqual([1, 2]);
  await following.close();
  await source.close();
  await rm(folder, { recursive: true });
});

test('of a folder only files whose name fits the filter are read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'filter-'));
  await mkdir(join(folder, 'sub'));
  await writeFile(join(folder, 'app-1.yaml'), 'a: 1');
  await writeFile(join(folder, 'sub', 'app-2.yaml'), 'b: 2');
  await writeFile(join(folder, 'other.yaml'), 'c: 3');
  const source = new FileSource([folder], unwatched, 'app-?.yaml');
  const { pairs } = await source.load([''], new AbortController().signal);
  expect(pairs.map(({ key }) => key)).toEqual(['/a', '/b']);
  await rm(folder, { recursive: true });
});

test.each([
  ['*', 'anything.yaml', true],
  ['*.yaml', 'a.yaml', true],
  ['*.yaml', 'a.yamlx', false],
  ['a.c', 'abc', false],
  ['[a-c]x', 'bx', true],
  ['[^a-c]x', 'bx', false],
  ['[^a-c]x', 'dx', true],
  ['\\*', '*', true],
  ['\\*', 'a', false],
  ['a+(b)', 'a+(b)', true],
])('the filter %s and the name %s: %s', (pattern, name, fits) => {
  expect(namePattern(pattern).test(name)).toBe(fits);
});

test.each(['[a', 'a\\', '[z-a]', '[]'])('the filter %s is refused', (pattern) => {
  expect(() => namePattern(pattern)).toThrow('is no pattern');
});
