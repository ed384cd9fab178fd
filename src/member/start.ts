import { unreachable } from '../base/assert.js';
import { ConfetdError, messageOf } from '../base/errors.js';
import { etcdError } from '../base/etcd-errors.js';
import { Prng } from '../base/prng.js';
import { formatId } from '../cluster/identity.js';
import type { Disk } from '../io/disk.js';
import { Lessor } from '../lease/lessor.js';
import { ConfState } from '../proto/generated/raft.js';
import { MemoryStorage } from '../raft/memory-storage.js';
import { RawNode } from '../raft/rawnode.js';
import type { ProposalRefusal } from '../raft/types.js';
import { Store } from '../store/store.js';
import type { WalContents, WalOptions } from '../wal/types.js';
import { Wal } from '../wal/wal.js';
import { Alarms } from './alarms.js';
import { CONF_STATE_ROW, EntryApplier } from './apply/entry.js';
import { checkOwner, openDataFolder } from './data-folder.js';
import { LeaseIds } from './lease-ids.js';
import { RaftLoop } from './loop.js';
import { Member } from './member.js';
import type { MemberOptions, MemberPorts } from './options.js';
import { Proposals } from './proposals.js';
import { Quota } from './quota.js';
import { Upkeep } from './upkeep.js';

const MiB = 1024 * 1024;

/**
 * Starts a member on its data folder and resolves once it has a leader and serves. The caller holds the folder's lock.
 * Fails with `data_folder`, `wal_corrupt` or `disk`, each saying which file and what to do.
 */
export async function startMember(options: MemberOptions, ports: MemberPorts): Promise<Member> {
  const { clock, log, disk } = ports;
  const walOptions: WalOptions = {
    clock,
    ...(options.walSegmentBytes === undefined ? {} : { segmentBytes: options.walSegmentBytes }),
    ...(ports.walSynced === undefined ? {} : { onSync: ports.walSynced }),
    onDiskFull: (full) => {
      if (full)
        log.error(
          { folder: options.folder },
          'the disk is too full for the next WAL segment: writes wait until there is room',
        );
      else log.info({ folder: options.folder }, 'there is room for WAL segments again');
    },
  };
  const folder = await openDataFolder(options.folder, options.cluster, { ...ports, walOptions });
  let halt: (error: ConfetdError) => void = () => undefined;
  const store = Store.open({ backend: folder.backend, clock, onFailure: (error) => halt(error) });
  const { wal, contents } = await openWal(disk, folder.walFolder, store, options, walOptions).catch(
    async (error) => {
      await store.halt();
      await folder.backend.close();
      throw error;
    },
  );
  if (contents.tornBytes > 0) {
    log.warn(
      { bytes: contents.tornBytes },
      'cut a torn record off the end of the WAL: it was never acknowledged',
    );
  }

  const { self, clusterId } = options.cluster;
  const storage = new MemoryStorage(store.applied);
  storage.append(contents.entries);
  const confStateRow = store.table('meta').get(CONF_STATE_ROW);
  const hardState = contents.hardState ?? { term: 0, vote: 0n, commit: 0 };
  const draw = new Prng(ports.random.uint32());
  const raft = new RawNode({
    id: self.id,
    electionTicks: Math.max(2, Math.round(options.electionMs / options.heartbeatMs)),
    heartbeatTicks: 1,
    storage,
    // What LMDB has applied was committed, whatever the log's last hard state says.
    hardState: { ...hardState, commit: Math.max(hardState.commit, store.applied.index) },
    confState: confStateRow === undefined ? { voters: [], learners: [] } : ConfState.decode(confStateRow),
    applied: store.applied.index,
    maxMessageBytes: MiB,
    maxInflightMessages: 512,
    maxInflightBytes: 64 * MiB,
    maxUncommittedBytes: 256 * MiB,
    maxCommittedBytes: 4 * MiB,
    random: () => draw.uint32(),
  });
  const identity = { memberId: self.id, clusterId, name: self.name };
  const alarms = new Alarms(store.table('alarms'));
  const lessor = new Lessor({ clock, minTtlSeconds: Math.ceil((1.5 * options.electionMs) / 1000) });
  lessor.load(store);
  const requestTimeoutMs = 5_000 + 2 * options.electionMs;
  const proposals = new Proposals({ member: self.id, boot: folder.boot }, requestTimeoutMs);
  const quota = new Quota(options.quotaBytes);
  const applier = new EntryApplier({
    store,
    lessor,
    alarms,
    raft,
    proposals,
    confChanged: () => upkeep.confChanged(),
  });

  const close = async (cleanly: boolean) => {
    const reason = etcdError('stopped');
    await loop.stop(reason);
    proposals.failAll(reason);
    upkeep.stop();
    if (cleanly) await store.close();
    else {
      await store.halt();
      await folder.backend.close();
    }
    await wal.close();
  };
  const loop = new RaftLoop(
    {
      raft,
      storage,
      wal,
      clock,
      tickMs: options.heartbeatMs,
      apply: (entry) => applier.apply(entry),
      applyRoom: () => store.room(),
      // A cluster of one has nobody to write to.
      send: () => undefined,
      softStateChanged: (state) => upkeep.softStateChanged(state),
      ticked: (nowMs) => upkeep.ticked(nowMs),
      refused: (sequence, why) => proposals.refuse(sequence, refusalOf(why)),
      halted: (error) => halt(error instanceof ConfetdError ? error : broken(error)),
    },
    {
      appliedIndex: store.applied.index,
      boot: folder.boot,
      requestTimeoutMs,
      electionTimeoutMs: options.electionMs,
    },
  );
  const member = new Member({
    identity,
    clock,
    raft,
    loop,
    store,
    lessor,
    alarms,
    proposals,
    quota,
    leaseIds: new LeaseIds(self.id, clock.wallMs()),
    maxRequestBytes: options.maxRequestBytes,
    log,
    close,
  });
  const upkeep = new Upkeep({
    options,
    identity,
    clock,
    log,
    raft,
    loop,
    storage,
    wal,
    store,
    lessor,
    proposals,
    quota,
    propose: (kind) => member.propose(kind),
  });
  return await new Promise<Member>((serving, failed) => {
    halt = (error) => {
      halt = () => undefined;
      log.error({ code: error.code }, `the member halts: ${error.message}`);
      failed(error);
      ports.halted(error);
      void member.halt();
    };
    loop.start();
    upkeep.confChanged();
    // The first linearizable read succeeds when there is a leader and everything committed is applied.
    member.linearizable().then(() => serving(member), failed);
  });
}

