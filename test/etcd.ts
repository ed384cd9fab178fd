import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { peer } from './peers.js';

/** A real etcd of one member, for tests that compare with it or read from it. */
export interface RealEtcd {
  /** `127.0.0.1:PORT` */
  readonly endpoint: string;
  readonly dataDir: string;
  /** Kills it (SIGKILL), keeping its data and port. */
  kill(): Promise<void>;
  /** Starts it again after {@link kill}; with `wipe`, as a new cluster on the same port. */
  restart(wipe?: { token: string }): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** A TCP port that nothing listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  server.close();
  await once(server, 'close');
  return address.port;
}

/** Starts a real etcd and waits until it serves. Its extra arguments go last. */
export async function startEtcd(...extra: readonly string[]): Promise<RealEtcd> {
  const program = peer('etcd');
  if (program === undefined) throw new Error('etcd is not installed: skip this test with peer()');
  const folder = await mkdtemp(join(tmpdir(), 'confetd-etcd-'));
  const dataDir = join(folder, 'data');
  const [client, peerPort] = [await freePort(), await freePort()];
  const endpoint = `127.0.0.1:${client}`;
  let child: ChildProcess | undefined;

  const start = async (token: string): Promise<void> => {
    const urls = (port: number) => `http://127.0.0.1:${port}`;
    const argv = ['--data-dir', dataDir, '--log-level', 'error', '--logger', 'zap'];
    argv.push('--listen-client-urls', urls(client), '--advertise-client-urls', urls(client));
    argv.push('--listen-peer-urls', urls(peerPort), '--initial-advertise-peer-urls', urls(peerPort));
    argv.push('--initial-cluster', `default=${urls(peerPort)}`, '--initial-cluster-token', token, ...extra);
    child = spawn(program, argv, { stdio: 'ignore' });
    const until = Date.now() + 15_000;
    while (!(await healthy(endpoint))) {
      if (Date.now() > until || child.exitCode !== null) {
        throw new Error(`etcd did not start on ${endpoint}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  const kill = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    running.kill('SIGKILL');
    await once(running, 'exit');
  };

  await start('first');
  return {
    endpoint,
    dataDir,
    kill,
    async restart(wipe) {
      await kill();
      if (wipe !== undefined) await rm(dataDir, { recursive: true, force: true });
      await start(wipe?.token ?? 'first');
    },
    async stop() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function healthy(endpoint: string): Promise<boolean> {
  try {
    const response = await fetch(`http://${endpoint}/health`, { signal: AbortSignal.timeout(1000) });
    return response.ok && (await response.text()).includes('"true"');
  } catch {
    return false;
  }
}
