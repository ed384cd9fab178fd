import type { ConfetdError } from '../base/errors.js';
import { etcdError } from '../base/etcd-errors.js';
import { Prng } from '../base/prng.js';
import { isRemoved, listMembers } from '../cluster/members.js';
import { sleep } from '../io/clock.js';
import { Lessor } from '../lease/lessor.js';
import { AlarmRequest_AlarmAction, AlarmType, type HashKVResponse } from '../proto/generated/etcd_rpc.js';
import type { Hello } from '../proto/generated/peer.js';
import { ConfState, MessageType } from '../proto/generated/raft.js';
import { RawNode } from '../raft/rawnode.js';
import { CONF_STATE_ROW } from '../store/meta.js';
import type { Store } from '../store/store.js';
import { SEGMENT_BYTES } from '../wal/segment.js';
import type { WalContents } from '../wal/types.js';
import type { Wal } from '../wal/wal.js';
import { Acquaintances, PEER_PROTOCOL } from './acquaintances.js';
import { Alarms } from './alarms.js';
import { EntryApplier } from './apply/entry.js';
import type { DataFolder } from './data-folder.js';
import { failureOf } from './failures.js';
import type { FullDisk } from './full-disk.js';
import { HashCheck } from './hash-check.js';
import { accepted, LeaderCalls } from './leader-calls.js';
import { Leadership } from './leadership.js';
import { LeaseIds } from './lease-ids.js';
import { LogRetention } from './log-retention.js';
import { MemberLog } from './log-storage.js';
import { RaftLoop } from './loop.js';
import { Member } from './member.js';
import { proposalRefusal } from './member-changes.js';
import { Membership } from './membership.js';
import type { MemberOptions, MemberPorts } from './options.js';
import { Peers, removedError } from './peers.js';
import { Proposals } from './proposals.js';
import { Quota } from './quota.js';
import { SnapshotInstall } from './snapshot-install.js';
import { Upkeep } from './upkeep.js';

const KiB = 1024;
const MiB = 1024 * KiB;
/** Of the log in memory; older entries are read back from the WAL. Bytes. */
const MAX_LOG_BYTES = 16 * MiB;
/** Of the log on disk, kept for members that are being sent the state. Bytes. */
const MAX_HELD_LOG_BYTES = 4 * 1024 * MiB;
/** Another member's hash of all that it holds. */
const HASH_TIMEOUT_MS = 60_000;
/** Of entries in one append message, which both ends take in a turn of their event loops; 512 of them may be under way. */
const APPEND_BYTES = 128 * KiB;
/** Between two tries to be as new as the cluster, for a member that has never been. */
const CATCH_UP_AGAIN_MS = 1_000;

/** What was opened, and where it came from. */
export interface Assembly {
  readonly options: MemberOptions;
  readonly ports: MemberPorts;
  readonly folder: DataFolder;
  readonly wal: Wal;
  readonly contents: WalContents;
  readonly store: Store;
  readonly fullDisk: FullDisk;
  /** Called with what ends the member when its state fails. */
  onHalt(halt: (reason: ConfetdError) => void): void;
}