/** Opens the log behind the state, and refuses one that can't be its own. */
async function openWal(
  disk: Disk,
  walFolder: string,
  store: Store,
  options: MemberOptions,
  walOptions: WalOptions,
): Promise<{ wal: Wal; contents: WalContents }> {
  const opened = await Wal.open(disk, walFolder, store.applied.index, walOptions);
  const { wal, contents } = opened;
  try {
    const { nodeId, clusterId } = contents.metadata;
    const found = { memberId: formatId(nodeId), clusterId: formatId(clusterId) };
    checkOwner(options.folder, found, options.cluster);
    if (wal.lastIndex < store.applied.index) {
      throw new ConfetdError(
        'data_folder',
        `${walFolder} ends at entry ${wal.lastIndex}, but the state holds ${store.applied.index}: part of the log is missing; restore the whole data folder from one backup, or give --data-dir another folder`,
      );
    }
    return opened;
  } catch (error) {
    await wal.close();
    throw error;
  }
}

/** Why raft took no proposal, in etcd's words. */
function refusalOf(why: ProposalRefusal): ConfetdError {
  switch (why) {
    case 'uncommitted log is full':
      return etcdError('tooManyRequests');
    case 'leadership is being transferred':
      return etcdError('leaderChanged');
    case 'no leader':
    case 'not a voter':
      return etcdError('noLeader');
    default:
      return unreachable(why);
  }
}

function broken(error: Error): ConfetdError {
  return new ConfetdError('internal', `${messageOf(error)} (this is a defect of confetd: please report it)`, {
    cause: error,
  });
}
