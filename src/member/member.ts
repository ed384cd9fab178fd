import { toBytes } from '../base/bytes.js';
import { messageOf } from '../base/errors.js';
import { etcdError } from '../base/etcd-errors.js';
import { inSlices, Pace } from '../base/sliced.js';
import { listMembers } from '../cluster/members.js';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import type { Lessor } from '../lease/lessor.js';
import type * as rpc from '../proto/generated/etcd_rpc.js';
import { AlarmRequest_AlarmAction, AlarmType } from '../proto/generated/etcd_rpc.js';
import type { MemberChange } from '../proto/generated/member.js';
import type { MembersChanged } from '../proto/generated/peer.js';
import type { RawNode } from '../raft/rawnode.js';
import type { Store } from '../store/store.js';
import type { RangeQuery, RangeResult, Watcher, WatchSink, WatchSpec } from '../store/types.js';
import type { Alarms } from './alarms.js';
import type { AppliedCompaction } from './apply/apply.js';
import { revisionHeader, toLongRangeResponse, toRangeQuery, toRangeResponse } from './apply/convert.js';
import { isReadOnly, isSerializable, readTxn } from './apply/txn.js';
import type { LeaderCalls } from './leader-calls.js';
import type { Leadership } from './leadership.js';
import type { LeaseIds } from './lease-ids.js';
import type { LocalState } from './local-state.js';
import type { RaftLoop } from './loop.js';
import { confChangeRefusal, toConfChange } from './member-changes.js';
import type { Membership } from './membership.js';
import type { Outcome, Proposals } from './proposals.js';
import type { Quota } from './quota.js';
import type { RequestKind } from './request-codec.js';
import type { Identity, MemberService, MemberStatus } from './types.js';

/** etcd's bound: more than so many entries between commit and apply, and new ones are refused. */
const MAX_APPLY_BACKLOG = 5_000;
/** Requests on their way at once, and their bytes; clients that send more are told to slow down. */
const MAX_PROPOSALS = 20_000;
const MAX_PROPOSAL_BYTES = 256 * 1024 * 1024;

/** Rows turned into a response in one turn. */
const RESPONSE_SLICE_ROWS = 500;

/** What `startMember` has joined. */
export interface MemberParts {
  readonly identity: Identity;
  readonly clock: Clock;
  readonly raft: RawNode;
  readonly loop: RaftLoop;
  readonly store: Store;
  readonly lessor: Lessor;
  readonly alarms: Alarms;
  readonly proposals: Proposals;
  readonly quota: Quota;
  readonly leaseIds: LeaseIds;
  readonly leadership: Leadership;
  readonly membership: Membership;
  readonly leaderCalls: LeaderCalls;
  readonly local: LocalState;
  readonly maxRequestBytes: number;
  readonly log: Log;
  /** Releases what the member holds, in order; cleanly: with what is pending written to the state. */
  close(cleanly: boolean): Promise<void>;
}

/** A running member: what clients may ask of it. */
export class Member implements MemberService {
  readonly #parts: MemberParts;
  #stopped = false;
  #raising = false;

  constructor(parts: MemberParts) {
    this.#parts = parts;
  }

  get identity(): Identity {
    return this.#parts.identity;
  }

  get revision(): number {
    return this.#parts.store.revision;
  }

  get leader(): bigint {
    return this.#parts.raft.status.leader;
  }

  get term(): number {
    return this.#parts.raft.term;
  }

  get isLearner(): boolean {
    return this.#parts.raft.isLearner;
  }

  /**
   * Whether the member of this data folder has once been as new as its cluster was: what it has applied is worth
   * rendering even where no leader can be asked.
   */
  get caughtUp(): boolean {
    return this.#parts.local.caughtUp;
  }

  /** Requests of this member on their way through the log. */
  get pendingProposals(): number {
    return this.#parts.proposals.size;
  }

