import { type ByteString, toBytes } from '../../../src/base/bytes.js';
import { ConfetdError } from '../../../src/base/errors.js';
import { etcdError } from '../../../src/base/etcd-errors.js';
import type { Identity, MemberService, MemberStatus } from '../../../src/member/types.js';
import type * as rpc from '../../../src/proto/generated/etcd_rpc.js';
import {
  AlarmRequest_AlarmAction,
  AlarmType,
  type ResponseHeader,
} from '../../../src/proto/generated/etcd_rpc.js';
import type { StoreEvent, Watcher, WatchSink, WatchSpec } from '../../../src/store/types.js';
import { FakeKeys, onWire } from './fake-keys.js';
import { FakeWatcher } from './fake-watcher.js';

interface Lease {
  ttl: number;
  keys: Set<ByteString>;
}

/**
 * A member without a log or a disk: one map of keys, all history, watchers that keep a position. It follows etcd's
 * rules for what the tests of the API look at, and lets them take the leader away or break a call.
 */
export class FakeMember implements MemberService {
  readonly identity: Identity = {
    memberId: 0x8e9e05c52164694dn,
    clusterId: 0xcdf818194e3a8c32n,
    name: 'default',
  };
  leader = this.identity.memberId;
  readonly term = 2;
  isLearner = false;
  errors: string[] = [];
  revision = 1;
  compacted = 0;
  /** Thrown by the next call of the named method. */
  readonly failures = new Map<string, unknown>();
  /** Awaited by every leaseKeepAlive and linearizable. */
  gate: Promise<void> = Promise.resolve();
  keepAlivesUnderWay = 0;
  mostKeepAlives = 0;
  readonly watchers = new Set<FakeWatcher>();
  readonly history: { revision: number; events: StoreEvent[] }[] = [];
  /** Of the cluster. Changes of it follow no rules here: see Membership for those. */
  members: rpc.Member[] = [
    {
      ID: this.identity.memberId,
      name: this.identity.name,
      peerURLs: ['http://localhost:2380'],
      clientURLs: ['http://localhost:2379'],
      isLearner: false,
    },
  ];
  readonly #keys = new FakeKeys((lease, key) => void this.#lease(lease).keys.add(key));
  readonly #leases = new Map<bigint, Lease>();
  readonly #alarms: rpc.AlarmMember[] = [];

  status(): MemberStatus {
    const { leader, term, revision, errors } = this;
    return {
      leader,
      term,
      committedIndex: revision + 3,
      appliedIndex: revision + 2,
      revision,
      dbSize: 20480,
      dbSizeInUse: 16384,
      isLearner: this.isLearner,
      errors,
    };
  }

  async range(request: rpc.RangeRequest): Promise<rpc.RangeResponse> {
    this.#maybeFail('range');
    if (request.revision > this.revision) {
      throw new ConfetdError('out_of_range', 'etcdserver: mvcc: required revision is a future revision');
    }
    const kvs = this.#keys.select(request.key, request.rangeEnd).map(onWire);
    const limited = request.limit > 0 ? kvs.slice(0, request.limit) : kvs;
    return {
      header: this.#header(),
      kvs: request.countOnly ? [] : limited,
      more: limited.length < kvs.length,
      count: kvs.length,
    };
  }

