import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { ConfetdError, messageOf, systemCode } from '../../base/errors.js';
import type { Resource } from '../../confdir/types.js';
import type { Attributes, FileNow } from '../files.js';
import type { Target } from '../target.js';
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
export async function look(target: Target, world: World): Promise<Look> {
  const { resource } = target;
  const path = await realPath(resource, world);
  let now: FileNow | undefined;
  try {
    now = await world.ports.files.read(path);
  } catch (error) {
    throw unusable(resource, path, error);
  }
  return { path, now, wanted: await wantedAttributes(target, now, world) };
}

/** What the file system says of a destination, after where it was asked for: a loop of links, no permission. */
function placed({ dest, position }: Pick<Resource, 'dest' | 'position'>, error: unknown): ConfetdError {
  const message = `${position.file}:${position.line}: dest ${dest}: ${messageOf(error)}`;
  return new ConfetdError('config', message, { cause: error });
}

/** A destination that isn't a file, in words that say where it was asked for. */
function unusable({ dest, position }: Resource, path: string, error: unknown): unknown {
  if (systemCode(error) !== 'EISDIR') return placed({ dest, position }, error);
  const at = path === dest ? dest : `${dest} (${path})`;
  return new ConfetdError(
    'config',
    `${position.file}:${position.line}: dest ${at} is not a regular file but a folder, a device, a pipe or a socket: name a file`,
  );
}

async function realPath(resource: Resource, { ports, pass }: World): Promise<string> {
  const { dest } = resource;
  try {
    return await ports.files.resolve(dest);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw placed(resource, error);
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
async function wantedAttributes(target: Target, now: FileNow | undefined, world: World): Promise<Attributes> {
  const { mode, uid, gid, owner, group } = target.resource;
  const { accounts } = world.ports;
  const missing: string[] = [];
  const numbered = async (
    key: 'owner' | 'group',
    name: string | undefined,
    number: Promise<number | undefined> | undefined,
  ): Promise<number | undefined> => {
    const found = await number;
    if (name !== undefined && found === undefined) missing.push(`${key} ${JSON.stringify(name)}`);
    return found;
  };
  const askedUid =
    uid ?? (await numbered('owner', owner, owner === undefined ? undefined : accounts.user(owner)));
  const askedGid =
    gid ?? (await numbered('group', group, group === undefined ? undefined : accounts.group(group)));
  if (missing.length > 0) nobody(target, missing, world);
  else target.warn('');
  return { mode: mode ?? now?.mode ?? 0o644, uid: askedUid ?? now?.uid, gid: askedGid ?? now?.gid };
}

/** confd ignores the names altogether: a folder of its files has to work on a host that lacks an account. */
function nobody(target: Target, missing: readonly string[], world: World): void {
  const { pass, ports } = world;
  const { name, dest, position } = target.resource;
  const place = `${position.file}:${position.line}`;
  const what = `${place}: this host has no ${missing.join(' and no ')}`;
  if (pass.strict) throw new ConfetdError('config', `${what}: name an account that it has, or a number`);
  const warning = `${what}: ${dest} keeps the owner that it has`;
  if (!target.warn(warning)) return;
  ports.log.warn({ dest, resource: name }, warning);
  world.emit({ type: 'warning', resource: name, dest, message: warning });
}

/** What the resource says about mode and owner, to tell a changed resource from a changed file. */
export function askedAttributes({ mode, uid, gid, owner, group }: Resource): string {
  return [mode?.toString(8), owner ?? uid, group ?? gid].join(':');
}

/** How the file differs from what is wanted, in confd's words; empty: it is in sync. */
export function differences(dest: string, { now, wanted }: Look, { content }: Draft): readonly string[] {
  if (content === undefined) return now === undefined ? [] : [`${dest} is to be gone with its key`];
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
