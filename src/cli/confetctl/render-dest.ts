import { resolve } from 'node:path';
import { ConfetdError } from '../../base/errors.js';
import { EXIT, ExitError } from '../exit-error.js';
import { badArguments, type Invocation } from './command.js';

/** The file that a command is about, as the daemon names it: a relative one is of this client's folder. */
export function destOf({ args }: Pick<Invocation, 'args'>, name: string): string | undefined {
  const [dest, ...more] = args;
  if (more.length > 0) throw badArguments(`${name} takes one file`);
  if (dest === '') throw badArguments(`${name}: the file's path is empty`);
  return dest === undefined ? undefined : resolve(dest);
}

/** An error of a call to the renderer, in words where there is none. */
export function withoutRenderer(error: unknown): unknown {
  if (!(error instanceof ConfetdError) || error.code !== 'unimplemented') return error;
  return new ExitError(EXIT.error, 'nothing renders here: this is etcd, or a confetd with --no-render');
}

/** Runs a call to the renderer. */
export async function askRenderer<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw withoutRenderer(error);
  }
}