/** Joins the parts of a member. `start` resolves when it takes part, and rejects where it halts before. */
export function assemble(assembly: Assembly): { member: Member; start(): Promise<void> } {
  const { options, ports, folder, wal, contents, store, fullDisk } = assembly;
  const { clock, log } = ports;
  const { identity: own, local, states, boot } = folder;
  const self = own.memberId;
  const identity = { memberId: self, clusterId: own.clusterId, name: options.cluster.self.name };
  const hello: Hello = {
    clusterId: own.clusterId,
    memberId: self,
    instance: own.instance,
    tokenDigest: own.tokenDigest,
    peerUrls: [...options.peerUrls],
    protocol: PEER_PROTOCOL,
  };
  const isRemovedMember = (id: bigint) => isRemoved(store.table('removedMembers'), id);

  const storage = new MemberLog({
    wal,
    base: store.applied,
    entries: contents.entries,
    maxBytes: MAX_LOG_BYTES,
    snapshot: () => {
      const { index, term } = store.applied;
      return { data: Buffer.alloc(0), metadata: { index, term, confState: raft.status.confState } };
    },
    fetched: () => loop.tell((node) => node.entriesFetched()),
    failed: (error) => halt(failureOf(error)),
  });
  const raft = openRaft(assembly, storage);
  const alarms = new Alarms(store.table('alarms'));
  const lessor = new Lessor({ clock, minTtlSeconds: Math.ceil((1.5 * options.electionMs) / 1000) });
  lessor.load(store);
  const requestTimeoutMs = 5_000 + 2 * options.electionMs;
  const proposals = new Proposals({ member: self, boot }, requestTimeoutMs);
  const retention = new LogRetention({
    raft,
    wal,
    storage,
    store,
    catchUpEntries: options.catchUpEntries,
    maxHeldBytes: MAX_HELD_LOG_BYTES,
    walSegmentBytes: options.walSegmentBytes ?? SEGMENT_BYTES,
  });
  const confChanged = (): void => {
    upkeep.confChanged();
    if (raft.status.confState.voters.length > 1) takesPart();
  };
  const reachable = (id: bigint): boolean => transport.activeSince(id) !== undefined;
  const applier = new EntryApplier({ store, lessor, alarms, raft, proposals, clock, confChanged });
  const install = new SnapshotInstall({
    raft,
    states,
    store,
    lessor,
    alarms,
    proposals,
    stateReplaced: confChanged,
  });
  const loop = new RaftLoop(
    {
      raft,
      storage,
      wal,
      proposals,
      clock,
      tickMs: options.heartbeatMs,
      apply: (entry) => applier.apply(entry),
      install: (metadata) => install.install(metadata),
      applyRoom: () => store.room(),
      send: (messages) => {
        for (const { type, to } of messages) if (type === MessageType.SNAP) retention.sending(to);
        transport.send(messages);
      },
      reachable,
      softStateChanged: (state) => upkeep.softStateChanged(state),
      ticked: (nowMs) => upkeep.ticked(nowMs),
      refused: (sequence, why) => proposals.refuse(sequence, proposalRefusal(why)),
      halted: (error) => halt(failureOf(error)),
    },
    {
      member: self,
      appliedIndex: store.applied.index,
      boot,
      requestTimeoutMs,
      electionTimeoutMs: options.electionMs,
    },
  );
  const leadership = new Leadership({
    self,
    raft,
    loop,
    clock,
    electionMs: options.electionMs,
    reachable,
  });
  const membership = new Membership({
    identity,
    token: options.clusterToken,
    clock,
    strictReconfigCheck: options.strictReconfigCheck,
    status: () => raft.status,
    members: () => listMembers(store.table('members')),
    isRemoved: isRemovedMember,
    activeSince: (id) => transport.activeSince(id),
    linearizable: () => member.linearizable(),
    propose: (change) => member.proposeMemberChange(change).then(({ members }) => members),
    askLeader: (kind) => leaderCalls.ask(kind),
  });
  const quota = new Quota(options.quotaBytes);

  const close = async (cleanly: boolean): Promise<void> => {
    const reason = etcdError('stopped');
    await loop.stop(reason);
    proposals.failAll(reason);
    upkeep.stop();
    hashCheck.stop();
    await transport.close();
    if (cleanly) {
      await store.close();
    } else {
      await store.halt();
      await states.backend.close();
    }
    await wal.close();
  };
  const peers = new Peers({
    hello,
    log,
    raft,
    loop,
    store,
    local,
    acquaintances: new Acquaintances({ hello, local, log, isRemoved: isRemovedMember }),
    membership,
    retention,
    install,
    hashKv: (request) => member.hashKv(request.revision),
    renewLease: (id) => member.leaseKeepAlive(id),
    leaseTimeToLive: (request) => member.leaseTimeToLive(request),
    expelled: (reason) => halt(reason),
  });
  const transport = ports.network.connect(peers);
  const leaderCalls = new LeaderCalls({
    hello,
    clock,
    transport,
    timeoutMs: requestTimeoutMs,
    leader: () => raft.status.leader,
  });
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
    leaseIds: new LeaseIds(self, clock.wallMs()),
    leadership,
    membership,
    leaderCalls,
    local,
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
    retention,
    leadership,
    transport,
    store,
    lessor,
    proposals,
    quota,
    propose: (kind) => member.propose(kind),
    proposeAsLeader: (kind) => member.proposeAsLeader(kind),
    diskFull: () => fullDisk.isFull,
    removed: () => halt(removedError(self)),
  });

  const hashCheck = new HashCheck({
    self,
    clock,
    log,
    intervalMs: options.hashCheckMs,
    leader: () => raft.status.leader,
    others: () => {
      const { voters, learners } = raft.status.confState;
      return [...voters, ...learners].filter((id) => id !== self);
    },
    isCorrupt: () => alarms.isRaised(AlarmType.Corrupt),
    linearizable: () => member.linearizable(),
    hash: (revision) => member.hashKv(revision),
    ask: (id, revision) => askHash(id, revision),
    raise: (memberID) =>
      member.alarm({ action: AlarmRequest_AlarmAction.Activate, alarm: AlarmType.Corrupt, memberID }),
  });
  const askHash = async (to: bigint, revision: number): Promise<HashKVResponse> => {
    const kind = { $case: 'hashKv' as const, value: { revision } };
    const response = accepted(await transport.call(to, { hello, to, kind }, HASH_TIMEOUT_MS));
    if (response.kind?.$case !== 'hashKv') throw etcdError('unhealthy');
    return response.kind.value;
  };

  let takesPart: () => void = () => undefined;
  let failed: (error: unknown) => void = () => undefined;
  let halted = false;
  const halt = (error: ConfetdError): void => {
    if (halted) return;
    halted = true;
    log.error({ code: error.code }, `the member halts: ${error.message}`);
    failed(error);
    ports.halted(error);
    void member.halt();
  };
  assembly.onHalt(halt);

  /** The first linearizable read succeeds when there is a leader and everything committed is applied. */
  const catchUp = async (): Promise<void> => {
    for (;;) {
      try {
        await member.linearizable();
        await local.setCaughtUp();
        return;
      } catch (error) {
        if (loop.ended) return;
        failed(error);
        await sleep(clock, CATCH_UP_AGAIN_MS);
      }
    }
  };
  const start = (): Promise<void> =>
    new Promise((resolve, reject) => {
      takesPart = resolve;
      failed = reject;
      transport.setPeers(folder.peers);
      loop.start();
      hashCheck.start();
      confChanged();
      // A joiner knows nobody until the leader has found it.
      if (own.joined) takesPart();
      void catchUp().then(resolve);
    });
  return { member, start };
}

function openRaft({ options, ports, folder, contents, store }: Assembly, storage: MemberLog): RawNode {
  const draw = new Prng(ports.random.uint32());
  const confState = store.table('meta').get(CONF_STATE_ROW);
  const hardState = contents.hardState ?? { term: 0, vote: 0n, commit: 0 };
  return new RawNode({
    id: folder.identity.memberId,
    electionTicks: Math.max(2, Math.round(options.electionMs / options.heartbeatMs)),
    heartbeatTicks: 1,
    storage,
    // What LMDB has applied was committed, whatever the log's last hard state says.
    hardState: { ...hardState, commit: Math.max(hardState.commit, store.applied.index) },
    confState: confState === undefined ? { voters: [], learners: [] } : ConfState.decode(confState),
    applied: store.applied.index,
    maxMessageBytes: APPEND_BYTES,
    maxInflightMessages: 512,
    maxInflightBytes: 64 * MiB,
    maxUncommittedBytes: 256 * MiB,
    maxCommittedBytes: 4 * MiB,
    random: () => draw.uint32(),
  });
}
