import { ConfetdError } from '../base/errors.js';
import { etcdError } from '../base/etcd-errors.js';
import { memberId } from '../cluster/identity.js';
import { memberChangeFault } from '../cluster/member-rules.js';
import type { Member } from '../cluster/members.js';
import { isPeerUrl } from '../cluster/peer-urls.js';
import type { Clock } from '../io/clock.js';
import type * as rpc from '../proto/generated/etcd_rpc.js';
import { type MemberChange, MemberChange_Kind } from '../proto/generated/member.js';
import type { MembersChanged, PeerRequest, PeerResponse } from '../proto/generated/peer.js';
import type { RaftStatus } from '../raft/rawnode.js';
import { learnerFault, quorumFault } from './reconfiguration.js';
import type { Identity } from './types.js';

/** Changes that wait for the one under way; raft takes one at a time. */
const MAX_WAITING = 16;

export interface MembershipPorts {
  readonly identity: Identity;
  readonly token: string;
  readonly clock: Clock;
  readonly strictReconfigCheck: boolean;
  status(): RaftStatus;
  members(): readonly Member[];
  isRemoved(id: bigint): boolean;
  activeSince(id: bigint): number | undefined;
  /** Resolves once this member has applied what was committed when asked: a new leader knows of its predecessor's changes. */
  linearizable(): Promise<void>;
  /** Leader only: through the log; resolves with the members after it, once it is applied. */
  propose(change: MemberChange): Promise<readonly Member[]>;
  /** Undefined: this member leads by now. */
  askLeader(request: NonNullable<PeerRequest['kind']>): Promise<PeerResponse | undefined>;
}

/** Changes of who belongs to the cluster: asked of any member, decided by the leader. Failures are etcd's. */
export class Membership {
  readonly #ports: MembershipPorts;
  #waiting = 0;
  /** Settles when the changes before the next one have ended. Never rejects. */
  #before: Promise<unknown> = Promise.resolve();

  constructor(ports: MembershipPorts) {
    this.#ports = ports;
  }

  /** Its ID comes from its URLs and the time, so that one that is removed and added again is another one. */
  async add({ peerURLs, isLearner }: rpc.MemberAddRequest): Promise<rpc.MemberAddResponse> {
    const peerUrls = checkedUrls(peerURLs);
    const id = this.#freshId(peerUrls);
    const member: Member = { id, name: '', peerUrls, clientUrls: [], isLearner };
    const { members } = await this.#decide(MemberChange_Kind.ADD, member);
    return { header: undefined, member: onWire(member), members: members.map(onWire) };
  }

  async remove({ ID }: rpc.MemberRemoveRequest): Promise<rpc.MemberRemoveResponse> {
    const { members } = await this.#decide(MemberChange_Kind.REMOVE, named(ID));
    return { header: undefined, members: members.map(onWire) };
  }

  /** Other peer URLs. The member goes on with its ID, and listens where its own flags say. */
  async update({ ID, peerURLs }: rpc.MemberUpdateRequest): Promise<rpc.MemberUpdateResponse> {
    const wanted = { ...named(ID), peerUrls: checkedUrls(peerURLs) };
    const { members } = await this.#decide(MemberChange_Kind.UPDATE, wanted);
    return { header: undefined, members: members.map(onWire) };
  }

  /** Gives a learner its vote. */
  async promote({ ID }: rpc.MemberPromoteRequest): Promise<rpc.MemberPromoteResponse> {
    const { members } = await this.#decide(MemberChange_Kind.PROMOTE, named(ID));
    return { header: undefined, members: members.map(onWire) };
  }

  /** An ID that was ever taken is passed over: within one second the same URLs make the same. */
  #freshId(peerUrls: readonly string[]): bigint {
    const ports = this.#ports;
    const taken = (id: bigint) => ports.isRemoved(id) || ports.members().some((member) => member.id === id);
    for (let seconds = Math.floor(ports.clock.wallMs() / 1_000); ; seconds++) {
      const id = memberId(peerUrls, ports.token, seconds);
      if (!taken(id)) return id;
    }
  }

  async #decide(kind: MemberChange_Kind, member: Member): Promise<MembersChanged> {
    const ports = this.#ports;
    const change: MemberChange = { id: undefined, kind, member };
    const { leader, id } = ports.status();
    if (leader !== id) {
      const response = await ports.askLeader({ $case: 'changeMembers', value: change });
      if (response?.kind?.$case === 'membersChanged') return response.kind.value;
      if (response !== undefined) throw new ConfetdError('internal', 'the leader answered something else');
    }
    return await this.change(change);
  }

  /** As the leader: checks the change against the cluster as it is, and makes it. One after the other. */
  async change(change: MemberChange): Promise<MembersChanged> {
    if (this.#waiting >= MAX_WAITING) throw etcdError('tooManyRequests');
    this.#waiting++;
    const made = this.#before.then(() => this.#make(change));
    this.#before = made.catch(() => undefined);
    try {
      return await made;
    } finally {
      this.#waiting--;
    }
  }

  async #make(change: MemberChange): Promise<MembersChanged> {
    await this.#ports.linearizable();
    const fault = this.#fault(change);
    if (fault !== undefined) throw fault;
    const id = change.member?.id;
    const before = this.#ports.members().find((member) => member.id === id);
    const members = await this.#ports.propose(change);
    return { member: members.find((member) => member.id === id) ?? before, members: [...members] };
  }

  /** In etcd's order, which decides what is said where several things are wrong. */
  #fault(change: MemberChange): ConfetdError | undefined {
    const ports = this.#ports;
    const members = ports.members();
    const view = {
      self: ports.identity.memberId,
      members,
      status: ports.status(),
      nowMs: ports.clock.monotonicMs(),
      activeSince: (id: bigint) => ports.activeSince(id),
    };
    if (view.status.leader !== view.self) return etcdError('leaderChanged');
    return (
      (change.kind === MemberChange_Kind.PROMOTE ? learnerFault(view, change.member?.id ?? 0n) : undefined) ??
      (ports.strictReconfigCheck ? quorumFault(view, change) : undefined) ??
      memberChangeFault({ members, isRemoved: (id) => ports.isRemoved(id) }, change)
    );
  }
}

/** Sorted, as etcd shows them. Throws `invalid_argument`. */
function checkedUrls(urls: readonly string[]): string[] {
  const trimmed = urls.map((url) => url.trim());
  if (trimmed.length === 0 || !trimmed.every(isPeerUrl)) throw etcdError('badMemberUrls');
  return trimmed.sort();
}

function named(id: bigint): Member {
  return { id, name: '', peerUrls: [], clientUrls: [], isLearner: false };
}

function onWire({ id, name, peerUrls, clientUrls, isLearner }: Member): rpc.Member {
  return { ID: id, name, peerURLs: peerUrls, clientURLs: clientUrls, isLearner };
}
