import { type ChildProcess, spawn } from 'node:child_process';
import { afterAll } from 'vitest';

export interface Exit {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Result extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

export interface ChildOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Given to standard input, which is closed after it. */
  readonly input?: string;
}

const alive = new Set<Child>();

// Whatever a test forgot, or could not end because it failed.
afterAll(async () => {
  await Promise.all([...alive].map((child) => child.end('SIGKILL')));
});
process.on('exit', () => {
  for (const child of alive) child.signal('SIGKILL');
});

/** A real process: what it has printed so far, and how it ended. Ended with the test file at the latest. */
export class Child {
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcess;
  readonly #name: string;
  #stdout = '';
  #stderr = '';
  #waiting = new Set<() => void>();

  constructor(program: string, args: readonly string[], options: ChildOptions = {}) {
    this.#name = [program, ...args].join(' ');
    this.#process = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    this.#process.stdin?.on('error', () => {}).end(options.input);
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.#wake();
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      this.#wake();
    });
    alive.add(this);
    this.exited = new Promise((resolve, reject) => {
      const gone = (): void => {
        alive.delete(this);
        this.#wake();
      };
      this.#process.once('error', (error) => {
        gone();
        reject(error);
      });
      this.#process.once('exit', (code, signal) => {
        // A grandchild may keep the pipes open: what it prints later is nobody's.
        setTimeout(() => this.#process.stdout?.destroy(), 2_000).unref();
        setTimeout(() => this.#process.stderr?.destroy(), 2_000).unref();
        this.#process.once('close', () => {
          gone();
          resolve({ code, signal });
        });
      });
    });
    this.exited.catch(() => {});
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get running(): boolean {
    return alive.has(this);
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Both streams, for messages of failed tests. */
  get output(): string {
    return `${this.#stdout}${this.#stderr}`;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  async end(signal: NodeJS.Signals): Promise<Exit> {
    this.signal(signal);
    return this.exited;
  }

  /** Resolves with the match once either stream holds it; rejects when the process ends first, or after the bound. */
  async printed(what: string | RegExp, timeoutMs = 10_000): Promise<string> {
    const found = (): string | undefined => {
      for (const text of [this.#stdout, this.#stderr]) {
        if (typeof what === 'string' ? text.includes(what) : what.test(text)) {
          return typeof what === 'string' ? what : (what.exec(text)?.[0] ?? '');
        }
      }
      return undefined;
    };
    await this.until(() => found() !== undefined, String(what), timeoutMs);
    return found() ?? '';
  }

  /** As {@link printed}, for any condition on what was printed. */
  until(holds: () => boolean, what: string, timeoutMs = 10_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (finish: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        finish();
      };
      const fail = (why: string): void =>
        done(() => reject(new Error(`${this.#name}: ${why} before ${what}:\n${this.output}`)));
      const look = (): void => {
        if (holds()) done(resolve);
        else if (!alive.has(this)) fail('ended');
      };
      const timer = setTimeout(() => fail(`${timeoutMs} ms passed`), timeoutMs);
      this.#waiting.add(look);
      look();
    });
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look();
  }
}

/** Runs a program to its end. Killed, and the promise rejected, after `timeoutMs`. */
export async function run(
  program: string,
  args: readonly string[],
  options: ChildOptions & { readonly timeoutMs?: number } = {},
): Promise<Result> {
  const child = new Child(program, args, options);
  const { timeoutMs = 20_000 } = options;
  const timer = setTimeout(() => child.signal('SIGKILL'), timeoutMs);
  const exit = await child.exited;
  clearTimeout(timer);
  if (exit.signal === 'SIGKILL') {
    throw new Error(`${program} ${args.join(' ')}: no end in ${timeoutMs} ms:\n${child.output}`);
  }
  return { ...exit, stdout: child.stdout, stderr: child.stderr };
}
