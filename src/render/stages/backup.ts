import { basename, dirname, join } from 'node:path';
import { systemCode } from '../../base/errors.js';
import type { Resource } from '../../confdir/types.js';
import type { World } from '../world.js';
import type { Look } from './compare.js';
import { stageFile } from './stage.js';

/**
 * Keeps the file that is about to be replaced as `.NAME.bak.1` beside it, the one before as `.NAME.bak.2`, up to
 * `backup` of them. Hidden, so that a service which includes `*` of the folder doesn't read them. What is already
 * the newest backup isn't kept twice: a swap that was taken back and is tried again pushes nothing out.
 */
export async function keepBackup(
  { backup }: Resource,
  { path, now }: Pick<Look, 'path' | 'now'>,
  world: World,
): Promise<void> {
  if (backup === 0 || now === undefined) return;
  const { files } = world.ports;
  const nth = (number: number): string => backupPath(path, number);
  if ((await files.read(nth(1)))?.content.equals(now.content) === true) return;
  const staged = await stageFile(nth(1), now, now.content, world);
  try {
    for (let number = backup - 1; number >= 1; number--)
      await renameIfThere(nth(number), nth(number + 1), world);
    await files.rename(staged, nth(1));
  } catch (error) {
    await files.remove(staged).catch(() => undefined);
    throw error;
  }
  // The folder is synced with the swap that follows.
}

export function backupPath(path: string, number: number): string {
  return join(dirname(path), `.${basename(path)}.bak.${number}`);
}

async function renameIfThere(from: string, to: string, { ports: { files } }: World): Promise<void> {
  try {
    await files.rename(from, to);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}
