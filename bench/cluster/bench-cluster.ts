import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as rpc from '../../src/proto/generated/etcd_rpc.js';
import { LoadClient } from '../grpc-load.js';
import { PATHS } from '../messages.js';
import { type Kind, Server } from '../servers.js';
import { sleep, within } from '../wait.js';

const SIZE = 3;
const SETTLE_LIMIT_MS = 60_000;
const NO_REQUEST = Buffer.alloc(0);

/** etcd's defaults, which are ours. */
export const ELECTION_MS = 1_000;

/** Three members of one kind, each a process and a folder of its own. */
export class BenchCluster {
  readonly kind: Kind;
  readonly members: readonly Server[];

  private constructor(kind: Kind, members: readonly Server[]) {
    this.kind = kind;
    this.members = members;
  }

  /** New, empty, serving. */
  static async start(kind: Kind, flags: readonly string[] = []): Promise<BenchCluster> {
    const members: Server[] = [];
    const named = (): string => members.map(({ peerUrl }, index) => `m${index}=${peerUrl}`).join(',');
    for (let index = 0; index < SIZE; index++) {
      const server = await Server.prepare(kind, () => [
        `--name=m${index}`,
        `--initial-cluster=${named()}`,
        `--election-timeout=${ELECTION_MS}`,
        ...(kind === 'confetd' ? ['--no-render'] : ['--logger=zap', '--log-level=error']),
        ...flags,
      ]);
      members.push(server);
    }
    const cluster = new BenchCluster(kind, members);
    try {
      await Promise.all(members.map((member) => member.run()));
      await cluster.leader();
    } catch (error) {
      await cluster.remove();
      throw error;
    }
    return cluster;
  }

  get endpoints(): readonly string[] {
    return this.members.map(({ endpoint }) => endpoint);
  }

  others(member: Server): readonly Server[] {
    return this.members.filter((other) => other !== member);
  }

  /** Who these members (unless given: all) agree on; waits until they do. */
  async leader(among: readonly Server[] = this.members): Promise<Server> {
    const until = performance.now() + SETTLE_LIMIT_MS;
    for (;;) {
      const states = await Promise.all(among.map((member) => statusOf(member).catch(() => undefined)));
      const leaders = new Set(states.map((state) => state?.leader ?? 0n));
      const [leader] = leaders;
      const found = among[states.findIndex((state) => state?.header?.memberId === leader)];
      if (leaders.size === 1 && leader !== 0n && found !== undefined) return found;
      if (performance.now() > until) throw new Error(`${this.kind}: the members agree on no leader`);
      await sleep(20);
    }
  }

  async remove(): Promise<void> {
    await Promise.all(this.members.map((member) => member.remove()));
  }
}

/** Over a connection of its own: it may be asked of a member that isn't there. */
export async function statusOf(member: Server): Promise<rpc.StatusResponse> {
  const client = await LoadClient.connect(member.endpoint, 1, 1_000);
  try {
    const answer = await within(1_000, 'a status', client.call(PATHS.status, NO_REQUEST));
    return rpc.StatusResponse.decode(answer);
  } finally {
    client.close();
  }
}

/** Bytes of the log's segments, as they are on the disk. */
export async function logBytes(member: Server): Promise<number> {
  const folder = join(member.dataFolder, 'member/wal');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.wal'));
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).blocks * 512));
  return sizes.reduce((sum, size) => sum + size, 0);
}
