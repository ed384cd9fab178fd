import { ConfetdError } from '../base/errors.js';
import { MemberChange, MemberChange_Kind } from '../proto/generated/member.js';
import { ConfChange, ConfChangeType, type Entry, EntryType } from '../proto/generated/raft.js';
import { clusterId, memberId } from './identity.js';
import { isPeerUrl, samePeerUrls } from './peer-urls.js';

/** A name of --initial-cluster and all URLs that it is given there. */
export interface InitialMember {
  readonly id: bigint;
  readonly name: string;
  readonly peerUrls: readonly string[];
}

export interface InitialCluster {
  readonly clusterId: bigint;
  readonly self: InitialMember;
  /** By ID: every member writes the same first entries. */
  readonly members: readonly InitialMember[];
}

/**
 * Reads --initial-cluster (`name=url,name=url`; a member with two URLs stands twice) and makes the IDs that etcd makes of
 * it. They are this member's and its cluster's only in a new cluster: a member that joins gets them from the others.
 * Fails with `usage` where the text is malformed, gives two members one URL or doesn't name this member with its
 * advertised peer URLs.
 */
export function parseInitialCluster(options: {
  initialCluster: string;
  token: string;
  name: string;
  advertisePeerUrls: readonly string[];
}): InitialCluster {
  const { initialCluster, token, name, advertisePeerUrls } = options;
  const urlsByName = new Map<string, string[]>();
  for (const part of initialCluster.split(',')) {
    const at = part.indexOf('=');
    const url = part.slice(at + 1).trim();
    if (at <= 0 || !isPeerUrl(url)) {
      throw new ConfetdError(
        'usage',
        `--initial-cluster: "${part}" is not of the form name=http://host:port`,
      );
    }
    const member = part.slice(0, at).trim();
    refuseTwice(urlsByName, member, url);
    urlsByName.set(member, [...(urlsByName.get(member) ?? []), url]);
  }
  const members = [...urlsByName]
    .map(([member, peerUrls]) => ({ id: memberId(peerUrls, token), name: member, peerUrls }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const self = members.find((member) => member.name === name);
  if (self === undefined) {
    throw new ConfetdError(
      'usage',
      `--initial-cluster names ${[...urlsByName.keys()].join(', ')}, but this member is --name ${name}: add ${name}=${advertisePeerUrls[0] ?? 'URL'} to it`,
    );
  }
  if (!samePeerUrls(self.peerUrls, advertisePeerUrls)) {
    throw new ConfetdError(
      'usage',
      `--initial-cluster gives ${name} the URLs ${self.peerUrls.join(', ')}, --initial-advertise-peer-urls ${advertisePeerUrls.join(', ')}: make them equal`,
    );
  }
  return { clusterId: clusterId(members.map((member) => member.id)), self, members };
}

/** Two members can't be reached at one place. */
function refuseTwice(urlsByName: ReadonlyMap<string, readonly string[]>, name: string, url: string): void {
  for (const [other, urls] of urlsByName) {
    if (!urls.includes(url)) continue;
    const who = other === name ? `${name} twice` : `both ${other} and ${name}`;
    throw new ConfetdError(
      'usage',
      `--initial-cluster has a duplicate URL: it gives ${url} to ${who}; give each member its own`,
    );
  }
}

/**
 * The first entries of a new cluster's log, the same on every member: one configuration change for each, so that
 * membership comes from the log alone. They count as committed.
 */
export function bootstrapEntries(cluster: InitialCluster): Entry[] {
  return cluster.members.map((member, position) => ({
    type: EntryType.CONF_CHANGE,
    term: 1,
    index: position + 1,
    data: Buffer.from(
      ConfChange.encode({
        id: 0n,
        type: ConfChangeType.ADD_NODE,
        nodeId: member.id,
        context: Buffer.from(
          MemberChange.encode({
            id: undefined,
            kind: MemberChange_Kind.ADD,
            member: {
              id: member.id,
              name: '',
              peerUrls: [...member.peerUrls],
              clientUrls: [],
              isLearner: false,
            },
          }).finish(),
        ),
      }).finish(),
    ),
  }));
}
