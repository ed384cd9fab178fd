import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { keepTrackOf, makeFolder, removeFolder } from './children.js';
import { LoadClient } from './grpc-load.js';
import { PATHS, range } from './messages.js';
import { sleep, within } from './wait.js';

export type Kind = 'confetd' | 'etcd';

/** The repository's root, from dist/.bench/bench. */
export const root = fileURLToPath(new URL('../../..', import.meta.url));

export const confetdCommand = join(root, 'bin/confetd.cjs');

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 30_000;

/** A server under test, in a folder of its own. */
export class Server {
  readonly kind: Kind;
  /** HOST:PORT. */
  readonly endpoint: string;
  readonly folder: string;
  readonly #peerPort: number;
  readonly #flags: () => readonly string[];
  #process: ChildProcess | undefined;
  #output = '';

  private constructor(kind: Kind, folder: string, ports: [number, number], flags: () => readonly string[]) {
    this.kind = kind;
    this.folder = folder;
    this.endpoint = `127.0.0.1:${ports[0]}`;
    this.#peerPort = ports[1];
    this.#flags = flags;
  }

  /** A new, empty one, serving: a plain store, unless confetd is given other flags. */
  static async start(kind: Kind, flags?: readonly string[]): Promise<Server> {
    const server = await Server.prepare(kind, () => flags ?? (kind === 'confetd' ? ['--no-render'] : []));
    try {
      await server.run();
    } catch (error) {
      await server.remove();
      throw error;
    }
    return server;
  }

  /** With ports and a folder, but not yet run: its flags, which go last and so win, may name others' ports. */
  static async prepare(kind: Kind, flags: () => readonly string[]): Promise<Server> {
    const folder = await makeFolder(kind);
    return new Server(kind, folder, [await freePort(), await freePort()], flags);
  }

  get peerUrl(): string {
    return `http://127.0.0.1:${this.#peerPort}`;
  }

  get dataFolder(): string {
    return join(this.folder, 'data');
  }

  /** Starts (again); answers the milliseconds until a linearizable read was answered. */
  async run(): Promise<number> {
    const began = performance.now();
    const client = `http://${this.endpoint}`;
    const peer = this.peerUrl;
    const flags = [
      '--name=bench',
      `--data-dir=${this.dataFolder}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=bench=${peer}`,
      '--quota-backend-bytes=8589934592',
      ...this.#flags(),
    ];
    const [command, args] =
      this.kind === 'etcd' ? ['etcd', flags] : [process.execPath, [confetdCommand, ...flags]];
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: this.folder });
    keepTrackOf(child);
    this.#process = child;
    this.#output = '';
    const keep = (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString()).slice(-4096);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    child.once('error', keep);
    for (;;) {
      if (child.pid === undefined) throw new Error(`${command} can't be started`);
      if (this.#ended) throw new Error(`${this.kind} ended at once:\n${this.#output}`);
      if (performance.now() - began > START_LIMIT_MS) {
        throw new Error(`${this.kind} doesn't serve:\n${this.#output}`);
      }
      if (await this.#serves()) return performance.now() - began;
      await sleep(2);
    }
  }

  async #serves(): Promise<boolean> {
    let probe: LoadClient | undefined;
    try {
      probe = await LoadClient.connect(this.endpoint, 1, 1000);
      await within(1000, 'a first read', probe.call(PATHS.range, range('bench')));
      return true;
    } catch {
      return false;
    } finally {
      probe?.close();
    }
  }

  get #ended(): boolean {
    const child = this.#process;
    return child === undefined || child.exitCode !== null || child.signalCode !== null;
  }

  /** Fails if it doesn't end. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#process;
    if (child?.pid === undefined || this.#ended) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await within(STOP_LIMIT_MS, `the end of ${this.kind} after ${signal}`, exit);
  }

  async remove(): Promise<void> {
    await this.stop('SIGKILL');
    await removeFolder(this.folder);
  }

  /** Anonymous resident memory, in bytes: without the pages of mapped files, which the kernel can drop. */
  anonymousBytes(): number {
    const status = readFileSync(`/proc/${this.#process?.pid}/status`, 'utf8');
    const kilobytes = /RssAnon:\s+(\d+) kB/.exec(status)?.[1];
    if (kilobytes === undefined) throw new Error('this kernel tells no RssAnon');
    return Number(kilobytes) * 1024;
  }

  /** The last of what it printed. */
  get output(): string {
    return this.#output;
  }
}

/** The kernel may give a port again that nobody listens on yet. */
const given = new Set<number>();

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  const { port } = address;
  if (given.has(port)) return await freePort();
  given.add(port);
  return port;
}
