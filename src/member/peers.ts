import { unreachable } from '../base/assert.js';
import { ConfetdError, messageOf } from '../base/errors.js';
import { etcdError } from '../base/etcd-errors.js';
import { formatId } from '../cluster/identity.js';
import { isRemoved, listMembers } from '../cluster/members.js';
import type { Log } from '../io/log.js';
import type {
  HashKVRequest,
  HashKVResponse,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResponse,
} from '../proto/generated/etcd_rpc.js';
import {
  type Description,
  type Hello,
  type PeerRequest,
  type PeerResponse,
  Refusal,
} from '../proto/generated/peer.js';
import type { Message } from '../proto/generated/raft.js';
import type { RawNode } from '../raft/rawnode.js';
import type { Store } from '../store/store.js';
import type { OutgoingSnapshot, PeerHost } from '../transport/types.js';
import type { Acquaintances } from './acquaintances.js';
import type { LocalState } from './local-state.js';
import type { LogRetention } from './log-retention.js';
import type { RaftLoop } from './loop.js';
import type { Membership } from './membership.js';
import type { SnapshotInstall } from './snapshot-install.js';
import { CLUSTER_VERSION } from './upkeep.js';

export interface PeersParts {
  readonly hello: Hello;
  readonly log: Log;
  readonly raft: RawNode;
  readonly loop: RaftLoop;
  readonly store: Store;
  readonly local: LocalState;
  readonly acquaintances: Acquaintances;
  readonly membership: Membership;
  readonly retention: LogRetention;
  readonly install: SnapshotInstall;
  hashKv(request: HashKVRequest): Promise<HashKVResponse>;
  /** The renewed TTL in seconds; 0: no such lease. */
  renewLease(id: bigint): Promise<number>;
  leaseTimeToLive(request: LeaseTimeToLiveRequest): Promise<LeaseTimeToLiveResponse>;
  /** The cluster won't have this member any more. */
  expelled(reason: ConfetdError): void;
}

/** One member as the others meet it. */
export class Peers implements PeerHost {
  readonly #parts: PeersParts;

  constructor(parts: PeersParts) {
    this.#parts = parts;
  }

  get hello(): Hello {
    return this.#parts.hello;
  }

  async admit(hello: Hello): Promise<Refusal> {
    try {
      return await this.#parts.acquaintances.admit(hello);
    } catch (error) {
      // It can't be written down who that is: so this member talks to nobody new, for now.
      this.#parts.log.error({}, `could not take note of a peer: ${messageOf(error)}`);
      return Refusal.STARTING;
    }
  }

  refused(by: bigint, refusal: Refusal): void {
    const { hello, log } = this.#parts;
    const self = formatId(hello.memberId);
    if (refusal === Refusal.REMOVED) this.#parts.expelled(removedError(hello.memberId));
    else if (refusal === Refusal.OTHER_INSTANCE) {
      this.#parts.expelled(
        new ConfetdError(
          'data_folder',
          `member ${formatId(by)} has met this member (${self}) with another data folder: that one's votes are forgotten here, and giving them twice could lose data. Restore the former data folder; or \`confetctl member remove ${self}\`, then \`confetctl member add\`, and start with an empty --data-dir and --initial-cluster-state existing`,
        ),
      );
    } else if (refusal !== Refusal.STARTING) {
      log.warn({ peer: formatId(by), reason: Refusal[refusal] }, WHY_REFUSED[refusal] ?? 'a peer refuses us');
    }
  }

  receive(messages: readonly Message[]): void {
    this.#parts.loop.receive(messages);
  }

  unreachable(id: bigint): void {
    this.#parts.loop.tell((raft) => raft.reportUnreachable(id));
  }

  snapshotSent(to: bigint, succeeded: boolean): void {
    const { loop, retention, log } = this.#parts;
    log.info({ peer: formatId(to), succeeded }, 'sending the state to a member has ended');
    retention.sent(to, succeeded);
    loop.tell((raft) => raft.reportSnapshot(to, succeeded));
  }

  async openSnapshot(): Promise<OutgoingSnapshot> {
    const { store } = this.#parts;
    return await store.copy();
  }

  async receiveSnapshot(message: Message, chunks: AsyncIterable<Buffer>): Promise<void> {
    const { install, loop, log } = this.#parts;
    log.info({ peer: formatId(message.from) }, 'receiving the state from the leader');
    await install.stage(chunks, (metadata) => {
      loop.receive([{ ...message, snapshot: { data: Buffer.alloc(0), metadata } }]);
    });
  }

  async answer(request: PeerRequest): Promise<PeerResponse> {
    try {
      return { refusal: Refusal.ADMITTED, error: undefined, kind: await this.#answer(request.kind) };
    } catch (error) {
      const { code, message } =
        error instanceof ConfetdError ? error : new ConfetdError('internal', messageOf(error));
      return { refusal: Refusal.ADMITTED, error: { code, message }, kind: undefined };
    }
  }

  async #answer(kind: PeerRequest['kind']): Promise<PeerResponse['kind']> {
    const { membership } = this.#parts;
    switch (kind?.$case) {
      case 'describe':
        return { $case: 'description', value: this.#describe(kind.value.about) };
      case 'renewLease': {
        this.#refuseUnlessLeading();
        const TTL = await this.#parts.renewLease(kind.value.ID);
        return { $case: 'renewedLease', value: { header: undefined, ID: kind.value.ID, TTL } };
      }
      case 'leaseTimeToLive':
        this.#refuseUnlessLeading();
        return { $case: 'leaseTimeToLive', value: await this.#parts.leaseTimeToLive(kind.value) };
      case 'changeMembers':
        this.#refuseUnlessLeading();
        return { $case: 'membersChanged', value: await membership.change(kind.value) };
      case 'hashKv':
        return { $case: 'hashKv', value: await this.#parts.hashKv(kind.value) };
      case undefined:
        throw new ConfetdError('unimplemented', 'this member does not know the request: upgrade it');
      default:
        return unreachable(kind);
    }
  }

  /** So that a request isn't passed on in circles. */
  #refuseUnlessLeading(): void {
    const { raft, hello } = this.#parts;
    if (raft.status.leader !== hello.memberId) throw etcdError('noLeader');
  }

  #describe(about: bigint): Description {
    const { hello, store, local } = this.#parts;
    return {
      clusterId: hello.clusterId,
      memberId: hello.memberId,
      members: listMembers(store.table('members')),
      instance: local.instanceOf(about) ?? 0n,
      removed: isRemoved(store.table('removedMembers'), about),
      version: CLUSTER_VERSION,
      tokenDigest: hello.tokenDigest,
      applied: store.applied.index,
    };
  }
}

const WHY_REFUSED: Readonly<Partial<Record<Refusal, string>>> = {
  [Refusal.OTHER_CLUSTER]:
    'a peer belongs to another cluster: compare --initial-cluster and --initial-cluster-token of both',
  [Refusal.OTHER_TOKEN]: 'a peer was started with another --initial-cluster-token: compare the flags of both',
  [Refusal.OTHER_MEMBER]: 'somebody else listens on a peer URL: compare the peer URLs in `member list`',
  [Refusal.OTHER_PROTOCOL]: 'a peer runs an older confetd that does not understand this one: upgrade it',
};

/** Why a member that was removed stops, and what its host can do. */
export function removedError(id: bigint): ConfetdError {
  return new ConfetdError(
    'data_folder',
    `this member (${formatId(id)}) was removed from the cluster, and its data folder can't join again: to bring the host back, \`confetctl member add\` it anew and start with an empty --data-dir and --initial-cluster-state existing`,
  );
}
