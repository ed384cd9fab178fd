import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { type Environment, fromEnvironment, textsFromEnvironment } from './environment.js';
import type { Fields } from './fields.js';
import { followedSubtrees, readForEach } from './for-each.js';
import type { GroupSettings } from './group.js';
import { cleanPrefix, joinKey } from './paths.js';
import { RELOADING_KEYS, readReloading } from './reloading.js';
import { OUTPUT_FORMATS, type Resource, type ResourceDefaults } from './types.js';

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
  /** Whether that stands in for a resource's own prefix, as in confd, or goes before it. */
  readonly prefixMode: PrefixMode;
  /** What `${NAME}` stands for. */
  readonly env: Environment;
  /** What a resource that doesn't say it gets. */
  readonly defaults: ResourceDefaults;
}

export type PrefixMode = (typeof PREFIX_MODES)[number];
export const PREFIX_MODES = ['replace', 'join'] as const;

/** A text of V8 can't be much longer. */
export const MAX_OUTPUT_BYTES = 512 * 1024 * 1024 - 32;

/** Versions kept at most: beyond that a version control system serves better. */
const MAX_BACKUPS = 100;

/** The keys of a `[template]`. Undefined: something is missing; wrong values have been told to `fields` and read as absent. */
export function readResource(
  fields: Fields,
  around: Surroundings,
  name = around.name,
  group?: GroupSettings,
): Resource | undefined {
  const { env } = around;
  const src = fromEnvironment(fields, 'src', fields.name('src'), env);
  const srcPath =
    src === undefined ? missing(fields, 'src', 'nginx.hbs') : sourcePath(fields, src, around.templates);
  const dest = fromEnvironment(fields, 'dest', fields.name('dest'), env);
  const destPath =
    dest === undefined ? missing(fields, 'dest', '/etc/app.conf') : destination(fields, dest, around.cwd);
  const { prefix, subtrees } = readSubtrees(fields, around);
  const forEach = readForEach(fields, { prefix, subtrees }, dest, env);
  // The active fork's other name for yaml.
  const outputFormat = fields.choice('output_format', [...OUTPUT_FORMATS, 'yml']);
  const rest = {
    name,
    position: { file: around.file, ...fields.place },
    prefix,
    subtrees: forEach === undefined ? subtrees : followedSubtrees(forEach),
    mode: fields.mode('mode'),
    ...readOwnership(fields, env),
    renderTimeoutMs: fields.duration('render_timeout') ?? around.defaults.renderTimeoutMs,
    maxOutputBytes: fields.integer('max_output_bytes', 1, MAX_OUTPUT_BYTES) ?? around.defaults.maxOutputBytes,
    checkCmd: fields.command('check_cmd'),
    checkTimeoutMs: fields.duration('check_cmd_timeout') ?? around.defaults.checkTimeoutMs,
    ...(group ?? readReloading(fields, around.defaults)),
    // The files of all items don't go with an empty store, unless that is asked for.
    minEntries:
      fields.integer('min_entries', 0, Number.MAX_SAFE_INTEGER) ?? (forEach?.prune === true ? 1 : 0),
    createDestDirs: fields.boolean('create_dest_dirs') ?? false,
    onDrift: fields.choice('on_drift', ['repair', 'report']) ?? 'repair',
    // Go's own word for it is `default`.
    missingKey: fields.choice('missing_key', ['error', 'zero', 'default']) ?? 'error',
    refuseEmpty: fields.boolean('refuse_empty') ?? false,
    outputFormat: outputFormat === 'yml' ? 'yaml' : outputFormat,
    backup: fields.integer('backup', 0, MAX_BACKUPS) ?? 0,
    forEach,
    item: undefined,
    absent: false,
  } as const;
  fields.refuseUnknown((key) =>
    group !== undefined && RELOADING_KEYS.includes(key)
      ? 'it belongs under the line [[group]], for all of its files'
      : undefined,
  );
  if (src === undefined || srcPath === undefined || destPath === undefined) return undefined;
  const missingKey = rest.missingKey === 'error' ? 'error' : 'zero';
  return { ...rest, missingKey, src, srcPath, dest: destPath };
}

/** `prefix`, `prefix_mode` and `keys`, as templates and hooks share them. */
export function readSubtrees(
  fields: Fields,
  { prefix: global, prefixMode, env }: Pick<Surroundings, 'prefix' | 'prefixMode' | 'env'>,
): { prefix: string; subtrees: readonly string[] } {
  const own = fromEnvironment(fields, 'prefix', fields.text('prefix'), env) ?? '';
  const mode = fields.choice('prefix_mode', PREFIX_MODES) ?? prefixMode;
  const prefix = mode === 'join' ? joinKey(global ?? '', own) : cleanPrefix(global ?? own);
  const keys = textsFromEnvironment(fields, 'keys', fields.texts('keys'), env);
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

function readOwnership(fields: Fields, env: Environment): Pick<Resource, 'owner' | 'group' | 'uid' | 'gid'> {
  const owner = fromEnvironment(fields, 'owner', fields.name('owner'), env);
  const group = fromEnvironment(fields, 'group', fields.name('group'), env);
  // confd's own default: -1 leaves the owner as it is.
  const uid = fields.integer('uid', -1, MAX_ID);
  const gid = fields.integer('gid', -1, MAX_ID);
  if (owner !== undefined && uid !== undefined)
    fields.error('uid', 'owner and uid both name the owner: keep one');
  if (group !== undefined && gid !== undefined)
    fields.error('gid', 'group and gid both name the group: keep one');
  return { owner, group, uid: uid === -1 ? undefined : uid, gid: gid === -1 ? undefined : gid };
}

/** (uid_t)-1 means "unchanged" to chown(2). */
const MAX_ID = 0xffff_fffe;
