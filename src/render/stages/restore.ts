import { dirname } from 'node:path';
import { messageOf } from '../../base/errors.js';
import type { FileNow } from '../files.js';
import type { Target } from '../target.js';
import type { World } from '../world.js';
import { stageFile } from './stage.js';
import { swapFile } from './swap.js';

/** The file that was there before a swap of this process; undefined as content: there was none. */
export type Formers = ReadonlyMap<Target, { readonly path: string; readonly now: FileNow | undefined }>;

/**
 * Brings the files back that were there before the swaps which are still recorded. What can't be brought back is logged
 * and stays recorded. Answers the targets that are as they were.
 */
export async function takeBackAll(
  targets: readonly Target[],
  formers: Formers,
  world: World,
): Promise<readonly Target[]> {
  // All files before the first record: a crash in between leaves the records of all, and the next start goes on.
  const restored = await Promise.all(targets.map((target) => restoreFile(target, formers, world)));
  const there = targets.filter((_target, at) => restored[at] === true);
  await Promise.all(there.map((target) => clearRecord(target, world)));
  return targets.filter(({ state }) => state.swap === undefined);
}

async function restoreFile(target: Target, formers: Formers, world: World): Promise<boolean> {
  const { state, resource } = target;
  const { files } = world.ports;
  if (state.swap === undefined) return true;
  try {
    const path = formers.get(target)?.path ?? (await files.resolve(resource.dest));
    const former = await formerOf(target, formers, world);
    const now = await files.read(path);
    if (former === undefined) {
      await files.remove(path);
      await files.syncFolder(dirname(path));
    } else if (!isSame(former, now)) {
      const stage = await stageFile(path, former, former.content, world);
      await (await swapFile(stage, path, former, former.content, world)).durable;
    }
    return true;
  } catch (error) {
    failed(target, error, world);
    return false;
  }
}

async function clearRecord(target: Target, world: World): Promise<void> {
  const { state, resource } = target;
  const { swap } = state;
  if (swap === undefined) return;
  try {
    await world.states.save({ ...state, swap: undefined, reload: swap.reloadBefore });
    state.swap = undefined;
    state.reload = swap.reloadBefore;
    await world.states.dropFormer(resource.dest);
    world.ports.log.warn({ dest: resource.dest }, `Target config ${resource.dest} has been put back`);
  } catch (error) {
    failed(target, error, world);
  }
}

function failed({ resource: { dest } }: Target, error: unknown, { ports: { log } }: World): void {
  log.error({ dest, error: messageOf(error) }, `the former ${dest} can't be put back`);
}

async function formerOf(target: Target, formers: Formers, world: World): Promise<FileNow | undefined> {
  const { former } = target.state.swap ?? {};
  if (former === 'none') return undefined;
  const inMemory = formers.get(target)?.now;
  if (former === undefined) {
    if (inMemory !== undefined) return inMemory;
    throw new Error('it was not kept');
  }
  const kept = await world.states.former(target.resource.dest);
  if (kept !== undefined)
    return { ...former, content: kept.content, uid: former.uid ?? kept.uid, gid: former.gid ?? kept.gid };
  if (inMemory !== undefined) return inMemory;
  throw new Error('the copy beside its state is gone');
}

/** A swap that failed, or a crash before it, has left the former file where it was. */
function isSame(former: FileNow, now: FileNow | undefined): boolean {
  return (
    now !== undefined &&
    now.mode === former.mode &&
    now.uid === former.uid &&
    now.gid === former.gid &&
    now.content.equals(former.content)
  );
}
