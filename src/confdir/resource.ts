import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { Fields } from './fields.js';
import { cleanPrefix, joinKey } from './paths.js';
import type { Resource } from './types.js';

/** What a file's tables are read against. */
export interface Surroundings {
  /** The file, as problems name it. */
  readonly file: string;
  /** Its path under conf.d, without `.toml`. */
  readonly name: string;
  /** Absolute. */
  readonly templates: string;
  /** Relative destinations are resolved against it. */
  readonly cwd: string;
  /** Stands in for every resource's own prefix. */
  readonly prefix: string | undefined;
}

export const DEFAULT_CHECK_TIMEOUT_MS = 30_000;
export const DEFAULT_RELOAD_TIMEOUT_MS = 60_000;

/** The keys of a `[template]`. Undefined: something is missing; wrong values have been told to `fields` and read as absent. */
export function readResource(fields: Fields, around: Surroundings): Resource | undefined {
  const src = fields.name('src');
  const srcPath =
    src === undefined ? missing(fields, 'src', 'nginx.hbs') : sourcePath(fields, src, around.templates);
  const dest = fields.name('dest');
  const destPath =
    dest === undefined ? missing(fields, 'dest', '/etc/app.conf') : destination(fields, dest, around.cwd);
  const { prefix, subtrees } = readSubtrees(fields, around.prefix);
  const rest = {
    name: around.name,
    position: { file: around.file, ...fields.place },
    prefix,
    subtrees,
    mode: fields.mode('mode'),
    ...readOwnership(fields),
    checkCmd: fields.command('check_cmd'),
    verifyCmd: fields.command('verify_cmd'),
    reloadCmd: fields.command('reload_cmd'),
    checkTimeoutMs: fields.duration('check_cmd_timeout') ?? DEFAULT_CHECK_TIMEOUT_MS,
    verifyTimeoutMs: fields.duration('verify_cmd_timeout') ?? DEFAULT_CHECK_TIMEOUT_MS,
    reloadTimeoutMs: fields.duration('reload_cmd_timeout') ?? DEFAULT_RELOAD_TIMEOUT_MS,
    wait: readWait(fields),
    minEntries: fields.integer('min_entries', 0, Number.MAX_SAFE_INTEGER) ?? 0,
    createDestDirs: fields.boolean('create_dest_dirs') ?? false,
    onDrift: fields.choice('on_drift', ['repair', 'report']) ?? 'repair',
  };
  fields.refuseUnknown();
  if (src === undefined || srcPath === undefined || destPath === undefined) return undefined;
  return { ...rest, src, srcPath, dest: destPath };
}

/** `prefix` and `keys`, as templates and hooks share them. */
export function readSubtrees(
  fields: Fields,
  globalPrefix: string | undefined,
): { prefix: string; subtrees: readonly string[] } {
  const own = fields.text('prefix');
  const prefix = cleanPrefix(globalPrefix ?? own ?? '');
  const keys = fields.texts('keys');
  const subtrees = keys === undefined ? [prefix] : [...new Set(keys.map((key) => joinKey(prefix, key)))];
  return { prefix, subtrees };
}

function missing(fields: Fields, key: string, example: string): undefined {
  if (!fields.has(key)) fields.error(key, `${key} is missing: write ${key} = "${example}" under [template]`);
  return undefined;
}

function sourcePath(fields: Fields, src: string, templates: string): string | undefined {
  const path = join(templates, src);
  const inside = relative(templates, path);
  if (isAbsolute(src) || inside === '' || inside === '..' || inside.startsWith(`..${sep}`)) {
    return fields.error(
      'src',
      `src = ${JSON.stringify(src)} must be a file under ${templates}, named relative to it`,
    );
  }
  return path;
}

function destination(fields: Fields, dest: string, cwd: string): string | undefined {
  if (/(?:^|[\\/])\.{0,2}$/.test(dest)) {
    return fields.error('dest', `dest = ${JSON.stringify(dest)} names a folder: add the file's name`);
  }
  return resolve(cwd, dest);
}

function readOwnership(fields: Fields): Pick<Resource, 'owner' | 'group' | 'uid' | 'gid'> {
  const owner = fields.name('owner');
  const group = fields.name('group');
  // confd's own default: -1 leaves the owner as it is.
  const uid = fields.integer('uid', -1, MAX_ID);
  const gid = fields.integer('gid', -1, MAX_ID);
  if (owner !== undefined && uid !== undefined)
    fields.error('uid', 'owner and uid both name the owner: keep one');
  if (group !== undefined && gid !== undefined)
    fields.error('gid', 'group and gid both name the group: keep one');
  return { owner, group, uid: uid === -1 ? undefined : uid, gid: gid === -1 ? undefined : gid };
}

/** `max` is four times `min` where it is left out. */
function readWait(fields: Fields): Resource['wait'] {
  const wait = fields.table('wait', '{ min = "1s", max = "5s" }');
  if (wait === undefined) return undefined;
  const minMs = wait.duration('min', 'zero');
  if (!wait.has('min')) wait.error('min', 'wait misses min: write wait = { min = "1s", max = "5s" }');
  const maxMs = wait.duration('max');
  wait.refuseUnknown();
  if (minMs === undefined) return undefined;
  if (maxMs !== undefined && maxMs < minMs)
    wait.error('max', 'max is shorter than min: raise max or lower min');
  return { minMs, maxMs: maxMs ?? minMs * 4 };
}

/** (uid_t)-1 means "unchanged" to chown(2). */
const MAX_ID = 0xffff_fffe;
