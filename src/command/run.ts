import type { Readable } from 'node:stream';
import { messageOf, systemCode } from '../base/errors.js';
import { type Clock, sleep } from '../io/clock.js';
import { endGroup } from './group.js';
import { Tail } from './tail.js';
import type { CommandOptions, CommandResult, CommandSpec, RunCommand } from './types.js';

const MAX_OUTPUT_BYTES = 64 * 1024;
const DEFAULT_KILL_GRACE_MS = 2_000;
/** How long output is still read after the child's end: a grandchild may hold the pipe open for ever. */
const DRAIN_MS = 100;

type Execa = typeof import('execa').execa;
type Ended = { readonly exitCode: number | null; readonly signal: string | null };
type Stopped = 'timeout' | 'cancelled';

/**
 * The real {@link RunCommand}. The child leads a process group of its own, so that a timeout reaches what it started.
 * The run is over with the child itself: one that it left in the background keeps running, and what that prints
 * is read and dropped, so that it neither blocks nor meets a closed pipe.
 */
export function commandRunner(clock: Clock): RunCommand {
  return async (spec, options) => {
    const start = clock.monotonicMs();
    const output = new Tail(MAX_OUTPUT_BYTES);
    const result = (outcome: string, exitCode?: number): CommandResult => ({
      ok: exitCode === 0 && outcome === 'exit 0',
      outcome,
      exitCode,
      output: output.text(),
      durationMs: clock.monotonicMs() - start,
    });
    if (options.signal?.aborted === true) return result('cancelled');
    try {
      // 60 ms to load: only where commands run.
      const { execa } = await import('execa');
      const child = spawn(execa, spec, options);
      if (child.pid === undefined) {
        const { cause, code } = await child;
        return result(spawnFailure(spec, options, code ?? systemCode(cause), messageOf(cause)));
      }
      // Settles once every pipe is closed, which may be never; all it could say is said by `exit`.
      child.catch(() => {});
      const exit = new Promise<Ended>((resolve) => {
        child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
      });
      const streams = [child.stdout, child.stderr];
      const take = (chunk: Buffer): void => {
        output.push(chunk);
        options.onOutput?.(chunk);
      };
      for (const stream of streams) stream.on('data', take);
      const drained = Promise.all(streams.map(endOf));

      const stopped = await stopOrExit(exit, options, clock);
      if (stopped !== undefined)
        await endGroup(child.pid, options.killGraceMs ?? DEFAULT_KILL_GRACE_MS, clock);
      const { exitCode, signal } = await exit;
      await within(drained, DRAIN_MS, clock);
      for (const stream of streams) release(stream.off('data', take));
      child.stdin?.destroy();

      if (stopped === 'cancelled') return result('cancelled');
      if (stopped === 'timeout') return result(`timed out after ${seconds(options.timeoutMs)}`);
      if (exitCode === null) return result(`killed by ${signal}`);
      return result(`exit ${exitCode}`, exitCode);
    } catch (error) {
      return result(`can't run: ${messageOf(error)}`);
    }
  };
}

/** The program that a command runs, for messages. */
export function programOf(spec: CommandSpec): string {
  return typeof spec === 'string' ? '/bin/sh' : (spec[0] ?? '');
}

/** Not async: a child can be awaited itself, so a promise of it would wait for its end. */
function spawn(execa: Execa, spec: CommandSpec, options: CommandOptions) {
  const [file = '', ...words] = typeof spec === 'string' ? ['/bin/sh', '-c', spec] : spec;
  return execa(file, words, {
    detached: true,
    cleanup: false,
    buffer: false,
    reject: false,
    stdout: 'pipe',
    stderr: 'pipe',
    ...(options.input === undefined ? { stdin: 'ignore' } : { input: options.input }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
}

/** Resolves with the child's end (undefined), or with what ends it early. */
async function stopOrExit(
  exit: Promise<Ended>,
  options: CommandOptions,
  clock: Clock,
): Promise<Stopped | undefined> {
  let cancel = (): void => {};
  const early = new Promise<Stopped>((resolve) => {
    const timer = clock.schedule(options.timeoutMs, () => resolve('timeout'));
    const onAbort = (): void => resolve('cancelled');
    options.signal?.addEventListener('abort', onAbort, { once: true });
    if (options.signal?.aborted === true) onAbort();
    cancel = () => {
      timer.cancel();
      options.signal?.removeEventListener('abort', onAbort);
    };
  });
  try {
    return await Promise.race([exit.then(() => undefined), early]);
  } finally {
    cancel();
  }
}

function endOf(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    stream.once('close', resolve).once('error', () => resolve());
  });
}

async function within(task: Promise<unknown>, ms: number, clock: Clock): Promise<void> {
  await Promise.race([task, sleep(clock, ms)]);
}

/** Reads on without looking, and without keeping this process alive. */
function release(stream: Readable): void {
  stream.resume();
  if ('unref' in stream && typeof stream.unref === 'function') stream.unref();
}

function spawnFailure(
  spec: CommandSpec,
  options: CommandOptions,
  code: string | undefined,
  message: string,
): string {
  const program = programOf(spec);
  // A missing folder fails in the same way.
  if (code === 'ENOENT')
    return options.cwd === undefined
      ? `not found: ${program}`
      : `not found: ${program}, or the folder ${options.cwd}`;
  if (code === 'EACCES') return `not executable: ${program}`;
  if (code === 'E2BIG') return `too many bytes of arguments and environment for ${program}`;
  return `can't run ${program}: ${message}`;
}

function seconds(ms: number): string {
  return ms < 1000 ? `${ms}ms` : `${ms / 1000}s`;
}