  status(): MemberStatus {
    const { raft, loop, store, alarms } = this.#parts;
    const { leader, term, commit, confState, id } = raft.status;
    const size = store.size();
    return {
      leader,
      term,
      committedIndex: commit,
      appliedIndex: loop.appliedIndex,
      revision: store.revision,
      dbSize: size.total,
      dbSizeInUse: size.inUse,
      isLearner: confState.learners.includes(id),
      errors: alarms.raised.map(
        ({ memberID, alarm }) => `memberID:${memberID} alarm:${AlarmType[alarm].toUpperCase()} `,
      ),
    };
  }

  range(request: rpc.RangeRequest): Promise<rpc.RangeResponse> {
    const read = async () => {
      this.#refuseIfCorrupt();
      const { store, clock } = this.#parts;
      const result = await store.range(toRangeQuery(request));
      if (result.kvs.length <= RESPONSE_SLICE_ROWS) return this.#complete(toRangeResponse(result));
      const pace = new Pace(RESPONSE_SLICE_ROWS);
      return this.#complete(await inSlices(toLongRangeResponse(result, pace), () => clock.yield()));
    };
    return request.serializable ? read() : this.linearizable().then(read);
  }

  /** Reads this member's own applied state, whoever leads. Throws or rejects with `out_of_range` as the store does. */
  readApplied(query: RangeQuery): RangeResult | Promise<RangeResult> {
    return this.#parts.store.range(query);
  }

  put(request: rpc.PutRequest): Promise<rpc.PutResponse> {
    return this.#propose({ $case: 'put', value: request });
  }

  deleteRange(request: rpc.DeleteRangeRequest): Promise<rpc.DeleteRangeResponse> {
    return this.#propose({ $case: 'deleteRange', value: request });
  }

  async txn(request: rpc.TxnRequest): Promise<rpc.TxnResponse> {
    if (!isReadOnly(request)) return this.#propose({ $case: 'txn', value: request });
    if (!isSerializable(request)) await this.linearizable();
    this.#refuseIfCorrupt();
    return this.#complete(await this.#parts.store.reading((txn) => readTxn({ txn }, request)));
  }

