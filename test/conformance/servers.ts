import { Child, type ChildOptions, type Result, run } from '../child.js';
import { Daemon } from '../daemon.js';
import { startEtcd } from '../etcd.js';
import { peer } from '../peers.js';

/** Real etcd first: what it can't pass is no test of ours. */
export type Kind = 'etcd' | 'confetd';

/** The kinds that can run here. */
export const KINDS: readonly Kind[] = peer('etcd') === undefined ? ['confetd'] : ['etcd', 'confetd'];

/** A new, empty server. Both kinds have etcd's default identities, whatever ports they listen on. */
export interface Server {
  readonly kind: Kind;
  /** `127.0.0.1:PORT` */
  readonly endpoint: string;
}

const CLIENT_URL = 'http://localhost:2379';
const PEER_URL = 'http://localhost:2380';

/** Of a member with default flags. */
export const MEMBER_ID = 10276657743932975437n;
export const CLUSTER_ID = 14841639068965178418n;

/** Ended with the test file, or by its `stop`. */
export async function startServer(kind: Kind): Promise<Server & { stop(): Promise<void> }> {
  if (kind === 'confetd') {
    const daemon = await Daemon.start({
      advertise: { client: CLIENT_URL, peer: PEER_URL },
      args: ['--no-render'],
    });
    return { kind, endpoint: daemon.endpoint, stop: async () => void (await daemon.stop()) };
  }
  const etcd = await startEtcd(
    '--initial-cluster-token=etcd-cluster',
    `--advertise-client-urls=${CLIENT_URL}`,
    `--initial-advertise-peer-urls=${PEER_URL}`,
    `--initial-cluster=default=${PEER_URL}`,
  );
  return { kind, endpoint: etcd.endpoint, stop: () => etcd.stop() };
}

const ENVIRONMENT = { ETCDCTL_API: '3' };

/** Stock etcdctl, run to its end. */
export function etcdctl(
  server: Server,
  args: readonly string[],
  options: ChildOptions = {},
): Promise<Result> {
  return run(peer('etcdctl') ?? 'etcdctl', ['--endpoints', server.endpoint, ...args], {
    ...options,
    env: ENVIRONMENT,
  });
}

/** Stock etcdctl's standard output, where it must succeed in silence on standard error. */
export async function output(server: Server, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await etcdctl(server, args);
  if (code !== 0 || stderr !== '') {
    throw new Error(`etcdctl ${args.join(' ')}: exit ${code}\n${stdout}${stderr}`);
  }
  return stdout;
}

/** Stock etcdctl that goes on: watch, lock, keep-alive. */
export function etcdctlGoing(server: Server, ...args: readonly string[]): Child {
  return new Child(peer('etcdctl') ?? 'etcdctl', ['--endpoints', server.endpoint, ...args], {
    env: ENVIRONMENT,
  });
}
