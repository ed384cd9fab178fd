import { ConfetdError, messageOf } from '../base/errors.js';
import { formatId } from '../cluster/identity.js';
import type { Log } from '../io/log.js';
import { type Description, type Hello, type PeerResponse, Refusal } from '../proto/generated/peer.js';
import type { PeerNetwork } from '../transport/types.js';

/** One that is up answers at once; one that isn't mustn't hold up a start. */
const ASK_TIMEOUT_MS = 2_000;

/** Somebody who may know the cluster: a member of --initial-cluster. */
export interface Informant {
  readonly name: string;
  readonly peerUrls: readonly string[];
}

export interface Answer {
  readonly from: Informant;
  readonly description: Description;
}

/**
 * Asks all of them, at once, who they are and what they know of member `about` (0: nobody). Who isn't there, is only
 * starting, or doesn't belong to a cluster yet doesn't count; each has {@link ASK_TIMEOUT_MS} a URL.
 */
export async function askAll(
  ports: { readonly network: Pick<PeerNetwork, 'call'>; readonly log: Log },
  informants: readonly Informant[],
  hello: Hello,
  about: bigint,
): Promise<Answer[]> {
  const answers = await Promise.all(
    informants.map(async (from) => {
      const description = await ask(ports, from, hello, about);
      return description === undefined ? undefined : { from, description };
    }),
  );
  return answers.filter((answer) => answer !== undefined);
}

async function ask(
  { network, log }: { readonly network: Pick<PeerNetwork, 'call'>; readonly log: Log },
  { name, peerUrls }: Informant,
  hello: Hello,
  about: bigint,
): Promise<Description | undefined> {
  for (const url of peerUrls) {
    try {
      const request = { hello, to: 0n, kind: { $case: 'describe', value: { about } } } as const;
      const description = descriptionOf(await network.call(url, request, ASK_TIMEOUT_MS));
      if (description !== undefined) return description;
      log.debug({ name, url }, 'a member that was asked about the cluster is only starting itself');
    } catch (error) {
      log.debug({ name, url, reason: messageOf(error) }, 'a member that was asked about the cluster is away');
    }
  }
  return undefined;
}

function descriptionOf({ refusal, error, kind }: PeerResponse): Description | undefined {
  if (refusal !== Refusal.ADMITTED || error !== undefined || kind?.$case !== 'description') return undefined;
  return kind.value;
}

/**
 * A member whose folder was lost has forgotten its votes: with an empty one it could vote twice in a term, and two
 * leaders would acknowledge different writes (amnesia).
 */
export function refuseSecondLife({ from, description }: Answer, id: bigint, instance: bigint): void {
  const { instance: known, removed } = description;
  const who = formatId(id);
  if (removed) {
    throw new ConfetdError(
      'data_folder',
      `this member (${who}) was removed from the cluster, says ${from.name}: to bring the host back, \`confetctl member add\` it anew and start it with --initial-cluster-state existing`,
    );
  }
  if (known !== 0n && known !== instance) {
    throw new ConfetdError(
      'data_folder',
      `member ${who} has already been bootstrapped: ${from.name} has met it with another data folder, and with an empty one it could vote twice. Restore the former --data-dir; or \`confetctl member remove ${who}\`, then \`confetctl member add\`, and start with an empty --data-dir and --initial-cluster-state existing`,
    );
  }
}