  async compact(request: rpc.CompactionRequest): Promise<rpc.CompactionResponse> {
    const { response, physical } = await this.#proposeRaw<AppliedCompaction>({
      $case: 'compaction',
      value: request,
    });
    if (request.physical) await physical;
    return this.#complete(response);
  }

  watch(spec: WatchSpec, sink: WatchSink): Watcher {
    return this.#parts.store.watch(spec, sink);
  }

  async leaseGrant(request: rpc.LeaseGrantRequest): Promise<rpc.LeaseGrantResponse> {
    const { lessor, leaseIds } = this.#parts;
    // ID and TTL are settled before the log: apply draws nothing and knows no local flag.
    const ID = request.ID === 0n ? leaseIds.next() : request.ID;
    const TTL = lessor.proposedTtl(request.TTL);
    return await this.#propose({ $case: 'leaseGrant', value: { ID, TTL } });
  }

  leaseRevoke(request: rpc.LeaseRevokeRequest): Promise<rpc.LeaseRevokeResponse> {
    return this.#propose({ $case: 'leaseRevoke', value: request });
  }

  async leaseKeepAlive(id: bigint): Promise<number> {
    const { lessor, leaderCalls, leadership } = this.#parts;
    if (!leadership.isOurs) {
      const answer = await leaderCalls.askRepeatedly({
        $case: 'renewLease',
        value: { ID: id },
      });
      if (answer?.kind?.$case === 'renewedLease') return answer.kind.value.TTL;
    }
    // A leader that was cut off would renew what its successor has ended: the round must begin after the request.
    await this.linearizable();
    leadership.require();
    return lessor.timeToLive(id) === undefined ? 0 : lessor.renew(id);
  }

  async leaseTimeToLive(request: rpc.LeaseTimeToLiveRequest): Promise<rpc.LeaseTimeToLiveResponse> {
    const { lessor, store, leaderCalls, leadership } = this.#parts;
    if (!leadership.isOurs) {
      // Only the leader knows what is left of a lease.
      const answer = await leaderCalls.askRepeatedly({ $case: 'leaseTimeToLive', value: request });
      if (answer?.kind?.$case === 'leaseTimeToLive') return this.#complete(answer.kind.value);
    }
    await this.linearizable();
    leadership.require();
    const found = lessor.timeToLive(request.ID);
    return this.#complete({
      header: revisionHeader(store.revision),
      ID: request.ID,
      TTL: found?.ttl ?? -1,
      grantedTTL: found?.grantedTtl ?? 0,
      keys: found !== undefined && request.keys ? store.leaseKeys(request.ID).map(toBytes) : [],
    });
  }

  async leaseLeases(): Promise<rpc.LeaseLeasesResponse> {
    await this.linearizable();
    const { lessor, store } = this.#parts;
    return this.#complete({
      header: revisionHeader(store.revision),
      leases: lessor.list().map((ID) => ({ ID })),
    });
  }

  memberAdd(request: rpc.MemberAddRequest): Promise<rpc.MemberAddResponse> {
    return this.#parts.membership.add(request).then((response) => this.#complete(response));
  }

  memberRemove(request: rpc.MemberRemoveRequest): Promise<rpc.MemberRemoveResponse> {
    return this.#parts.membership.remove(request).then((response) => this.#complete(response));
  }

  memberUpdate(request: rpc.MemberUpdateRequest): Promise<rpc.MemberUpdateResponse> {
    return this.#parts.membership.update(request).then((response) => this.#complete(response));
  }

  memberPromote(request: rpc.MemberPromoteRequest): Promise<rpc.MemberPromoteResponse> {
    return this.#parts.membership.promote(request).then((response) => this.#complete(response));
  }

  moveLeader(target: bigint): Promise<void> {
    return this.#parts.leadership.moveTo(target);
  }

  async hashKv(revision: number): Promise<rpc.HashKVResponse> {
    const { store } = this.#parts;
    const { hash, compactedRevision, revision: hashRevision } = await store.hash(revision);
    return this.#complete({
      header: revisionHeader(hashRevision),
      hash,
      compactRevision: compactedRevision,
    });
  }

  async memberList(request: rpc.MemberListRequest): Promise<rpc.MemberListResponse> {
    if (request.linearizable) await this.linearizable();
    const { store } = this.#parts;
    const members = listMembers(store.table('members')).map((member) => ({
      ID: member.id,
      name: member.name,
      peerURLs: member.peerUrls,
      clientURLs: member.clientUrls,
      isLearner: member.isLearner,
    }));
    return this.#complete({ header: revisionHeader(0), members });
  }

  async alarm(request: rpc.AlarmRequest): Promise<rpc.AlarmResponse> {
    if (request.action !== AlarmRequest_AlarmAction.Get)
      return this.#propose({ $case: 'alarm', value: request });
    const { alarms, store } = this.#parts;
    const wanted = alarms.raised.filter(
      ({ alarm }) => request.alarm === AlarmType.None || alarm === request.alarm,
    );
    return this.#complete({ header: revisionHeader(store.revision), alarms: wanted });
  }

  linearizable(): Promise<void> {
    return this.#parts.loop.readIndex();
  }

  /** Lets another member lead, where this one does and there is another; the cluster then misses nobody. */
  stepDown(): Promise<void> {
    return this.#stopped ? Promise.resolve() : this.#parts.leadership.stepDown();
  }

  /** Serves nothing more and writes down what is pending. */
  stop(): Promise<void> {
    return this.#end(true);
  }

  /** Serves nothing more and writes nothing more: what the log holds is what counts. */
  halt(): Promise<void> {
    return this.#end(false);
  }

  async #end(cleanly: boolean): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.#parts.close(cleanly);
  }

  #refuseIfCorrupt(): void {
    if (this.#parts.alarms.isRaised(AlarmType.Corrupt)) throw etcdError('corrupt');
  }

  /** A response whose header names the term too. */
  #complete<T extends { header: rpc.ResponseHeader | undefined }>(response: T): T {
    if (response.header !== undefined) response.header.raftTerm = this.#parts.raft.term;
    return response;
  }

  /** Puts a request of the member's own through the log. */
  propose(kind: RequestKind): Promise<unknown> {
    return this.#proposeRaw(kind);
  }

  /** The same for what this member decides as the leader of its term: it is void once another leads. */
  proposeAsLeader(kind: RequestKind): Promise<unknown> {
    return new Promise((done, failed) => {
      this.#submit(kind, { done, failed }, this.#parts.raft.term);
    });
  }

  /** Puts a change of the membership through the log; only a leader can. The answer is the membership after it. */
  proposeMemberChange(change: MemberChange): Promise<MembersChanged> {
    const { proposals, loop, clock, raft } = this.#parts;
    return new Promise((done, failed) => {
      const outcome: Outcome<unknown> = { done: (members) => done(members as MembersChanged), failed };
      const id = proposals.name(outcome, clock.monotonicMs(), raft.term);
      const refused = loop.proposeConfChange(toConfChange({ ...change, id }));
      if (refused !== undefined) proposals.refuse(id.sequence, confChangeRefusal(refused));
    });
  }

  #propose<T extends { header: rpc.ResponseHeader | undefined }>(kind: RequestKind): Promise<T> {
    return new Promise((done, failed) => {
      this.#submit(kind, { done: (response) => done(this.#complete(response as T)), failed });
    });
  }

  #proposeRaw<T>(kind: RequestKind): Promise<T> {
    return new Promise((done, failed) => {
      this.#submit(kind, { done: done as (response: unknown) => void, failed });
    });
  }

  #submit(kind: RequestKind, outcome: Outcome<unknown>, boundTo = 0): void {
    const { proposals, loop, quota, clock, maxRequestBytes } = this.#parts;
    if (this.#stopped) {
      outcome.failed(etcdError('stopped'));
      return;
    }
    if (
      loop.backlog > MAX_APPLY_BACKLOG ||
      proposals.size >= MAX_PROPOSALS ||
      proposals.bytes >= MAX_PROPOSAL_BYTES
    ) {
      outcome.failed(etcdError('tooManyRequests'));
      return;
    }
    const proposal = proposals.register(kind, outcome, clock.monotonicMs(), boundTo);
    const { sequence, data } = proposal;
    if (data.length > maxRequestBytes) {
      proposals.refuse(sequence, etcdError('requestTooLarge'));
    } else if (!quota.admits(kind, data.length)) {
      proposals.refuse(sequence, etcdError('noSpace'));
      this.#raiseNoSpace();
    } else {
      proposals.queue(proposal);
      loop.wake();
    }
  }

  /** Once raised it stays until somebody has made room and disarms it. */
  #raiseNoSpace(): void {
    const { alarms, identity } = this.#parts;
    const alarm = AlarmType.Nospace;
    if (
      this.#raising ||
      alarms.raised.some((raised) => raised.alarm === alarm && raised.memberID === identity.memberId)
    )
      return;
    this.#raising = true;
    this.#parts.log.error(
      {},
      'the state has reached --quota-backend-bytes: delete or compact, then disarm the alarm',
    );
    this.alarm({ action: AlarmRequest_AlarmAction.Activate, alarm, memberID: identity.memberId })
      .catch((error) => {
        // The next request that doesn't fit tries again.
        this.#parts.log.warn({}, `could not raise the NOSPACE alarm: ${messageOf(error)}`);
      })
      .finally(() => {
        this.#raising = false;
      });
  }
}
