import { Registry } from 'prom-client';
import { ClientApi } from '../api/client-api.js';
import { type MemberMeters, registerMetrics } from '../api/metrics.js';
import { PeerApi } from '../api/peer-api.js';
import { type ListenerTls, loadTls } from '../api/tls.js';
import type { RenderControl } from '../api/v3/render-control.js';
import { registerRenderMetrics } from '../api/v3/render-metrics.js';
import type { ConfetdError } from '../base/errors.js';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import { NodeDisk } from '../io/node/disk.js';
import { acquire } from '../io/node/folder-lock.js';
import { NodeRandom } from '../io/node/random.js';
import { prepareFolder } from '../member/data-folder.js';
import type { Member } from '../member/member.js';
import { startMember } from '../member/start.js';
import { CLUSTER_VERSION } from '../member/upkeep.js';
import { LmdbBackend } from '../store/backend/lmdb.js';
import { GrpcNetwork } from '../transport/grpc-network.js';
import type { DaemonFlags } from './flags.js';
import type { MemberConfig } from './member-config.js';
import { commandWithOtherPorts } from './other-ports.js';
import { ETCD_API_VERSION } from './version.js';

const MiB = 1024 * 1024;

export interface MemberHostPorts {
  readonly clock: Clock;
  readonly log: Log;
  /** The member can't go on; the process should end. */
  readonly halted: (reason: ConfetdError) => void;
}

/** A member on its locked data folder. */
export interface MemberHost {
  readonly member: Member;
  /** What /metrics shows. */
  readonly registry: Registry;
  /**
   * Serves clients. Fails with `port_in_use`, whose sentence ends with the command line to type, or `usage`;
   * nothing is served then.
   */
  serve(render: RenderControl | undefined): Promise<void>;
  close(): Promise<void>;
}

/** Locks the data folder, serves other members and starts this one. Errors as `startMember`, and `port_in_use`. */
export async function startMemberHost(
  flags: DaemonFlags,
  config: MemberConfig,
  { clock, log, halted }: MemberHostPorts,
): Promise<MemberHost> {
  const disk = new NodeDisk();
  await prepareFolder(disk, config.folder);
  const lock = await acquire(config.folder);
  const instead = commandWithOtherPorts(process.argv.slice(2), flags);
  const versions = { server: ETCD_API_VERSION, cluster: CLUSTER_VERSION };
  const random = new NodeRandom();
  const tls = await peerTls(flags, clock, log).catch(async (error) => {
    await lock.release();
    throw error;
  });
  const network = new GrpcNetwork({
    clock,
    log,
    random,
    limits: { snapshotBytesPerSecond: flags['snapshot-send-rate'] * MiB },
    ...(tls === undefined ? {} : { tls }),
  });
  const peers = new PeerApi({
    service: network.service,
    clock,
    log,
    versions,
    ...(tls === undefined ? {} : { tls }),
  });
  let meters: MemberMeters | undefined;
  const { quotaBytes } = config;
  const start = async (): Promise<Member> => {
    // Others are answered before there is a member: it may have to ask them first, as they ask it.
    for (const url of flags['listen-peer-urls']) await peers.listen(url, instead);
    return await startMember(
      {
        folder: config.folder,
        cluster: config.cluster,
        clusterGiven: config.clusterGiven,
        clusterState: flags['initial-cluster-state'] === 'existing' ? 'existing' : 'new',
        clusterToken: flags['initial-cluster-token'],
        peerUrls: flags['initial-advertise-peer-urls'],
        clientUrls: flags['advertise-client-urls'],
        forceNewCluster: flags['force-new-cluster'],
        strictReconfigCheck: flags['strict-reconfig-check'],
        heartbeatMs: flags['heartbeat-interval'],
        electionMs: flags['election-timeout'],
        maxRequestBytes: flags['max-request-bytes'],
        quotaBytes,
        catchUpEntries: flags['snapshot-count'],
        hashCheckMs: flags['corrupt-check-time'],
      },
      {
        disk,
        clock,
        random,
        log,
        openBackend: (folder) => LmdbBackend.open({ folder, quotaBytes, disk }),
        importBackend: (folder, chunks) => LmdbBackend.import(chunks, { folder, quotaBytes, disk }),
        removeBackend: (folder) => LmdbBackend.remove(folder, disk),
        network,
        halted,
        walSynced: (durationMs) => meters?.walFsync(durationMs / 1000),
      },
    );
  };
  const member = await start().catch(async (error) => {
    await peers.close();
    await lock.release();
    throw error;
  });
  peers.attach(member);
  const registry = new Registry();
  meters = registerMetrics(registry, member, () => member.pendingProposals);
  let clients: ClientApi | undefined;
  return {
    member,
    registry,
    async serve(render) {
      if (render !== undefined) registerRenderMetrics(registry, render, clock);
      clients = new ClientApi({
        member,
        clock,
        log,
        versions,
        registry,
        electionTimeoutMs: flags['election-timeout'],
        limits: { maxTxnOps: flags['max-txn-ops'], maxRequestBytes: flags['max-request-bytes'] },
        ...(render === undefined ? {} : { render }),
      });
      for (const url of flags['listen-client-urls']) await clients.listen(url, instead);
    },
    async close() {
      // Clients go on until another member leads: none of their writes waits for an election.
      await member.stepDown();
      await clients?.close();
      await member.stop();
      await peers.close();
      await lock.release();
    },
  };
}

/** The certificates that members show each other. */
function peerTls(flags: DaemonFlags, clock: Clock, log: Log): Promise<ListenerTls | undefined> {
  const files = {
    certFile: flags['peer-cert-file'],
    keyFile: flags['peer-key-file'],
    trustedCaFile: flags['peer-trusted-ca-file'],
    clientCertAuth: flags['peer-client-cert-auth'],
  };
  return loadTls(files, 'peer-', { clock, log });
}
