import { spawn } from 'node:child_process';
import type { ChildEnd, Ports } from '../../../src/cli/confetctl/ports.js';
import { runConfetctl } from '../../../src/cli/confetctl/run.js';
import { NodeClock } from '../../../src/io/node/clock.js';
import { NodeRandom } from '../../../src/io/node/random.js';

export interface Run {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that goes on: what it has printed, standard input to write to, and its interruption. */
export class Running {
  readonly #stdin: (Buffer | string)[] = [];
  readonly #abort = new AbortController();
  #stdout: Buffer[] = [];
  #stderr = '';
  #closed = false;
  #wakeReader = (): void => {};
  #waiting: { readonly holds: () => boolean; readonly resolve: () => void }[] = [];
  readonly result: Promise<Run>;

  constructor(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.result = runConfetctl(argv, this.#ports(env)).then((exitCode) => {
      const run = { exitCode, stdout: this.stdout, stderr: this.stderr };
      this.#closed = true;
      this.#wake();
      return run;
    });
  }

  get stdout(): string {
    return Buffer.concat(this.#stdout).toString('latin1');
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Resolves once standard output holds the text. */
  async printed(text: string): Promise<void> {
    await this.#until(() => this.stdout.includes(text));
  }

  async complained(text: string): Promise<void> {
    await this.#until(() => this.#stderr.includes(text));
  }

  write(text: string): void {
    this.#stdin.push(text);
    this.#wakeReader();
  }

  end(): void {
    this.#closed = true;
    this.#wakeReader();
  }

  interrupt(): void {
    this.#abort.abort();
  }

  #until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ holds, resolve }));
  }

  #wake(): void {
    for (const waiter of this.#waiting.filter(({ holds }) => holds())) waiter.resolve();
  }

  #ports(env: Readonly<Record<string, string>>): Ports {
    const take = (chunk: Buffer): void => {
      this.#stdout.push(chunk);
      this.#wake();
    };
    return {
      clock: new NodeClock(),
      random: new NodeRandom(),
      env,
      stdin: this.#input(),
      stdout: async (output) => take(Buffer.isBuffer(output) ? output : Buffer.from(output, 'utf8')),
      stderr: async (text) => {
        this.#stderr += text;
        this.#wake();
      },
      readFile: () => Promise.reject(Object.assign(new Error('ENOENT'), { code: 'ENOENT' })),
      execute: (command, variables) => captured(command, variables, take),
      interruption: () => this.#abort.signal,
    };
  }

  async *#input(): AsyncGenerator<Buffer | string> {
    for (;;) {
      const next = this.#stdin.shift();
      if (next !== undefined) yield next;
      else if (this.#closed) return;
      else await new Promise<void>((resolve) => (this.#wakeReader = resolve));
    }
  }
}

/** Runs confetctl in this process, to its end. */
export function confetctl(
  argv: readonly string[],
  input = '',
  env: Readonly<Record<string, string>> = {},
): Promise<Run> {
  const running = new Running(argv, env);
  if (input !== '') running.write(input);
  running.end();
  return running.result;
}

/** Runs a real program to its end. */
export async function program(
  path: string,
  argv: readonly string[],
  input = '',
  env: Readonly<Record<string, string>> = {},
): Promise<Run> {
  const child = spawn(path, argv, { env: { PATH: process.env.PATH ?? '', ...env } });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const exitCode = await new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? -1)));
  return {
    exitCode,
    stdout: Buffer.concat(stdout).toString('latin1'),
    stderr: Buffer.concat(stderr).toString('utf8'),
  };
}

function captured(
  [path = '', ...argv]: readonly string[],
  env: Readonly<Record<string, string>>,
  take: (chunk: Buffer) => void,
): Promise<ChildEnd> {
  return new Promise((resolve) => {
    const child = spawn(path, argv, {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    child.stdout.on('data', take);
    child.once('error', (error) => resolve({ failure: error.message }));
    child.once('close', (code, signal) =>
      resolve(code === null ? { signal: signal ?? '' } : { exitCode: code }),
    );
  });
}
