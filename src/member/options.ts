import type { ConfetdError } from '../base/errors.js';
import type { InitialCluster } from '../cluster/bootstrap.js';
import type { Clock } from '../io/clock.js';
import type { Disk } from '../io/disk.js';
import type { Log } from '../io/log.js';
import type { Random } from '../io/random.js';
import type { Backend } from '../store/backend/backend.js';

export interface MemberOptions {
  readonly folder: string;
  readonly cluster: InitialCluster;
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
  /** Of one WAL segment, in bytes; undefined: etcd's 64,000,000. */
  readonly walSegmentBytes?: number;
}

export interface MemberPorts {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  openBackend(path: string): Promise<Backend>;
  /** The member can't go on; it has stopped taking part and answers nothing any more. Told once. */
  halted(reason: ConfetdError): void;
  /** For metrics: how long an fdatasync of the log took. */
  readonly walSynced?: (durationMs: number) => void;
}
