import { messageOf } from '../base/errors.js';
import { getMember, isRemoved, listMembers } from '../cluster/members.js';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import type { Lessor } from '../lease/lessor.js';
import type { RawNode } from '../raft/rawnode.js';
import type { SoftState } from '../raft/types.js';
import type { Store } from '../store/store.js';
import type { Transport } from '../transport/types.js';
import { CLUSTER_VERSION_ROW } from './apply/apply.js';
import type { Leadership } from './leadership.js';
import type { LogRetention } from './log-retention.js';
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
/** A member whose disk is full hands leadership on at most so often: the others' may be full too. */
const STEP_DOWN_INTERVAL_MS = 30_000;
/** What the cluster as a whole speaks; etcd's clients and tools read it. */
export const CLUSTER_VERSION = '3.4.0';

export interface UpkeepParts {
  readonly options: MemberOptions;
  readonly identity: Identity;
  readonly clock: Clock;
  readonly log: Log;
  readonly raft: RawNode;
  readonly loop: RaftLoop;
  readonly retention: LogRetention;
  readonly leadership: Leadership;
  readonly transport: Transport;
  readonly store: Store;
  readonly lessor: Lessor;
  readonly proposals: Proposals;
  readonly quota: Quota;
  propose(kind: RequestKind): Promise<unknown>;
  /** Void once another member leads. */
  proposeAsLeader(kind: RequestKind): Promise<unknown>;
  /** Whether the log or the state waits for room on the disk. */
  diskFull(): boolean;
  /** This member was removed from the cluster, and has applied that. */
  removed(): void;
}

/** What a member does by itself, on changes of leadership and with the tick. */
export class Upkeep {
  readonly #parts: UpkeepParts;
  readonly #revoking = new Set<bigint>();
  #leading = false;
  #stopped = false;
  #publishing = false;
  #removed = false;
  #nextPublishMs = 0;
  #nextExpiryMs = 0;
  #nextMeasureMs = 0;
  #nextStepDownMs = 0;

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
    if (leads !== this.#leading) {
      this.#leading = leads;
      // It can't know how much of each lease its predecessor had seen pass: each gets its whole time again.
      if (leads) lessor.promote(0);
      else lessor.demote();
    }
    if (leader !== 0n) this.#publish();
  }

  /** Who belongs to the cluster has changed, or has become known. */
  confChanged(): void {
    this.#connectMembers();
    // A joiner finds its own row with the log, after it has heard of the leader.
    this.#publish();
    this.#campaignIfAlone();
    this.#stopIfRemoved();
  }

  #connectMembers(): void {
    const { store, identity, transport, loop } = this.#parts;
    const members = listMembers(store.table('members'));
    // A joiner's table is empty until it has applied something.
    if (members.length === 0) return;
    loop.membersChanged(new Set(members.map(({ id }) => id)));
    const others = members.filter(({ id }) => id !== identity.memberId);
    transport.setPeers(others.map(({ id, peerUrls }) => ({ id, peerUrls })));
  }

  /** The others are given the time of an election, to hear from their leader that the removal is committed. */
  #stopIfRemoved(): void {
    const { store, identity, clock, options } = this.#parts;
    if (this.#removed || !isRemoved(store.table('removedMembers'), identity.memberId)) return;
    this.#removed = true;
    clock.schedule(options.electionMs, () => {
      if (!this.#stopped) this.#parts.removed();
    });
  }

  /** A cluster of one needn't wait for an election timeout: nobody else could lead it. */
  #campaignIfAlone(): void {
    const { clock, raft, loop, identity } = this.#parts;
    void clock.yield().then(() => {
      if (this.#stopped) return;
      const { role, confState } = raft.status;
      if (role === 'follower' && confState.voters.length === 1 && confState.voters[0] === identity.memberId) {
        loop.tell(() => raft.campaign());
      }
    });
  }

  ticked(nowMs: number): void {
    this.#parts.proposals.expire(nowMs);
    this.#parts.retention.release();
    if (nowMs >= this.#nextPublishMs) {
      this.#nextPublishMs = nowMs + this.#parts.options.electionMs;
      this.#publish();
    }
    if (this.#leading && nowMs >= this.#nextStepDownMs && this.#parts.diskFull()) {
      this.#nextStepDownMs = nowMs + STEP_DOWN_INTERVAL_MS;
      this.#stepDown();
    }
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

  /** A leader that can't write would let the cluster wait. */
  #stepDown(): void {
    const { log, leadership } = this.#parts;
    log.error({}, 'the disk is full: this member hands leadership to another, if there is one');
    void leadership.stepDown();
  }

  /** Tells the cluster this member's name and client URLs, and a new cluster its version, where they aren't known. */
  #publish(): void {
    const { options, identity, store, raft } = this.#parts;
    if (this.#publishing || raft.status.leader === 0n) return;
    const known = getMember(store.table('members'), identity.memberId);
    if (
      known !== undefined &&
      (known.name !== identity.name || known.clientUrls.join() !== options.clientUrls.join())
    ) {
      this.#publishing = true;
      const value = {
        member: identity.memberId,
        name: identity.name,
        clientUrls: [...options.clientUrls],
      };
      this.#propose('make itself known', { $case: 'memberAttributes', value }, () => {
        this.#publishing = false;
      });
    }
    if (this.#leading && store.table('meta').get(CLUSTER_VERSION_ROW)?.toString() !== CLUSTER_VERSION) {
      this.#publishing = true;
      const value = { version: CLUSTER_VERSION };
      this.#propose('set the cluster version', { $case: 'clusterVersion', value }, () => {
        this.#publishing = false;
      });
    }
  }

  #revokeExpired(): void {
    for (const id of this.#parts.lessor.expired(MAX_REVOKES)) {
      if (this.#revoking.has(id)) continue;
      this.#revoking.add(id);
      // By this leader's clock alone: the next one may have renewed it.
      const revoked = this.#parts.proposeAsLeader({ $case: 'leaseRevoke', value: { ID: id } });
      this.#watch(`revoke the expired lease ${id.toString(16)}`, revoked, () => this.#revoking.delete(id));
    }
  }

  #propose(what: string, kind: RequestKind, ended: () => void = () => undefined): void {
    this.#watch(what, this.#parts.propose(kind), ended);
  }

  #watch(what: string, proposed: Promise<unknown>, ended: () => void): void {
    proposed
      .catch((error) => {
        if (!this.#stopped) this.#parts.log.warn({}, `could not ${what}: ${messageOf(error)}`);
      })
      .finally(ended);
  }
}
