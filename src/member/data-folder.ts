import { dirname, resolve } from 'node:path';
import { ConfetdError, systemCode } from '../base/errors.js';
import { formatId, tokenDigest } from '../cluster/identity.js';
import type { Clock } from '../io/clock.js';
import type { Disk } from '../io/disk.js';
import type { Log } from '../io/log.js';
import type { Random } from '../io/random.js';
import type { Backend, Write } from '../store/backend/backend.js';
import type { Peer, PeerNetwork } from '../transport/types.js';
import type { WalOptions } from '../wal/types.js';
import { Wal } from '../wal/wal.js';
import { type FolderIdentity, readIdentity, writeIdentity } from './folder-identity.js';
import { found } from './founding.js';
import { LocalState } from './local-state.js';
import type { MemberOptions } from './options.js';
import { StateFolder } from './state-folder.js';

const BOOT_ROW = 'boot';

export interface DataFolderPorts {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  readonly network: PeerNetwork;
  openBackend(path: string): Promise<Backend>;
  importBackend(path: string, chunks: AsyncIterable<Buffer>): Promise<Backend>;
  removeBackend(path: string): Promise<void>;
  readonly walOptions: WalOptions;
}

/** As etcd lays it out: `member/wal/` and `member/snap/db`. */
export interface DataFolder {
  readonly walFolder: string;
  readonly states: StateFolder;
  readonly identity: FolderIdentity;
  readonly local: LocalState;
  /** Counts the starts of this member, so that names made in one life are never made again in another. */
  readonly boot: number;
  /** Whom to reach until the state says who the members are. */
  readonly peers: readonly Peer[];
}

/**
 * Opens a member's folder; makes it where there is none, which may mean asking the other members. Fails with
 * `data_folder` where it is another member's or another cluster's, or was written by a newer program.
 */
export async function openDataFolder(options: MemberOptions, ports: DataFolderPorts): Promise<DataFolder> {
  const { folder } = options;
  const { disk } = ports;
  await prepareFolder(disk, folder);
  // A first start that was cut off: nothing in it was ever acknowledged.
  await disk.remove(`${folder}/member.tmp`);
  const isNew = !(await disk.exists(`${folder}/member`));
  // A start that was killed may have named the member's folder and not synced the name: nobody may meet it before.
  await disk.syncFolder(folder);
  const peers = isNew ? await create(options, ports) : [];
  const states = await StateFolder.open(`${folder}/member/snap`, ports);
  const { backend } = states;
  try {
    const identity = readIdentity(folder, backend, () => ({
      instance: drawInstance(ports.random),
      tokenDigest: tokenDigest(options.clusterToken),
    }));
    checkFlags(options, identity);
    const boot = Number(backend.get('meta', BOOT_ROW)?.toString() ?? 0) + 1;
    const bootRow: Write = { table: 'meta', key: BOOT_ROW, value: Buffer.from(String(boot)) };
    await backend.write([bootRow, writeIdentity(identity)]);
    const local = await LocalState.open(disk, `${folder}/member`);
    return { walFolder: `${folder}/member/wal`, states, identity, local, boot, peers };
  } catch (error) {
    await backend.close();
    throw error;
  }
}

/** Never 0, which means "never met". */
function drawInstance(random: Random): bigint {
  return (BigInt(random.uint32()) << 32n) | BigInt(random.uint32()) | 1n;
}

/**
 * Makes a data folder where there is none. Its name and those of its parents survive a power loss, also where an earlier
 * start was killed after making them and before their syncs.
 */
export async function prepareFolder(disk: Disk, folder: string): Promise<void> {
  const path = resolve(folder);
  const isNew = !(await disk.exists(path));
  if (isNew) await disk.makeFolder(path);
  for (let parent = dirname(path); ; parent = dirname(parent)) {
    // One that this user may not read isn't one that it has just made names in.
    await disk.syncFolder(parent).catch((error: unknown) => {
      if (isNew && systemCode(error) !== 'EACCES') throw error;
    });
    if (parent === dirname(parent)) return;
  }
}

/** Built aside and renamed into place: a crash leaves a whole folder or none. */
async function create(options: MemberOptions, ports: DataFolderPorts): Promise<readonly Peer[]> {
  const { folder, clusterToken } = options;
  const { disk, random } = ports;
  const instance = drawInstance(random);
  const { memberId, clusterId, entries, peers, joined } = await found(options, ports, instance);
  const stage = `${folder}/member.tmp`;
  await disk.makeFolder(`${stage}/snap`);
  const metadata = { nodeId: memberId, clusterId };
  const wal = await Wal.create(disk, `${stage}/wal`, metadata, ports.walOptions);
  if (entries.length > 0) await wal.append(entries, { term: 1, vote: 0n, commit: entries.length });
  await wal.close();
  const backend = await ports.openBackend(`${stage}/snap/db`);
  const identity = { memberId, clusterId, instance, joined, tokenDigest: tokenDigest(clusterToken) };
  await backend.write([writeIdentity(identity)]);
  await backend.close();
  await disk.syncFolder(`${stage}/snap`);
  await disk.syncFolder(stage);
  await disk.rename(stage, `${folder}/member`);
  await disk.syncFolder(folder);
  return peers;
}

/**
 * Whether the flags mean the member that lives in the folder. A member that joined has an ID that no flag gives, and
 * one that is told `existing` may have been given other URLs since.
 */
function checkFlags(
  { folder, cluster, clusterGiven, clusterState }: MemberOptions,
  found: FolderIdentity,
): void {
  if (found.joined || clusterState === 'existing' || !clusterGiven) return;
  const { clusterId, self } = cluster;
  if (found.clusterId === clusterId && found.memberId === self.id) return;
  throw new ConfetdError(
    'data_folder',
    `the data folder ${folder} belongs to member ${formatId(found.memberId)} of cluster ${formatId(found.clusterId)}, but the flags (--name, --initial-cluster, --initial-advertise-peer-urls, --initial-cluster-token) make member ${formatId(self.id)} of cluster ${formatId(clusterId)}: give the flags it was made with, or another --data-dir; if its URLs were changed by \`member update\`, add --initial-cluster-state existing`,
  );
}
