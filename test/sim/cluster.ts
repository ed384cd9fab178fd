import { parseInitialCluster } from '../../src/cluster/bootstrap.js';
import type { Member as MemberRow } from '../../src/proto/generated/etcd_rpc.js';
import { type Machine, type Role, urlOf } from './machine.js';

const TOKEN = 'sim';

/** The role of a member of a cluster that begins with these. */
export function bootstrapRole(name: string, names: readonly string[]): Role {
  return {
    cluster: clusterOf(name, new Map(names.map((each) => [each, [urlOf(each)]]))),
    clusterState: 'new',
  };
}

/** Tells an empty machine to join a running cluster, as whoever has just added it would. */
export function joinCluster(machine: Machine, members: readonly MemberRow[], id: bigint): void {
  const urls = new Map<string, readonly string[]>();
  for (const row of members)
    urls.set(row.ID === id ? machine.name : `of-${row.ID.toString(16)}`, row.peerURLs);
  const cluster = clusterOf(machine.name, urls);
  machine.role = { cluster, clusterState: 'existing' };
  machine.memberId = id;
}

function clusterOf(name: string, urls: ReadonlyMap<string, readonly string[]>): Role['cluster'] {
  const initialCluster = [...urls].flatMap(([each, own]) => own.map((url) => `${each}=${url}`)).join();
  const advertisePeerUrls = urls.get(name) ?? [];
  return parseInitialCluster({ initialCluster, token: TOKEN, name, advertisePeerUrls });
}
