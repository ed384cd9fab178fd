import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll } from 'vitest';
import { Child, type ChildOptions, type Exit, type Result, run } from './child.js';

const ROOT = resolve(import.meta.dirname, '..');
const CONFETD = join(ROOT, 'bin/confetd.cjs');
const CONFETCTL = join(ROOT, 'bin/confetctl.cjs');

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder that is gone after the test file. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'confetd-test-'));
  folders.push(folder);
  return folder;
}

/** Writes files below a folder, making the folders they are in. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

// Below the range from which the kernel takes ports for outgoing connections, and each worker its own.
let nextPort = 12_000 + Number(process.env.VITEST_POOL_ID ?? '1') * 2_500 + Math.floor(Math.random() * 2_000);

/** A TCP port on loopback that nothing listens on, and that no other test of this worker is given soon. */
export async function claimPort(): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const port = nextPort++;
    const server = createServer();
    server.listen(port, '127.0.0.1');
    const free = await Promise.race([
      once(server, 'listening').then(() => true),
      once(server, 'error').then(() => false),
    ]).catch(() => false);
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
  throw new Error('no free port');
}

export interface DaemonOptions {
  /** Go last, so they win over the defaults. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where it runs, and where its data goes; a new folder unless given. */
  readonly cwd?: string;
  readonly dataDir?: string;
  /** Told to clients and members instead of where it really listens: makes identities that don't depend on ports. */
  readonly advertise?: { readonly client: string; readonly peer: string };
}

/** One confetd with a member, on free ports, as its own process. */
export class Daemon {
  readonly clientPort: number;
  readonly peerPort: number;
  readonly dataDir: string;
  readonly cwd: string;
  readonly #options: DaemonOptions;
  #child: Child;

  private constructor(ports: readonly [number, number], cwd: string, options: DaemonOptions) {
    [this.clientPort, this.peerPort] = ports;
    this.cwd = cwd;
    this.dataDir = options.dataDir ?? join(cwd, 'data');
    this.#options = options;
    this.#child = this.#spawn();
  }

  /** Resolves once it serves and is healthy. */
  static async start(options: DaemonOptions = {}): Promise<Daemon> {
    const daemon = await Daemon.spawn(options);
    await daemon.healthy();
    return daemon;
  }

  /** Without waiting: for daemons that are meant to refuse. */
  static async spawn(options: DaemonOptions = {}): Promise<Daemon> {
    return new Daemon([await claimPort(), await claimPort()], options.cwd ?? scratch(), options);
  }

  /** `127.0.0.1:PORT` */
  get endpoint(): string {
    return `127.0.0.1:${this.clientPort}`;
  }

  get url(): string {
    return `http://${this.endpoint}`;
  }

  get process(): Child {
    return this.#child;
  }

  /** Resolves once /health says so; rejects with what was printed when the process ends first, or after the bound. */
  async healthy(timeoutMs = 15_000): Promise<void> {
    const child = this.#child;
    await eventually(
      async () => {
        if (!child.running) throw new GaveUp(`confetd ended:\n${child.output}`);
        const answer = await fetch(`${this.url}/health`, { signal: AbortSignal.timeout(2_000) });
        if (!(await answer.text()).includes('"true"')) throw new Error('not healthy');
      },
      { timeoutMs, what: () => `no healthy confetd:\n${child.output}` },
    );
  }

  /** kill -9. Data and ports stay. */
  kill(): Promise<Exit> {
    return this.#child.end('SIGKILL');
  }

  /** In good order. */
  stop(): Promise<Exit> {
    return this.#child.end('SIGTERM');
  }

  /** After {@link kill} or {@link stop}: the same folder and ports. */
  async restart(): Promise<void> {
    this.#child = this.#spawn();
    await this.healthy();
  }

  confetctl(...args: readonly string[]): Promise<Result> {
    return confetctl(['--endpoints', this.endpoint, ...args]);
  }

  #spawn(): Child {
    const listen = (port: number): string => `http://127.0.0.1:${port}`;
    const client = listen(this.clientPort);
    const peer = listen(this.peerPort);
    const { advertise = { client, peer }, args = [], env } = this.#options;
    return spawnConfetd(
      [
        ...['--data-dir', this.dataDir],
        ...['--listen-client-urls', client, '--advertise-client-urls', advertise.client],
        ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', advertise.peer],
        ...args,
      ],
      { cwd: this.cwd, ...(env === undefined ? {} : { env }) },
    );
  }
}

/** A confetd of any kind. */
export function spawnConfetd(args: readonly string[], options: ChildOptions = {}): Child {
  return new Child(process.execPath, [built(CONFETD), ...args], options);
}

export function runConfetd(
  args: readonly string[],
  options: ChildOptions & { readonly timeoutMs?: number } = {},
): Promise<Result> {
  return run(process.execPath, [built(CONFETD), ...args], options);
}

export function confetctl(
  args: readonly string[],
  options: ChildOptions & { readonly timeoutMs?: number } = {},
): Promise<Result> {
  return run(process.execPath, [built(CONFETCTL), ...args], options);
}

export function spawnConfetctl(args: readonly string[], options: ChildOptions = {}): Child {
  return new Child(process.execPath, [built(CONFETCTL), ...args], options);
}

function built(program: string): string {
  if (!existsSync(join(ROOT, 'dist/main/confetd.js'))) throw new Error('dist/ is missing: npm run build');
  return program;
}

/** Thrown inside {@link eventually}: trying again is in vain. */
class GaveUp extends Error {}

export interface Patience {
  readonly timeoutMs?: number;
  readonly what?: () => string;
}

/** Tries until it doesn't throw: for states that only polling shows, such as another program's file or port. */
export async function eventually<T>(attempt: () => T | Promise<T>, patience: Patience = {}): Promise<T> {
  const { timeoutMs = 10_000, what = () => '' } = patience;
  const until = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof GaveUp) throw error;
      if (Date.now() > until) throw new Error(`not in ${timeoutMs} ms: ${what()}`, { cause: error });
    }
    await new Promise((wake) => setTimeout(wake, 10));
  }
}

/** Resolves with the file's text once it fits. */
export function fileThat(
  path: string,
  fits: (text: string) => boolean,
  patience: Patience = {},
): Promise<string> {
  const shown = (): string => (existsSync(path) ? readFileSync(path, 'utf8') : '(no such file)');
  return eventually(
    () => {
      const text = readFileSync(path, 'utf8');
      if (!fits(text)) throw new Error('not yet');
      return text;
    },
    { ...patience, what: () => `${path} is still\n${shown()}\n${patience.what?.() ?? ''}` },
  );
}
