import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { ConfetdError, systemCode } from '../../base/errors.js';
import type { Resource } from '../../confdir/types.js';
import type { Attributes, FileNow } from '../files.js';
import type { World } from '../world.js';
import type { Draft } from './render.js';

/** A destination as it is, and as its resource wants it. */
export interface Look {
  /** The real path, links followed. */
  readonly path: string;
  readonly now: FileNow | undefined;
  readonly wanted: Attributes;
}

/** Looks at a destination. Its folder is made if the resource says so. */
export async function look(resource: Resource, world: World): Promise<Look> {
  const path = await realPath(resource, world);
  const now = await world.ports.files.read(path);
  return { path, now, wanted: await wantedAttributes(resource, now, world) };
}

async function realPath(resource: Resource, { ports, pass }: World): Promise<string> {
  const { dest } = resource;
  try {
    return await ports.files.resolve(dest);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    const folder = dirname(dest);
    if (!resource.createDestDirs) {
      throw new ConfetdError(
        'config',
        `the folder ${folder} of dest ${dest} doesn't exist: make it, or write create_dest_dirs = true`,
      );
    }
    if (pass.noop) return dest;
    await ports.files.makeFolder(folder, 0o755);
    return ports.files.resolve(dest);
  }
}

/** What is unset stays as the file has it; a new file gets 0644 and the process's owner. */
async function wantedAttributes(
  { mode, uid, gid, owner, group }: Resource,
  now: FileNow | undefined,
  { ports: { accounts } }: World,
): Promise<Attributes> {
  const askedUid = uid ?? (owner === undefined ? undefined : await accounts.user(owner));
  const askedGid = gid ?? (group === undefined ? undefined : await accounts.group(group));
  return { mode: mode ?? now?.mode ?? 0o644, uid: askedUid ?? now?.uid, gid: askedGid ?? now?.gid };
}

/** What the resource says about mode and owner, to tell a changed resource from a changed file. */
export function askedAttributes({ mode, uid, gid, owner, group }: Resource): string {
  return [mode?.toString(8), owner ?? uid, group ?? gid].join(':');
}

/** How the file differs from what is wanted, in confd's words; empty: it is in sync. */
export function differences(dest: string, { now, wanted }: Look, { content }: Draft): readonly string[] {
  if (now === undefined) return [`${dest} doesn't exist`];
  const found: string[] = [];
  if (wanted.uid !== undefined && wanted.uid !== now.uid)
    found.push(`${dest} has UID ${now.uid} should be ${wanted.uid}`);
  if (wanted.gid !== undefined && wanted.gid !== now.gid)
    found.push(`${dest} has GID ${now.gid} should be ${wanted.gid}`);
  if (wanted.mode !== now.mode)
    found.push(`${dest} has mode ${octal(now.mode)} should be ${octal(wanted.mode)}`);
  if (!now.content.equals(content))
    found.push(`${dest} has md5sum ${md5(now.content)} should be ${md5(content)}`);
  return found;
}

function md5(content: Buffer): string {
  return createHash('md5').update(content).digest('hex');
}

function octal(mode: number): string {
  return `0${mode.toString(8).padStart(3, '0')}`;
}