  async put(request: rpc.PutRequest): Promise<rpc.PutResponse> {
    this.#maybeFail('put');
    const events: StoreEvent[] = [];
    const prevKv = this.#keys.put(request, this.revision + 1, events);
    this.#commit(events);
    return { header: this.#header(), prevKv: request.prevKv ? prevKv : undefined };
  }

  async deleteRange(request: rpc.DeleteRangeRequest): Promise<rpc.DeleteRangeResponse> {
    this.#maybeFail('deleteRange');
    const events: StoreEvent[] = [];
    const gone = this.#keys.delete(request, this.revision + 1, events);
    this.#commit(events);
    return { header: this.#header(), deleted: gone.length, prevKvs: request.prevKv ? gone.map(onWire) : [] };
  }

  async txn(request: rpc.TxnRequest): Promise<rpc.TxnResponse> {
    this.#maybeFail('txn');
    const events: StoreEvent[] = [];
    const response = this.#keys.txn(request, this.revision + 1, events);
    this.#commit(events);
    return { ...response, header: this.#header() };
  }

  async compact(request: rpc.CompactionRequest): Promise<rpc.CompactionResponse> {
    if (request.revision > this.revision) {
      throw new ConfetdError('out_of_range', 'etcdserver: mvcc: required revision is a future revision');
    }
    if (request.revision <= this.compacted) {
      throw new ConfetdError('out_of_range', 'etcdserver: mvcc: required revision has been compacted');
    }
    this.compacted = request.revision;
    return { header: this.#header() };
  }

  watch(spec: WatchSpec, sink: WatchSink): Watcher {
    const watcher = new FakeWatcher(this, spec, sink);
    this.watchers.add(watcher);
    watcher.catchUp();
    return watcher;
  }

  async leaseGrant(request: rpc.LeaseGrantRequest): Promise<rpc.LeaseGrantResponse> {
    const ID = request.ID === 0n ? BigInt(this.#leases.size + 1000) : request.ID;
    if (this.#leases.has(ID))
      throw new ConfetdError('failed_precondition', 'etcdserver: lease already exists');
    this.#leases.set(ID, { ttl: Math.max(request.TTL, 2), keys: new Set() });
    return { header: this.#header(), ID, TTL: Math.max(request.TTL, 2), error: '' };
  }

  async leaseRevoke(request: rpc.LeaseRevokeRequest): Promise<rpc.LeaseRevokeResponse> {
    const lease = this.#lease(request.ID);
    const events: StoreEvent[] = [];
    for (const key of [...lease.keys].sort()) {
      this.#keys.delete({ key: toBytes(key), rangeEnd: Buffer.alloc(0) }, this.revision + 1, events);
    }
    this.#leases.delete(request.ID);
    this.#commit(events);
    return { header: this.#header() };
  }

  async leaseKeepAlive(id: bigint): Promise<number> {
    this.keepAlivesUnderWay++;
    this.mostKeepAlives = Math.max(this.mostKeepAlives, this.keepAlivesUnderWay);
    await this.gate;
    this.keepAlivesUnderWay--;
    this.#maybeFail('leaseKeepAlive');
    return this.#leases.get(id)?.ttl ?? 0;
  }

  async leaseTimeToLive(request: rpc.LeaseTimeToLiveRequest): Promise<rpc.LeaseTimeToLiveResponse> {
    const { ttl, keys } = this.#lease(request.ID);
    const listed = request.keys ? [...keys].map(toBytes) : [];
    return { header: this.#header(), ID: request.ID, TTL: ttl, grantedTTL: ttl, keys: listed };
  }

  async leaseLeases(): Promise<rpc.LeaseLeasesResponse> {
    return { header: this.#header(), leases: [...this.#leases.keys()].map((ID) => ({ ID })) };
  }

  async memberList(_request: rpc.MemberListRequest): Promise<rpc.MemberListResponse> {
    this.#maybeFail('memberList');
    return { header: this.#header(), members: this.members };
  }

  async memberAdd({ peerURLs, isLearner }: rpc.MemberAddRequest): Promise<rpc.MemberAddResponse> {
    this.#maybeFail('memberAdd');
    const member = {
      ID: this.identity.memberId + BigInt(this.members.length),
      name: '',
      peerURLs,
      clientURLs: [],
      isLearner,
    };
    this.members = [...this.members, member];
    return { header: undefined, member, members: this.members };
  }

  async memberRemove({ ID }: rpc.MemberRemoveRequest): Promise<rpc.MemberRemoveResponse> {
    this.#member(ID);
    this.members = this.members.filter((member) => member.ID !== ID);
    return { header: undefined, members: this.members };
  }

  async memberUpdate({ ID, peerURLs }: rpc.MemberUpdateRequest): Promise<rpc.MemberUpdateResponse> {
    this.#member(ID).peerURLs = peerURLs;
    return { header: undefined, members: this.members };
  }

  async memberPromote({ ID }: rpc.MemberPromoteRequest): Promise<rpc.MemberPromoteResponse> {
    this.#member(ID).isLearner = false;
    return { header: undefined, members: this.members };
  }

  async moveLeader(target: bigint): Promise<void> {
    this.#maybeFail('moveLeader');
    this.leader = this.#member(target).ID;
  }

  async hashKv(revision: number): Promise<rpc.HashKVResponse> {
    this.#maybeFail('hashKv');
    return { header: this.#header(), hash: 0xc0ffee + revision, compactRevision: this.compacted };
  }

  async alarm(request: rpc.AlarmRequest): Promise<rpc.AlarmResponse> {
    if (request.action === AlarmRequest_AlarmAction.Activate) {
      this.#alarms.push({ memberID: request.memberID, alarm: request.alarm });
      this.errors.push(`memberID:${request.memberID} alarm:${AlarmType[request.alarm]?.toUpperCase()} `);
    }
    return { header: this.#header(), alarms: [...this.#alarms] };
  }

  async linearizable(): Promise<void> {
    await this.gate;
    this.#maybeFail('linearizable');
  }

  /** Writes many keys in one revision. */
  putAll(pairs: readonly (readonly [string, Buffer])[]): void {
    const events: StoreEvent[] = [];
    for (const [key, value] of pairs) {
      const request = {
        key: Buffer.from(key),
        value,
        lease: 0n,
        prevKv: false,
        ignoreValue: false,
        ignoreLease: false,
      };
      this.#keys.put(request, this.revision + 1, events);
    }
    this.#commit(events);
  }

  #maybeFail(method: string): void {
    if (!this.failures.has(method)) return;
    const failure = this.failures.get(method);
    this.failures.delete(method);
    throw failure;
  }

  #header(): ResponseHeader {
    return { clusterId: 0n, memberId: 0n, revision: this.revision, raftTerm: 2 };
  }

  #member(id: bigint): rpc.Member {
    const member = this.members.find(({ ID }) => ID === id);
    if (member === undefined) throw etcdError('memberNotFound');
    return member;
  }

  #lease(id: bigint): Lease {
    const lease = this.#leases.get(id);
    if (lease === undefined) throw new ConfetdError('not_found', 'etcdserver: requested lease not found');
    return lease;
  }

  #commit(events: StoreEvent[]): void {
    if (events.length === 0) return;
    this.revision++;
    this.history.push({ revision: this.revision, events });
    for (const watcher of this.watchers) watcher.live(performance.now());
  }
}
