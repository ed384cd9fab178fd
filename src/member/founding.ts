import { ConfetdError } from '../base/errors.js';
import { bootstrapEntries } from '../cluster/bootstrap.js';
import { formatId, tokenDigest } from '../cluster/identity.js';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import type { Hello } from '../proto/generated/peer.js';
import type { Entry } from '../proto/generated/raft.js';
import type { Peer, PeerNetwork } from '../transport/types.js';
import { PEER_PROTOCOL } from './acquaintances.js';
import { type Answer, askAll, refuseSecondLife } from './descriptions.js';
import { join } from './joining.js';
import type { MemberOptions } from './options.js';

/** What a member begins with. */
export interface Founding {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  /** The first of its log, committed; none for one that joins: it gets the log from the others. */
  readonly entries: Entry[];
  /** To reach until the member's own table knows better. */
  readonly peers: readonly Peer[];
  /** It was added to a running cluster. */
  readonly joined: boolean;
}

export interface FoundingPorts {
  readonly network: Pick<PeerNetwork, 'call'>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Settles who the member of a new data folder is. `instance` is the number that was drawn for that folder. Fails with
 * `data_folder` where the others say that it must not be a member, or not like this.
 */
export async function found(
  options: MemberOptions,
  ports: FoundingPorts,
  instance: bigint,
): Promise<Founding> {
  const hello: Hello = {
    clusterId: 0n,
    memberId: 0n,
    instance,
    tokenDigest: tokenDigest(options.clusterToken),
    peerUrls: [...options.peerUrls],
    protocol: PEER_PROTOCOL,
  };
  if (options.clusterState === 'existing') return await join(options.cluster, ports, hello);
  return await begin(options, ports, hello);
}

/** A first member of a cluster, unless one of the others knows better. */
async function begin({ cluster }: MemberOptions, ports: FoundingPorts, hello: Hello): Promise<Founding> {
  const { self, clusterId, members } = cluster;
  const others = members.filter(({ id }) => id !== self.id);
  const asking = { ...hello, clusterId, memberId: self.id };
  for (const answer of await askAll(ports, others, asking, self.id)) {
    refuseOtherCluster(answer, clusterId);
    refuseSecondLife(answer, self.id, hello.instance);
  }
  return { memberId: self.id, clusterId, entries: bootstrapEntries(cluster), peers: others, joined: false };
}

function refuseOtherCluster({ from, description }: Answer, clusterId: bigint): void {
  if (description.clusterId === clusterId) return;
  throw new ConfetdError(
    'data_folder',
    `the flags make cluster ${formatId(clusterId)}, but ${from.name} at ${from.peerUrls.join(', ')} belongs to cluster ${formatId(description.clusterId)}: compare --initial-cluster (every name and URL) and --initial-cluster-token of both; to join a cluster that runs, \`confetctl member add\` this member first and start it with --initial-cluster-state existing`,
  );
}
