import { formatId } from '../cluster/identity.js';
import type { Log } from '../io/log.js';
import { type Hello, Refusal } from '../proto/generated/peer.js';
import type { LocalState } from './local-state.js';

/** What members say to each other has this version; a member that speaks a larger one is refused. */
export const PEER_PROTOCOL = 1;

export interface AcquaintancesOptions {
  readonly hello: Hello;
  readonly local: LocalState;
  readonly log: Log;
  isRemoved(id: bigint): boolean;
}

/**
 * Decides who may talk to this member. A member ID stands for one data folder for ever: a member that comes back with
 * another one has forgotten its votes and what it acknowledged, and would give both a second time. So each member
 * remembers with which folder it has met the others, before it listens to them.
 */
export class Acquaintances {
  readonly #options: AcquaintancesOptions;

  constructor(options: AcquaintancesOptions) {
    this.#options = options;
  }

  /** Resolves once the meeting is durable. */
  async admit(theirs: Hello): Promise<Refusal> {
    const { hello, local, log } = this.#options;
    const refusal = this.#refusal(theirs);
    if (refusal !== Refusal.ADMITTED) {
      log.warn(
        {
          peer: formatId(theirs.memberId),
          theirCluster: formatId(theirs.clusterId),
          ourCluster: formatId(hello.clusterId),
          reason: Refusal[refusal],
        },
        'refused a peer',
      );
      return refusal;
    }
    await local.met(theirs.memberId, theirs.instance);
    // It may have been removed, or another folder may have come first, while the disk was busy.
    return this.#refusal(theirs);
  }

  #refusal(theirs: Hello): Refusal {
    const { hello, local } = this.#options;
    if (theirs.protocol > PEER_PROTOCOL) return Refusal.OTHER_PROTOCOL;
    if (theirs.clusterId !== hello.clusterId) return Refusal.OTHER_CLUSTER;
    if (!theirs.tokenDigest.equals(hello.tokenDigest)) return Refusal.OTHER_TOKEN;
    if (theirs.memberId === hello.memberId) return Refusal.OTHER_MEMBER;
    if (this.#options.isRemoved(theirs.memberId)) return Refusal.REMOVED;
    const known = local.instanceOf(theirs.memberId);
    return known === undefined || known === theirs.instance ? Refusal.ADMITTED : Refusal.OTHER_INSTANCE;
  }
}
