import { resolve } from 'node:path';
import { ConfetdError } from '../base/errors.js';
import type { Log } from '../io/log.js';
import { NodeClock } from '../io/node/clock.js';
import { NodeRandom } from '../io/node/random.js';
import type { SourceSpec } from '../render/messages.js';
import { openSource } from '../render/open-source.js';
import type { Snapshot, Source } from '../source/types.js';

/** Warnings and errors on standard error, in sentences for whoever typed the command. */
export function sentenceLog(): Log {
  const say = (fields: object, message: string): void => {
    const error = 'error' in fields && typeof fields.error === 'string' ? `: ${fields.error}` : '';
    process.stderr.write(`confetd: ${message}${error}\n`);
  };
  const silent = (): void => undefined;
  return { debug: silent, info: silent, warn: say, error: say };
}

/** A source for a command, which has no member of its own and follows nothing. */
export function openForCommand(
  spec: SourceSpec,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Source> {
  const embedded = (): never => {
    throw new ConfetdError('internal', 'this command has no member of its own');
  };
  return openSource(spec, { clock: new NodeClock(), random: new NodeRandom(), env, embedded });
}

/** `--mock FILE`. */
export function mockSpec(path: string): SourceSpec {
  return { type: 'file', paths: [resolve(path)] };
}

/** All keys of `--mock FILE`. Fails with `source` where it can't be read. */
export async function mockKeys(path: string, signal: AbortSignal): Promise<Snapshot> {
  const source = await openForCommand(mockSpec(path), {});
  try {
    return await source.load([''], signal);
  } finally {
    await source.close();
  }
}

/** Ctrl-C and a supervisor's stop end what waits. Answers what takes that back. */
export function endedBySignals(abort: AbortController): () => void {
  const end = (signal: NodeJS.Signals): void =>
    abort.abort(new ConfetdError('cancelled', `ended by ${signal}`));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
  return () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end);
  };
}

/** A reader that has seen enough is no failure of ours: `confetd render | head`. */
export function toleratesClosedPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
}
