import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandRunner } from '../../../src/command/run.js';
import { NodeClock } from '../../../src/io/node/clock.js';

const run = commandRunner(new NodeClock());
const node = process.execPath;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'command-'));
});
afterAll(() => rm(folder, { recursive: true }));

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // A dead child that nobody waits for is no longer running.
    return true;
  } catch {
    return false;
  }
};

/** Until a process is gone or only waits to be reaped. */
async function gone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    if (!alive(pid)) return true;
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    if (/\) Z /.test(state)) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}

describe('a command', () => {
  it('runs a string in /bin/sh and a list without a shell', async () => {
    expect(await run('echo $((1 + 2)) && exit 3', { timeoutMs: 5000 })).toMatchObject({
      ok: false,
      outcome: 'exit 3',
      exitCode: 3,
      output: '3\n',
    });
    expect(await run(['echo', '$((1 + 2))', 'a  b'], { timeoutMs: 5000 })).toMatchObject({
      ok: true,
      outcome: 'exit 0',
      output: '$((1 + 2)) a  b\n',
    });
  });

  it('gets the environment added, the folder and the input', async () => {
    const { output } = await run('echo "$ADDED $(pwd)"; cat', {
      timeoutMs: 5000,
      env: { ADDED: 'a b' },
      cwd: folder,
      input: 'line\nnext',
    });
    expect(output).toBe(`a b ${folder}\nline\nnext`);
  });

  it('has an empty standard input where none is given', async () => {
    expect(await run('cat; echo end', { timeoutMs: 5000 })).toMatchObject({ ok: true, output: 'end\n' });
  });

  it('may leave its input unread', async () => {
    const input = 'x'.repeat(4 << 20);
    expect(await run('exit 0', { timeoutMs: 5000, input })).toMatchObject({ ok: true });
    expect(await run('exec <&-; sleep 0.05; exit 4', { timeoutMs: 5000, input })).toMatchObject({
      outcome: 'exit 4',
    });
  });

  it('is told of by what it printed on both outputs', async () => {
    const { output } = await run('echo out; sleep 0.05; echo err >&2; sleep 0.05; echo again', {
      timeoutMs: 5000,
    });
    expect(output).toBe('out\nerr\nagain\n');
  });

  it('keeps the last 64 KiB of output, at a whole character', async () => {
    const script = 'process.stdout.write("é".repeat(500_000) + "end")';
    const { output, ok } = await run([node, '-e', script], { timeoutMs: 20_000 });
    expect(ok).toBe(true);
    expect(output.endsWith('éend')).toBe(true);
    expect(output).not.toContain('\ufffd');
    const bytes = Buffer.byteLength(output);
    expect(bytes).toBeLessThanOrEqual(64 * 1024);
    expect(bytes).toBeGreaterThan(64 * 1024 - 4);
  });

  it('says in words why it could not run', async () => {
    const file = join(folder, 'plain');
    await writeFile(file, 'text');
    const outcome = async (...words: string[]) => (await run(words, { timeoutMs: 5000 })).outcome;
    expect(await outcome('no-such-program')).toBe('not found: no-such-program');
    expect(await outcome(file)).toBe(`not executable: ${file}`);
    expect(await outcome('echo', 'a\0b')).toMatch(/^can't run/);
    expect(await outcome('echo', 'x'.repeat(4 << 20))).toMatch(/too many bytes|can't run/);
    expect((await run('true', { timeoutMs: 5000, cwd: join(folder, 'none') })).outcome).toContain(
      'or the folder',
    );
    expect((await run('kill -9 $$', { timeoutMs: 5000 })).outcome).toBe('killed by SIGKILL');
  });
});

describe('a timeout', () => {
  it('ends the whole process group', async () => {
    const result = await run('sleep 300 & echo $!; sleep 301 & echo $!; wait', { timeoutMs: 150 });
    expect(result).toMatchObject({ ok: false, outcome: 'timed out after 150ms', exitCode: undefined });
    expect(result.durationMs).toBeLessThan(1500);
    const children = result.output.trim().split('\n').map(Number);
    expect(children).toHaveLength(2);
    for (const pid of children) expect(await gone(pid)).toBe(true);
  });

  it('kills what ignores SIGTERM, after the grace, also where the leader has gone', async () => {
    const script = 'sh -c \'trap "" TERM; echo $$; while :; do sleep 0.05; done\' & wait';
    const result = await run(script, { timeoutMs: 150, killGraceMs: 200 });
    expect(result.outcome).toBe('timed out after 150ms');
    expect(result.durationMs).toBeGreaterThan(340);
    expect(await gone(Number(result.output.trim()))).toBe(true);
  });

  it('leaves time to end in good order', async () => {
    const script = 'trap "echo bye; exit 0" TERM; echo up; while :; do sleep 0.02; done';
    const result = await run(script, { timeoutMs: 150 });
    expect(result).toMatchObject({
      ok: false,
      outcome: 'timed out after 150ms',
      output: expect.stringMatching(/^up\n(?:Terminated\n)?bye\n$/),
    });
  });
});

describe('a child left in the background', () => {
  it('holds nothing up, though it keeps the pipe open, and goes on running', async () => {
    const file = join(folder, 'late');
    const result = await run(`(sleep 0.6; echo noise; echo noise >&2; echo done > ${file}) & echo started`, {
      timeoutMs: 5000,
    });
    expect(result).toMatchObject({ ok: true, output: 'started\n' });
    expect(result.durationMs).toBeLessThan(500);
    for (let tries = 0; tries < 200; tries++) {
      if ((await stat(file).catch(() => undefined)) !== undefined) break;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    // Had its pipe been closed, the first echo would have ended it.
    expect(await readFile(file, 'utf8')).toBe('done\n');
  });
});

describe('a cancelled run', () => {
  it('ends the group, and is not begun where it was cancelled before', async () => {
    const controller = new AbortController();
    const running = run('echo $$; sleep 300', { timeoutMs: 60_000, signal: controller.signal });
    setTimeout(() => controller.abort(), 100);
    const result = await running;
    expect(result.outcome).toBe('cancelled');
    expect(await gone(Number(result.output.trim()))).toBe(true);
    expect(await run('echo x', { timeoutMs: 1000, signal: controller.signal })).toMatchObject({
      outcome: 'cancelled',
      output: '',
    });
  });
});
