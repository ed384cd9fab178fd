import { ConfetdError } from '../base/errors.js';
import type { InitialCluster, InitialMember } from '../cluster/bootstrap.js';
import { formatId } from '../cluster/identity.js';
import type { Member } from '../cluster/members.js';
import { samePeerUrls } from '../cluster/peer-urls.js';
import { sleep } from '../io/clock.js';
import type { Hello } from '../proto/generated/peer.js';
import { type Answer, askAll, refuseSecondLife } from './descriptions.js';
import type { Founding, FoundingPorts } from './founding.js';

/** How long somebody is waited for who can describe the cluster. Milliseconds. */
const MAX_WAIT_MS = 60_000;
/** A member that is behind may not know yet that this one was added. Milliseconds since the first answer. */
const MAX_BEHIND_MS = 5_000;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 2_000;

/** Finds out from the others who the member is that was added with these peer URLs. */
export async function join(cluster: InitialCluster, ports: FoundingPorts, hello: Hello): Promise<Founding> {
  const { self, members } = cluster;
  const others = members.filter(({ name }) => name !== self.name);
  if (others.length === 0) {
    throw new ConfetdError(
      'usage',
      `--initial-cluster-state existing, but --initial-cluster names nobody except ${self.name}: name the members of the cluster too, as \`confetctl member add\` prints them`,
    );
  }
  const { row, clusterId, rows } = await findSelf(self, others, ports, hello);
  // Only now is it known about whom to ask: whether that member has lived before.
  const asking = { ...hello, clusterId, memberId: row.id };
  for (const answer of await askAll(ports, others, asking, row.id)) {
    refuseSecondLife(answer, row.id, hello.instance);
  }
  tellDifferences(cluster, rows, ports);
  const peers = rows.filter(({ id }) => id !== row.id).map(({ id, peerUrls }) => ({ id, peerUrls }));
  return { memberId: row.id, clusterId, entries: [], peers, joined: true };
}

/** The row of this member, the other rows beside it, and whose cluster that is. */
interface Found {
  readonly row: Member;
  readonly rows: readonly Member[];
  readonly clusterId: bigint;
}

async function findSelf(
  self: InitialMember,
  others: readonly InitialMember[],
  ports: FoundingPorts,
  hello: Hello,
): Promise<Found> {
  const { clock, log } = ports;
  const beganMs = clock.monotonicMs();
  let answeredMs: number | undefined;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
    const answers = (await askAll(ports, others, hello, 0n)).filter(
      ({ description }) => description.members.length > 0,
    );
    const clusterId = commonCluster(answers);
    refuseOtherToken(answers, hello);
    const nowMs = clock.monotonicMs();
    // One that is behind may still know a former member of these URLs.
    const [answer] = answers.sort((a, b) => b.description.applied - a.description.applied);
    const rows = answer?.description.members ?? [];
    const row = rows.find(({ peerUrls }) => samePeerUrls(peerUrls, self.peerUrls));
    if (row !== undefined) {
      refuseOtherName(self, row);
      return { row, rows, clusterId };
    }
    if (answer !== undefined) answeredMs ??= nowMs;
    if (answer !== undefined && answeredMs !== undefined && nowMs - answeredMs >= MAX_BEHIND_MS) {
      throw notAdded(self, others, answer);
    }
    if (answer === undefined && nowMs - beganMs >= MAX_WAIT_MS) {
      throw new ConfetdError(
        'data_folder',
        `could not retrieve cluster information from ${listed(others)}: nobody there answered in ${MAX_WAIT_MS / 1_000} s; check the URLs in --initial-cluster, and that these members run`,
      );
    }
    log.info(
      { from: others.map(({ name, peerUrls }) => `${name}=${peerUrls.join(',')}`).join(' ') },
      answer === undefined
        ? 'waiting for a member of the cluster to say who this one is'
        : 'waiting until the cluster knows of this member',
    );
    await sleep(clock, pauseMs);
  }
}

/** 0n where nobody answered. */
function commonCluster([first, ...answers]: readonly Answer[]): bigint {
  if (first === undefined) return 0n;
  const { clusterId } = first.description;
  const other = answers.find(({ description }) => description.clusterId !== clusterId);
  if (other === undefined) return clusterId;
  throw new ConfetdError(
    'data_folder',
    `--initial-cluster names members of different clusters: ${first.from.name} belongs to ${formatId(clusterId)}, ${other.from.name} to ${formatId(other.description.clusterId)}; name the members of one`,
  );
}

function refuseOtherToken(answers: readonly Answer[], { tokenDigest }: Hello): void {
  const other = answers.find(({ description }) => !description.tokenDigest.equals(tokenDigest));
  if (other === undefined) return;
  throw new ConfetdError(
    'data_folder',
    `the cluster of ${other.from.name} at ${other.from.peerUrls.join(', ')} was made with another --initial-cluster-token: give this member the same`,
  );
}

function refuseOtherName({ name, peerUrls }: InitialMember, row: Member): void {
  if (row.name === '' || row.name === name) return;
  throw new ConfetdError(
    'data_folder',
    `${peerUrls.join(', ')} belongs to member ${row.name} (${formatId(row.id)}) of the cluster, but this one is --name ${name}: give it a URL of its own in --initial-advertise-peer-urls and --initial-cluster`,
  );
}

function notAdded(self: InitialMember, others: readonly InitialMember[], answer: Answer): ConfetdError {
  const { members } = answer.description;
  const why =
    members.length === others.length + 1
      ? `unmatched member while checking PeerURLs: the cluster knows nobody at ${self.peerUrls.join(', ')}`
      : `member count is unequal: --initial-cluster names ${others.length + 1}, the cluster has ${members.length}`;
  return new ConfetdError(
    'data_folder',
    `${why} (${answer.from.name} lists ${members.map(shown).join(' ')}); add this member first, at any other: confetctl member add ${self.name} --peer-urls=${self.peerUrls.join(',')}`,
  );
}

/** Where --initial-cluster is out of date that harms nothing: the cluster itself says who belongs to it. */
function tellDifferences({ members }: InitialCluster, rows: readonly Member[], { log }: FoundingPorts): void {
  const inBoth = members.filter(({ peerUrls }) => rows.some((row) => samePeerUrls(row.peerUrls, peerUrls)));
  if (inBoth.length === members.length && inBoth.length === rows.length) return;
  log.warn(
    { given: listed(members), cluster: rows.map(shown).join(' ') },
    '--initial-cluster differs from the members that the cluster has: the cluster’s own list counts',
  );
}

function listed(members: readonly InitialMember[]): string {
  return members.map(({ name, peerUrls }) => `${name}=${peerUrls.join(',')}`).join(' ');
}

function shown({ id, name, peerUrls }: Member): string {
  return `${name || formatId(id)}=${peerUrls.join(',')}`;
}
