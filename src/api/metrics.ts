import { status as Status } from '@grpc/grpc-js';
import { Counter, collectDefaultMetrics, Gauge, Histogram, type Registry } from 'prom-client';
import type { MemberService } from '../member/types.js';

/** Ended calls of one method, by status code. */
class MethodCounts {
  readonly byCode = new Map<number, number>();

  ended(code: number): void {
    this.byCode.set(code, (this.byCode.get(code) ?? 0) + 1);
  }
}

/** grpc_server_handled_total, kept as plain numbers: labels are worked out when somebody asks, not on each call. */
export class CallCounts {
  readonly #methods = new Map<string, MethodCounts>();

  constructor(registry: Registry) {
    const methods = this.#methods;
    new Counter({
      name: 'grpc_server_handled_total',
      help: 'Calls completed on the server, by outcome.',
      labelNames: ['grpc_service', 'grpc_method', 'grpc_code'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [path, { byCode }] of methods) {
          const [, service = '', method = ''] = path.split('/');
          for (const [code, count] of byCode) {
            this.inc({ grpc_service: service, grpc_method: method, grpc_code: codeName(code) }, count);
          }
        }
      },
    });
  }

  /** The counts of a method that the server has; paths that clients invent never get here. */
  of(path: string): MethodCounts {
    let counts = this.#methods.get(path);
    if (counts === undefined) {
      counts = new MethodCounts();
      this.#methods.set(path, counts);
    }
    return counts;
  }
}

/** Go's spelling of a code: `OK`, `InvalidArgument`. */
function codeName(code: number): string {
  if (code === Status.OK) return 'OK';
  const name = Status[code];
  if (name === undefined) return String(code);
  return name.toLowerCase().replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** What only the member can measure; the one who builds both passes these on. */
export interface MemberMeters {
  /** Seconds that one fsync of the write-ahead log took. */
  walFsync(seconds: number): void;
  /** Seconds that one commit of the state took. */
  backendCommit(seconds: number): void;
  proposalFailed(): void;
  leaderChanged(): void;
}

/** etcd's metrics by etcd's names where the meaning is the same, and the process's own. */
export function registerMetrics(
  registry: Registry,
  member: MemberService,
  proposalsPending: () => number,
): MemberMeters {
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  const flag = (condition: boolean) => (condition ? 1 : 0);
  const { memberId } = member.identity;
  gauge('etcd_server_has_leader', 'Whether a leader is known: 1, or 0.', () => flag(member.leader !== 0n));
  gauge('etcd_server_is_leader', 'Whether this member is the leader: 1, or 0.', () =>
    flag(member.leader === memberId),
  );
  gauge('etcd_server_is_learner', 'Whether this member is a learner: 1, or 0.', () =>
    flag(member.status().isLearner),
  );
  gauge('etcd_server_proposals_committed_total', 'Index of the last committed entry.', () => {
    return member.status().committedIndex;
  });
  gauge('etcd_server_proposals_applied_total', 'Index of the last applied entry.', () => {
    return member.status().appliedIndex;
  });
  gauge('etcd_server_proposals_pending', 'Proposals that wait to be committed.', proposalsPending);
  gauge('etcd_mvcc_db_total_size_in_bytes', 'Bytes of the state on disk.', () => member.status().dbSize);
  gauge('etcd_mvcc_db_total_size_in_use_in_bytes', 'Bytes of the state on disk without free pages.', () => {
    return member.status().dbSizeInUse;
  });
  gauge('etcd_debugging_mvcc_current_revision', 'Revision of the store.', () => member.revision);

  const failed = new Counter({
    name: 'etcd_server_proposals_failed_total',
    help: 'Proposals that failed.',
    registers,
  });
  const leaderChanges = new Counter({
    name: 'etcd_server_leader_changes_seen_total',
    help: 'Leaders that this member has seen come.',
    registers,
  });
  // Twice the bound before, from 1 ms to 8 s, as etcd has them.
  const buckets = Array.from({ length: 14 }, (_, power) => 0.001 * 2 ** power);
  const fsync = new Histogram({
    name: 'etcd_disk_wal_fsync_duration_seconds',
    help: 'Seconds that fsync of the write-ahead log takes.',
    buckets,
    registers,
  });
  const commit = new Histogram({
    name: 'etcd_disk_backend_commit_duration_seconds',
    help: 'Seconds that a commit of the state takes.',
    buckets,
    registers,
  });
  return {
    walFsync: (seconds) => fsync.observe(seconds),
    backendCommit: (seconds) => commit.observe(seconds),
    proposalFailed: () => failed.inc(),
    leaderChanged: () => leaderChanges.inc(),
  };
}
