import type { Target } from '../target.js';
import type { World } from '../world.js';
import { sha256 } from './render.js';
import { takeBackAll } from './restore.js';

/**
 * What a crash has left of a group's swaps: where some files are new and others are not, the former ones come back, so
 * that a service which starts meanwhile, perhaps with the source away, never reads half of a change. Where all are new
 * they stay, to be verified and reloaded by the next pass.
 */
export async function settleGroup(members: readonly Target[], world: World): Promise<void> {
  const begun = members.filter(({ state }) => state.swap !== undefined);
  const swapped = await Promise.all(begun.map((target) => isInPlace(target, world)));
  if (swapped.every(Boolean)) return;
  const dests = begun.map(({ resource }) => resource.dest);
  world.ports.log.warn({ dests }, 'a swap of these files was cut off: the former ones are put back');
  await takeBackAll(begun, new Map(), world);
}

async function isInPlace({ state, resource }: Target, { ports: { files } }: World): Promise<boolean> {
  try {
    const now = await files.read(await files.resolve(resource.dest));
    return (now === undefined ? '' : sha256(now.content)) === state.swap?.sha256;
  } catch {
    return false;
  }
}
