import type { ConfetdError } from '../base/errors.js';
import { isRemoved } from '../cluster/members.js';
import { Store } from '../store/store.js';
import type { WalOptions } from '../wal/types.js';
import { assemble } from './assemble.js';
import { type DataFolder, openDataFolder } from './data-folder.js';
import { failureOf } from './failures.js';
import { forceNewCluster } from './force-new-cluster.js';
import { FullDisk } from './full-disk.js';
import type { Member } from './member.js';
import { type OpenLog, openLog } from './open-log.js';
import type { MemberOptions, MemberPorts } from './options.js';
import { removedError } from './peers.js';

/**
 * Starts a member on its data folder. A cluster of one is waited for until it serves; among others it may take long until
 * there is a leader, so there the member is handed out as soon as it takes part. The caller holds the folder's lock.
 * Fails with `data_folder`, `wal_corrupt` or `disk`, each saying which file and what to do.
 */
export async function startMember(options: MemberOptions, ports: MemberPorts): Promise<Member> {
  try {
    return await open(options, ports);
  } catch (error) {
    throw failureOf(error);
  }
}

async function open(options: MemberOptions, ports: MemberPorts): Promise<Member> {
  const { clock, log, disk } = ports;
  const fullDisk = new FullDisk(options.folder, log);
  const walOptions: WalOptions = {
    clock,
    ...(options.walSegmentBytes === undefined ? {} : { segmentBytes: options.walSegmentBytes }),
    ...(ports.walSynced === undefined ? {} : { onSync: ports.walSynced }),
    onDiskFull: (full) => fullDisk.log(full),
  };
  const folder = await openDataFolder(options, { ...ports, walOptions });
  const opened = await openLog(folder, disk, walOptions);
  if (opened.contents.tornBytes > 0) {
    log.warn(
      { bytes: opened.contents.tornBytes },
      'cut a torn record off the end of the WAL: it was never acknowledged',
    );
  }
  let failed: (error: ConfetdError) => void = () => undefined;
  const store = Store.open({
    backend: opened.backend,
    clock,
    ...(options.applySliceRows === undefined ? {} : { sliceRows: options.applySliceRows }),
    onFailure: (error) => failed(error),
    onFull: (full) => fullDisk.state(full),
    onStalled: (seconds) => fullDisk.stalled(seconds),
  });
  const contents = await checkMembership(options, folder, opened, store).catch(async (error) => {
    await opened.wal.close();
    await store.close();
    throw error;
  });
  const assembled = assemble({
    options,
    ports,
    folder,
    wal: opened.wal,
    contents,
    store,
    fullDisk,
    onHalt: (halt) => {
      failed = halt;
    },
  });
  await assembled.start();
  return assembled.member;
}

/** A member that was removed must not come back; one that is to go on alone gives the others up first. */
async function checkMembership(
  options: MemberOptions,
  { identity }: DataFolder,
  { wal, contents }: OpenLog,
  store: Store,
): Promise<OpenLog['contents']> {
  if (options.forceNewCluster) return await forceNewCluster({ identity, wal, contents, store });
  if (isRemoved(store.table('removedMembers'), identity.memberId)) throw removedError(identity.memberId);
  return contents;
}
