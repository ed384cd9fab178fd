import { dirname } from 'node:path';
import { systemCode } from '../../base/errors.js';
import type { Resource } from '../../confdir/types.js';
import type { Attributes } from '../files.js';
import type { BegunSwap } from '../state.js';
import type { Target } from '../target.js';
import type { World } from '../world.js';
import type { Look } from './compare.js';
import { type Draft, sha256 } from './render.js';

/** Whether the file before a swap has to be at hand until all that follows the swap has succeeded. */
export function keepsFormer({ verifyCmd, lane, rollbackOnReloadFailure }: Resource): boolean {
  return verifyCmd !== undefined || lane !== undefined || rollbackOnReloadFailure;
}

/**
 * Records that a swap begins and that a reload will be due. Until this has resolved the destination must not change.
 * Where nothing follows a swap, a crash leaves nothing to be made up for: then the record isn't written before the swap,
 * which would cost it another sync, but with its end. Answers how to take the record back.
 */
export async function recordSwap(
  target: Target,
  look: Look,
  draft: Draft,
  { states, pass }: World,
): Promise<() => Promise<void>> {
  const { state, resource } = target;
  const { swap: before, reload: reloadBefore } = state;
  const withdraw = (): void => {
    state.swap = before;
    state.reload = reloadBefore;
  };
  const reloads = resource.reloadCmd !== undefined && !pass.syncOnly;
  const keeps = keepsFormer(resource);
  // A file that was made for an item has to be known as such, or nobody would ever remove it.
  const durable = reloads || keeps || before !== undefined || resource.item !== undefined;
  try {
    // What is there may itself be unverified: then the file before it is the one to come back to.
    const kept =
      before?.former !== undefined && look.now !== undefined && sha256(look.now.content) === before.sha256;
    let former: BegunSwap['former'];
    if (kept) former = before.former;
    else if (look.now === undefined) former = 'none';
    else if (keeps && states.lasting) {
      const { content, mode, uid, gid } = look.now;
      await states.keepFormer(resource.dest, content);
      former = { mode, uid, gid };
    }
    const owed = before?.reloadBefore ?? reloadBefore;
    state.swap = { ...draft.stamp, origin: draft.origin, former, reloadBefore: owed };
    state.item = resource.item;
    if (reloads) state.reload = 'pending';
    if (durable) await states.save(state);
  } catch (error) {
    withdraw();
    throw error;
  }
  return () => {
    withdraw();
    return durable ? states.save(state) : Promise.resolve();
  };
}

/** Removes a destination. Answers as `swapFile`. */
export async function removeFile(
  path: string,
  { ports: { files, clock } }: World,
): Promise<{ readonly swappedAtMs: number; readonly durable: Promise<void> }> {
  await files.remove(path);
  return { swappedAtMs: clock.monotonicMs(), durable: files.syncFolder(dirname(path)) };
}

/**
 * Puts a staged file in a destination's place. Answers when others see it (Clock.monotonicMs()), and when it is durable.
 */
export async function swapFile(
  staged: string,
  path: string,
  attributes: Attributes,
  content: Buffer,
  { ports: { files, clock } }: World,
): Promise<{ readonly swappedAtMs: number; readonly durable: Promise<void> }> {
  try {
    await files.rename(staged, path);
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'EBUSY' && code !== 'EXDEV') throw error;
    // A bind mount: its inode is what others have mounted.
    await files.overwrite(path, attributes, content);
    await files.remove(staged);
  }
  return { swappedAtMs: clock.monotonicMs(), durable: files.syncFolder(dirname(path)) };
}
