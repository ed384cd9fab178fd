import type { Clock } from '../../io/clock.js';
import type { Random } from '../../io/random.js';
import type { Output } from '../output/format.js';
import type { StatusStream } from '../progress.js';

/** How a child process ended: an exit code, a signal, or why it couldn't start. */
export type ChildEnd =
  | { readonly exitCode: number }
  | { readonly signal: string }
  | { readonly failure: string };

/** Everything of the outside world that confetctl touches. */
export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Standard input: chunks as they come. */
  readonly stdin: AsyncIterable<Buffer | string>;
  /** Resolve when more may be written. */
  stdout(output: Output): Promise<void>;
  stderr(text: string): Promise<void>;
  /** Where a status line may be shown while a command waits; left out: nowhere. */
  readonly status?: StatusStream;
  /** Reads a small file (certificates). */
  readFile(path: string): Promise<Buffer>;
  /** Runs a child on this process's own terminal, with these variables added, to its end. Never rejects. */
  execute(command: readonly string[], env: Readonly<Record<string, string>>): Promise<ChildEnd>;
  /** Aborts at SIGINT or SIGTERM, which from this call on no longer end the process by themselves. */
  interruption(): AbortSignal;
}
