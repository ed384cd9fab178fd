import type { ConfetdError } from '../base/errors.js';
import type { InitialCluster } from '../cluster/bootstrap.js';
import type { Clock } from '../io/clock.js';
import type { Disk } from '../io/disk.js';
import type { Log } from '../io/log.js';
import type { Random } from '../io/random.js';
import type { Backend } from '../store/backend/backend.js';
import type { PeerNetwork } from '../transport/types.js';

export interface MemberOptions {
  readonly folder: string;
  /** What the flags say of the cluster; counts where the folder holds no member yet. */
  readonly cluster: InitialCluster;
  /** Whether any flag that makes the identity was given; else the folder alone says whose it is. */
  readonly clusterGiven: boolean;
  /** `existing`: it joins a cluster that runs, to which `member add` has added it. */
  readonly clusterState: 'new' | 'existing';
  readonly clusterToken: string;
  /** Where the other members reach this one. */
  readonly peerUrls: readonly string[];
  /** Go on alone with the data of this folder, all other members given up. */
  readonly forceNewCluster: boolean;
  /** Refuse changes of the membership that would leave no quorum of started members (etcd's strict-reconfig-check). */
  readonly strictReconfigCheck: boolean;
  /** What this member tells the others about itself. */
  readonly clientUrls: readonly string[];
  readonly heartbeatMs: number;
  readonly electionMs: number;
  /** Of one request in the log, in bytes. */
  readonly maxRequestBytes: number;
  /** Of the state on disk, in bytes; beyond it NOSPACE is raised. */
  readonly quotaBytes: number;
  /** Entries kept behind the applied index, for followers that lag. */
  readonly catchUpEntries: number;
  /** Between two comparisons of the members' states, in milliseconds; 0: none. */
  readonly hashCheckMs: number;
  /** Of one WAL segment, in bytes; undefined: etcd's 64,000,000. */
  readonly walSegmentBytes?: number;
  /** Rows of a long entry that are applied in one turn; undefined: as many as take about a millisecond. */
  readonly applySliceRows?: number;
}

export interface MemberPorts {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Opens the state at a path, made where it is missing. */
  openBackend(path: string): Promise<Backend>;
  /** Makes the state at a path, where there is none yet, of a {@link Backend.copy}'s chunks, durably, and opens it. */
  importBackend(path: string, chunks: AsyncIterable<Buffer>): Promise<Backend>;
  /** Removes the state at a path, which must be closed; one that is missing is fine. */
  removeBackend(path: string): Promise<void>;
  /** The other members. */
  readonly network: PeerNetwork;
  /** The member can't go on; it has stopped taking part and answers nothing any more. Told once. */
  halted(reason: ConfetdError): void;
  /** For metrics: how long an fdatasync of the log took. */
  readonly walSynced?: (durationMs: number) => void;
}
