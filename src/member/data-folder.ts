import { dirname, resolve } from 'node:path';
import { ConfetdError } from '../base/errors.js';
import { bootstrapEntries, type InitialCluster } from '../cluster/bootstrap.js';
import { formatId } from '../cluster/identity.js';
import type { Clock } from '../io/clock.js';
import type { Disk } from '../io/disk.js';
import type { Backend } from '../store/backend/backend.js';
import type { WalOptions } from '../wal/types.js';
import { Wal } from '../wal/wal.js';

/** Raised where an older program could not read the folder any more. */
const FORMAT = 1;
const IDENTITY_ROW = 'identity';
const BOOT_ROW = 'boot';

export interface DataFolderPorts {
  readonly disk: Disk;
  readonly clock: Clock;
  /** Opens the state at a path, made where it is missing. */
  openBackend(path: string): Promise<Backend>;
  readonly walOptions: WalOptions;
}

/** As etcd lays it out: `member/wal/` and `member/snap/db`. */
export interface DataFolder {
  readonly walFolder: string;
  readonly backend: Backend;
  /** Counts the starts of this member, so that names made in one life are never made again in another. */
  readonly boot: number;
}

interface StoredIdentity {
  readonly format: number;
  readonly memberId: string;
  readonly clusterId: string;
}

/**
 * Opens a member's folder; makes it where there is none. Fails with `data_folder` where it is another member's or
 * another cluster's, or was written by a newer program.
 */
export async function openDataFolder(
  folder: string,
  cluster: InitialCluster,
  ports: DataFolderPorts,
): Promise<DataFolder> {
  const { disk } = ports;
  await prepareFolder(disk, folder);
  // A first start that was cut off: nothing in it was ever acknowledged.
  await disk.remove(`${folder}/member.tmp`);
  if (!(await disk.exists(`${folder}/member`))) await create(folder, cluster, ports);
  const backend = await ports.openBackend(`${folder}/member/snap/db`);
  try {
    checkIdentity(folder, backend, cluster);
    const boot = Number(backend.get('meta', BOOT_ROW)?.toString() ?? 0) + 1;
    await backend.write([{ table: 'meta', key: BOOT_ROW, value: Buffer.from(String(boot)) }]);
    return { walFolder: `${folder}/member/wal`, backend, boot };
  } catch (error) {
    await backend.close();
    throw error;
  }
}

/** Makes a data folder where there is none; its name, and those of the parents made for it, survive a power loss. */
export async function prepareFolder(disk: Disk, folder: string): Promise<void> {
  const made: string[] = [];
  for (let path = resolve(folder); path !== '/' && !(await disk.exists(path)); path = dirname(path))
    made.push(path);
  if (made.length === 0) return;
  await disk.makeFolder(folder);
  for (const path of made) await disk.syncFolder(dirname(path));
}

/** Built aside and renamed into place: a crash leaves a whole folder or none. */
async function create(folder: string, cluster: InitialCluster, ports: DataFolderPorts): Promise<void> {
  const { disk } = ports;
  const stage = `${folder}/member.tmp`;
  await disk.makeFolder(`${stage}/snap`);
  const metadata = { nodeId: cluster.self.id, clusterId: cluster.clusterId };
  const wal = await Wal.create(disk, `${stage}/wal`, metadata, ports.walOptions);
  const entries = bootstrapEntries(cluster);
  await wal.append(entries, { term: 1, vote: 0n, commit: entries.length });
  await wal.close();
  const backend = await ports.openBackend(`${stage}/snap/db`);
  const identity: StoredIdentity = {
    format: FORMAT,
    memberId: formatId(cluster.self.id),
    clusterId: formatId(cluster.clusterId),
  };
  await backend.write([{ table: 'meta', key: IDENTITY_ROW, value: Buffer.from(JSON.stringify(identity)) }]);
  await backend.close();
  await disk.syncFolder(`${stage}/snap`);
  await disk.syncFolder(stage);
  await disk.rename(stage, `${folder}/member`);
  await disk.syncFolder(folder);
}

function checkIdentity(folder: string, backend: Backend, cluster: InitialCluster): void {
  const row = backend.get('meta', IDENTITY_ROW);
  if (row === undefined) {
    throw new ConfetdError(
      'data_folder',
      `${folder}/member/snap/db does not say whose it is: it is damaged or was not made by confetd; restore it, or give --data-dir another folder`,
    );
  }
  const { format, memberId, clusterId } = JSON.parse(row.toString()) as StoredIdentity;
  if (format > FORMAT) {
    throw new ConfetdError(
      'data_folder',
      `the data folder ${folder} was written by a newer confetd (format ${format}, this one reads up to ${FORMAT}); start that version`,
    );
  }
  checkOwner(folder, { memberId, clusterId }, cluster);
}

/** Throws where the folder is another's: a member that takes it over could vote twice. */
export function checkOwner(
  folder: string,
  found: { readonly memberId: string; readonly clusterId: string },
  cluster: InitialCluster,
): void {
  const wanted = { memberId: formatId(cluster.self.id), clusterId: formatId(cluster.clusterId) };
  if (found.clusterId === wanted.clusterId && found.memberId === wanted.memberId) return;
  throw new ConfetdError(
    'data_folder',
    `the data folder ${folder} belongs to member ${found.memberId} of cluster ${found.clusterId}, but the flags (--name, --initial-cluster, --initial-advertise-peer-urls, --initial-cluster-token) make member ${wanted.memberId} of cluster ${wanted.clusterId}: give the flags it was made with, or another --data-dir`,
  );
}
