import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { type LoadOptions, load } from '../../../src/confdir/load.js';

/** A CONFDIR of each test's own. */
export let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'confdir-'));
  await mkdir(join(root, 'conf.d'));
});
afterEach(() => rm(root, { recursive: true }));

/** A file of its conf.d. */
export async function write(name: string, content: string | Buffer): Promise<string> {
  const path = join(root, 'conf.d', name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

export const template = (...lines: string[]) =>
  ['[template]', 'src = "a.hbs"', 'dest = "/tmp/a.conf"', ...lines, ''].join('\n');

/** Problems as `line:column severity message`. */
export async function problems(content: string | Buffer): Promise<string[]> {
  await write('a.toml', content);
  const found = await load(root);
  return found.problems.map(
    ({ line, column, severity, message }) => `${line}:${column} ${severity} ${message}`,
  );
}

export async function only(content: string, options?: LoadOptions) {
  await write('a.toml', content);
  const { resources, problems } = await load(root, options);
  expect(problems).toEqual([]);
  expect(resources).toHaveLength(1);
  return resources[0];
}
