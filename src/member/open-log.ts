import { ConfetdError } from '../base/errors.js';
import { formatId } from '../cluster/identity.js';
import type { Disk } from '../io/disk.js';
import type { Backend } from '../store/backend/backend.js';
import { readApplied } from '../store/meta.js';
import type { WalContents, WalOptions } from '../wal/types.js';
import { Wal } from '../wal/wal.js';
import type { DataFolder } from './data-folder.js';

/** A log, and the state that it goes on from. */
export interface OpenLog {
  readonly wal: Wal;
  /** Its entries are those that the state lacks. */
  readonly contents: WalContents;
  readonly backend: Backend;
}

/**
 * Opens the log beside the state, finishing the install of a snapshot that a crash cut short, and refuses a log that
 * can't belong to the state. On failure everything of the folder is closed.
 */
export async function openLog(folder: DataFolder, disk: Disk, walOptions: WalOptions): Promise<OpenLog> {
  const { states, walFolder } = folder;
  const applied = readApplied(states.backend.get('meta', 'applied'));
  const opened = await Wal.open(disk, walFolder, applied.index, walOptions).catch(async (error) => {
    await states.backend.close();
    throw error;
  });
  const { wal, contents } = opened;
  try {
    checkOwner(folder, contents);
    const backend = await states.settle(contents.snapshot?.index);
    const { index } = readApplied(backend.get('meta', 'applied'));
    if (wal.lastIndex < index) {
      throw new ConfetdError(
        'data_folder',
        `${walFolder} ends at entry ${wal.lastIndex}, but the state holds ${index}: part of the log is missing; restore the whole data folder from one backup, or give --data-dir another folder`,
      );
    }
    const entries = contents.entries.filter((entry) => entry.index > index);
    return { wal, contents: { ...contents, entries }, backend };
  } catch (error) {
    await wal.close();
    await states.backend.close();
    throw error;
  }
}

/** The two halves of a folder must be of one member: with another's log it could vote twice. */
function checkOwner({ identity, walFolder }: DataFolder, { metadata }: WalContents): void {
  const { nodeId, clusterId } = metadata;
  if (nodeId === identity.memberId && clusterId === identity.clusterId) return;
  throw new ConfetdError(
    'data_folder',
    `${walFolder} belongs to member ${formatId(nodeId)} of cluster ${formatId(clusterId)}, but the state beside it to member ${formatId(identity.memberId)} of cluster ${formatId(identity.clusterId)}: restore the whole data folder from one backup, or give --data-dir another folder`,
  );
}
