import { messageOf } from '../base/errors.js';
import { getMember } from '../cluster/members.js';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import type { Lessor } from '../lease/lessor.js';
import type { MemoryStorage } from '../raft/memory-storage.js';
import type { RawNode } from '../raft/rawnode.js';
import type { SoftState } from '../raft/types.js';
import type { Store } from '../store/store.js';
import type { Wal } from '../wal/wal.js';
import { CLUSTER_VERSION_ROW } from './apply/apply.js';
import type { RaftLoop } from './loop.js';
import type { MemberOptions } from './options.js';
import type { Proposals } from './proposals.js';
import type { Quota } from './quota.js';
import type { RequestKind } from './request-codec.js';
import type { Identity } from './types.js';

/** etcd's pace: so often leases are looked at, and at most so many revoked each time. */
const EXPIRY_INTERVAL_MS = 500;
const MAX_REVOKES = 500;
const MEASURE_INTERVAL_MS = 1_000;
/** Entries held in memory behind the applied index take no more than this. */
const MAX_CACHED_BYTES = 64 * 1024 * 1024;
/** What the cluster as a whole speaks; etcd's clients and tools read it. */
export const CLUSTER_VERSION = '3.4.0';

export interface UpkeepParts {
  readonly options: MemberOptions;
  readonly identity: Identity;
  readonly clock: Clock;
  readonly log: Log;
  readonly raft: RawNode;
  readonly loop: RaftLoop;
  readonly storage: MemoryStorage;
  readonly wal: Wal;
  readonly store: Store;
  readonly lessor: Lessor;
  readonly proposals: Proposals;
  readonly quota: Quota;
  propose(kind: RequestKind): Promise<unknown>;
}

/** What a member does by itself, on changes of leadership and with the tick. */
export class Upkeep {
  readonly #parts: UpkeepParts;
  readonly #revoking = new Set<bigint>();
  #leading = false;
  #stopped = false;
  #nextExpiryMs = 0;
  #nextMeasureMs = 0;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
  }

  stop(): void {
    this.#stopped = true;
  }

  softStateChanged({ leader, role }: SoftState): void {
    const { lessor, identity, log, raft } = this.#parts;
    log.info({ leader: leader.toString(16), role, term: raft.status.term }, 'leadership changed');
    const leads = leader === identity.memberId;
    if (leads === this.#leading) return;
    this.#leading = leads;
    if (leads) {
      // It can't know how much of each lease its predecessor had seen pass: each gets its whole time again.
      lessor.promote(0);
      this.#publish();
    } else {
      lessor.demote();
    }
  }

  /** A cluster of one needn't wait for an election timeout: nobody else could lead it. */
  confChanged(): void {
    const { clock, raft, loop, identity } = this.#parts;
    void clock.yield().then(() => {
      if (this.#stopped) return;
      const { role, confState } = raft.status;
      if (role === 'follower' && confState.voters.length === 1 && confState.voters[0] === identity.memberId) {
        raft.campaign();
        loop.wake();
      }
    });
  }

  ticked(nowMs: number): void {
    this.#parts.proposals.expire(nowMs);
    this.#releaseLog();
    if (this.#leading && nowMs >= this.#nextExpiryMs) {
      this.#nextExpiryMs = nowMs + EXPIRY_INTERVAL_MS;
      this.#revokeExpired();
    }
    if (nowMs >= this.#nextMeasureMs) {
      this.#nextMeasureMs = nowMs + MEASURE_INTERVAL_MS;
      const { store, quota } = this.#parts;
      quota.measured(store.size().inUse + store.pendingBytes);
    }
  }

  /** Tells the cluster this member's name and client URLs, and a new cluster its version, where they aren't known. */
  #publish(): void {
    const { options, identity, store } = this.#parts;
    const known = getMember(store.table('members'), identity.memberId);
    if (known?.name !== identity.name || known.clientUrls.join() !== options.clientUrls.join()) {
      this.#propose('make itself known', {
        $case: 'memberAttributes',
        value: { member: identity.memberId, name: identity.name, clientUrls: [...options.clientUrls] },
      });
    }
    if (store.table('meta').get(CLUSTER_VERSION_ROW)?.toString() !== CLUSTER_VERSION) {
      this.#propose('set the cluster version', {
        $case: 'clusterVersion',
        value: { version: CLUSTER_VERSION },
      });
    }
  }

  #revokeExpired(): void {
    for (const id of this.#parts.lessor.expired(MAX_REVOKES)) {
      if (this.#revoking.has(id)) continue;
      this.#revoking.add(id);
      this.#propose(
        `revoke the expired lease ${id.toString(16)}`,
        { $case: 'leaseRevoke', value: { ID: id } },
        () => this.#revoking.delete(id),
      );
    }
  }

  #propose(what: string, kind: RequestKind, ended: () => void = () => undefined): void {
    this.#parts
      .propose(kind)
      .catch((error) => {
        if (!this.#stopped) this.#parts.log.warn({}, `could not ${what}: ${messageOf(error)}`);
      })
      .finally(ended);
  }

  /** Lets go of entries that the state on disk covers, keeping some for followers that lag. */
  #releaseLog(): void {
    const { options, storage, store, wal, loop } = this.#parts;
    const covered = Math.min(store.flushedIndex, loop.appliedIndex);
    // A log that failed says so to its next writer too, and that one halts the member.
    void wal.release(covered - options.catchUpEntries).catch(() => undefined);
    const keep = storage.bytes > MAX_CACHED_BYTES ? 0 : options.catchUpEntries;
    storage.compact(Math.min(covered, loop.appliedIndex - keep));
  }
}
