import { constants, open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { messageOf, systemCode } from '../base/errors.js';
import type { Environment } from './environment.js';
import { readFile } from './file.js';
import { findFiles } from './find.js';
import { type Reserved, settleOwnership } from './ownership.js';
import { NO_DEFAULTS } from './reloading.js';
import type { PrefixMode } from './resource.js';
import type { Generation, Hook, Problem, Resource, ResourceDefaults } from './types.js';

export interface LoadOptions {
  /** `--prefix`: stands in for every resource's own. */
  readonly prefix?: string | undefined;
  /** Of resources that don't say it themselves: `replace`, as in confd, by default. */
  readonly prefixMode?: PrefixMode | undefined;
  /** What `${NAME}` stands for; the process's own environment by default. */
  readonly env?: Environment | undefined;
  /** Of resources that don't say it themselves. */
  readonly defaults?: ResourceDefaults | undefined;
  /** Where no destination may lie, besides conf.d and templates. */
  readonly dataFolder?: string | undefined;
  /** Relative destinations are resolved against it; the process's own by default. */
  readonly cwd?: string | undefined;
}

/** Bytes of one file. */
const MAX_FILE_BYTES = 1 << 20;
/** Files open at a time. */
const READ_AT_ONCE = 32;

/**
 * Reads `CONFDIR/conf.d` and the `.toml` files under it. Never fails: whatever is wrong is a problem of the generation,
 * and a file with an error contributes nothing else.
 */
export async function load(confdir: string, options: LoadOptions = {}): Promise<Generation> {
  const folder = resolve(confdir, 'conf.d');
  let found: Awaited<ReturnType<typeof findFiles>>;
  try {
    found = await findFiles(folder);
  } catch (error) {
    return { resources: [], hooks: [], problems: [unreadableFolder(folder, error)] };
  }
  const around = {
    templates: resolve(confdir, 'templates'),
    cwd: options.cwd ?? process.cwd(),
    prefix: options.prefix === undefined || options.prefix === '' ? undefined : options.prefix,
    prefixMode: options.prefixMode ?? 'replace',
    env: options.env ?? process.env,
    defaults: options.defaults ?? NO_DEFAULTS,
  };
  const resources: Resource[] = [];
  const hooks: Hook[] = [];
  const problems: Problem[] = [...found.problems];
  for (let at = 0; at < found.files.length; at += READ_AT_ONCE) {
    const read = found.files.slice(at, at + READ_AT_ONCE).map(async (name): Promise<Generation> => {
      const file = join(folder, name);
      const bytes = await contents(file);
      if (typeof bytes === 'string')
        return { resources: [], hooks: [], problems: [whole(file, 'error', bytes)] };
      return readFile(bytes, { ...around, file, name: name.slice(0, -'.toml'.length) });
    });
    for (const part of await Promise.all(read)) {
      resources.push(...part.resources);
      hooks.push(...part.hooks);
      problems.push(...part.problems);
    }
  }
  if (found.files.length === 0)
    problems.push(whole(folder, 'warning', 'Found no templates: put NAME.toml files into it'));
  const {
    owners,
    refused,
    problems: claims,
  } = await settleOwnership(resources, reservedFolders(confdir, options));
  return { resources: owners, hooks, problems: [...problems, ...claims], refused };
}

/** The folders where no destination of this configuration may lie. */
export function reservedFolders(confdir: string, options: LoadOptions): readonly Reserved[] {
  const data = options.dataFolder;
  return [
    { folder: resolve(confdir, 'conf.d'), name: 'the conf.d folder' },
    { folder: resolve(confdir, 'templates'), name: 'the templates folder' },
    ...(data === undefined ? [] : [{ folder: resolve(data), name: 'the data folder' }]),
  ];
}

/** A problem as people read it: `file:line:column: message`. */
export function formatProblem({ file, line, column, message }: Problem): string {
  const place = line === 0 ? '' : `:${line}:${column}`;
  return `${file}${place}: ${message}`;
}

/** A file's bytes, or why there are none. */
async function contents(path: string): Promise<Buffer | string> {
  try {
    // Without O_NONBLOCK opening a pipe would wait for its writer.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) return 'not a regular file: remove it from conf.d';
      if (stats.size > MAX_FILE_BYTES) return `longer than ${MAX_FILE_BYTES} bytes: no resource needs that`;
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 'gone, or a link to a file that does not exist';
    if (systemCode(error) === 'EACCES') return 'no permission to read it: change its mode or its owner';
    return `can't be read: ${messageOf(error)}`;
  }
}

function unreadableFolder(folder: string, error: unknown): Problem {
  const code = systemCode(error);
  if (code === 'ENOENT') {
    const message =
      'Found no templates: the folder does not exist; make it, or name its parent with --confdir';
    return whole(folder, 'warning', message);
  }
  if (code === 'ENOTDIR') {
    return whole(folder, 'error', 'not a folder: --confdir names the folder that holds conf.d and templates');
  }
  if (code === 'EACCES')
    return whole(folder, 'error', 'no permission to read the folder: change its mode or its owner');
  return whole(folder, 'error', `the folder can't be read: ${messageOf(error)}`);
}

function whole(file: string, severity: 'error' | 'warning', message: string): Problem {
  return { severity, file, line: 0, column: 0, message };
}
