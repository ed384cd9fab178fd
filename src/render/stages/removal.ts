import { ConfetdError } from '../../base/errors.js';
import type { Stamp } from '../state.js';
import type { Target } from '../target.js';
import type { World } from '../world.js';
import type { Look } from './compare.js';
import { type Draft, refuseBackwards, sha256 } from './render.js';

/** Of a file that is to be gone. */
const NOTHING = '';

/** What is wanted of a destination whose item is gone: nothing. Fails as a render does. */
export function absentDraft(target: Target, world: World): Draft {
  if (target.stateError !== undefined) throw new ConfetdError('data_folder', target.stateError);
  refuseBackwards(target, world);
  const { origin, revision } = world.mirror;
  const stamp: Stamp = { revision, nowMs: world.ports.clock.wallMs(), sha256: NOTHING };
  return { content: undefined, stamp, origin, revision };
}

/** Why a file whose item is gone stays; undefined: it is ours as we made it, and goes. */
export function reasonToKeep({ state }: Target, { now }: Look): string | undefined {
  if (now === undefined) return undefined;
  // A removal that was taken back, or a crash has cut off, has its former file there.
  const begun = state.swap?.sha256 === NOTHING;
  if (!state.made && !begun) return 'it was there before confetd first wrote it';
  const known = [state.applied?.sha256, state.swap?.sha256].includes(sha256(now.content));
  return known || begun ? undefined : 'it was edited by hand';
}

/** Whether nothing is left to be done for a file whose item is gone. */
export function isRemoved({ resource, state, phase, tried }: Target): boolean {
  return (
    resource.absent && tried && phase === 'in_sync' && state.swap === undefined && state.reload === 'none'
  );
}
