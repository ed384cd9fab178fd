import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Daemon, scratch, writeFiles } from '../daemon.js';

/** Of each thread of a process, by its ID: field 19 of proc(5)'s stat. */
function niceness(pid: number): ReadonlyMap<number, number> {
  const threads = `/proc/${pid}/task`;
  return new Map(
    readdirSync(threads).map((thread) => {
      const stat = readFileSync(join(threads, thread, 'stat'), 'latin1');
      return [Number(thread), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])];
    }),
  );
}

test('where processors are short, what V8 does aside waits: not requests, the disk, or commands', async () => {
  const cwd = scratch();
  writeFiles(cwd, {
    'conf.d/a.toml': `[template]\nsrc = "a.hbs"\ndest = "${cwd}/a"\nkeys = ["/a"]\nreload_cmd = "nice > reloaded"\n`,
    'templates/a.hbs': "{{getv '/a'}}\n",
  });
  const daemon = await Daemon.start({ cwd, args: ['--confdir', cwd] });
  expect((await daemon.confetctl('put', '--wait', '/a', 'b')).code).toBe(0);
  const usual = getPriority();
  expect(readFileSync(join(cwd, 'reloaded'), 'utf8')).toBe(`${usual}\n`);
  const threads = niceness(daemon.process.pid);
  expect(threads.get(daemon.process.pid)).toBe(usual);
  const nicer = [...threads.values()].filter((value) => value === Math.min(usual + 10, 19)).length;
  const others = [...threads.values()].filter((value) => value === usual).length;
  // V8's four and up to two of Node's own; the sixteen of libuv's pool, and LMDB's.
  expect(nicer).toBeGreaterThanOrEqual(4);
  expect(nicer).toBeLessThanOrEqual(6);
  expect(others).toBeGreaterThanOrEqual(1 + 16);
  expect(nicer + others).toBe(threads.size);
  await daemon.stop();
});
