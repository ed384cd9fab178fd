import { basename, dirname, join } from 'node:path';
import { systemCode } from '../../base/errors.js';
import type { Resource } from '../../confdir/types.js';
import type { Attributes } from '../files.js';
import type { World } from '../world.js';
import type { Look } from './compare.js';

/** Writes a draft beside its destination, with the mode and the owner that it will have. Answers the path. */
export async function stage(
  { uid, gid, owner, group }: Resource,
  { path, wanted }: Look,
  content: Buffer,
  world: World,
): Promise<string> {
  try {
    return await stageFile(path, wanted, content, world);
  } catch (error) {
    // Another's file, whose owner nobody asked for: only root can keep it.
    if (systemCode(error) !== 'EPERM' || (uid ?? gid ?? owner ?? group) !== undefined) throw error;
    return stageFile(path, { mode: wanted.mode, uid: undefined, gid: undefined }, content, world);
  }
}

/** A file beside another one, durable but for its name. */
export async function stageFile(
  path: string,
  attributes: Attributes,
  content: Buffer,
  { ports: { files, random } }: World,
): Promise<string> {
  const staged = join(dirname(path), `.${basename(path)}.${hex(files.process)}${hex(random.uint32())}`);
  await files.create(staged, attributes, content);
  return staged;
}

/**
 * Removes what passes that were cut off have left beside a destination. Another process may be at work on it right now,
 * as a one-shot beside a daemon is: what a running one has staged stays.
 */
export async function removeStale(dest: string, { ports: { files, log } }: World): Promise<void> {
  try {
    const path = await files.resolve(dest);
    const beginning = `.${basename(path)}.`;
    const folder = dirname(path);
    for (const name of await files.list(folder)) {
      const [, stager] = /^([0-9a-f]{8})[0-9a-f]{8}$/.exec(name.slice(beginning.length)) ?? [];
      if (!name.startsWith(beginning) || stager === undefined) continue;
      const process = Number.parseInt(stager, 16);
      if (process !== files.process && files.isRunning(process)) continue;
      await files.remove(join(folder, name));
      log.info({ dest, path: join(folder, name) }, 'removed a stale staged file');
    }
  } catch {
    // A folder that is missing or closed to us is the pass's to report.
  }
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0');
}
