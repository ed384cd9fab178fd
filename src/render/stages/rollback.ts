import type { DestinationState } from '../state.js';
import type { Target } from '../target.js';
import type { World } from '../world.js';
import type { Reloaded } from './reload.js';
import { type Formers, takeBackAll } from './restore.js';

/** What the states of swapped members said before their swaps were verified. */
export type Before = ReadonlyMap<
  Target,
  Pick<DestinationState, 'swap' | 'applied' | 'origin' | 'asked' | 'made'>
>;

export function beforeVerify(members: readonly Target[]): Before {
  return new Map(
    members
      .filter(({ state }) => state.swap !== undefined)
      .map((target) => {
        const { swap, applied, origin, asked, made } = target.state;
        return [target, { swap, applied, origin, asked, made }] as const;
      }),
  );
}

/**
 * After a reload that failed: brings the former files of those back that say `rollback_on_reload_failure`. Answers them;
 * a reload of what is there now is due for each.
 */
export async function rollBack(
  failed: Reloaded,
  before: Before,
  formers: Formers,
  world: World,
): Promise<readonly Target[]> {
  const swapped = [...before.keys()].filter(
    ({ resource }) => resource.rollbackOnReloadFailure && failed.dests.includes(resource.dest),
  );
  if (swapped.length === 0 || world.ended.aborted) return [];
  for (const target of swapped) Object.assign(target.state, before.get(target));
  const back = await takeBackAll(swapped, formers, world);
  for (const { state } of back) state.reload = 'pending';
  const dests = back.map(({ resource }) => resource.dest);
  if (dests.length > 0)
    world.emit({ type: 'restored', dests, command: failed.command, outcome: failed.result.outcome });
  return back;
}
