import { readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join, posix, resolve, sep } from 'node:path';

/** A prefix as confd reads it: a leading slash forced, cleaned, no trailing slash; '' is the whole keyspace. */
export function cleanPrefix(prefix: string): string {
  const cleaned = posix.join('/', prefix);
  return cleaned.endsWith('/') ? cleaned.slice(0, -1) : cleaned;
}

/** The subtree that a key of `keys` names under a prefix (Go's path.Join, so `..` can climb out of it, as in confd). */
export function joinKey(prefix: string, key: string): string {
  return cleanPrefix(posix.join('/', prefix, key));
}

/** Whether a path is a folder or lies in it. Both absolute and normal. */
export function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}

/** As many links as Linux follows. */
const MAX_LINKS = 40;

/**
 * A path with its symbolic links resolved, those that lead to something yet to be made too; what doesn't exist is kept as
 * written.
 */
export async function realPath(path: string, links = 0): Promise<string> {
  const missing: string[] = [];
  for (let existing = path; ; existing = dirname(existing)) {
    try {
      return join(await realpath(existing), ...missing);
    } catch {
      const target = links < MAX_LINKS ? await readlink(existing).catch(() => undefined) : undefined;
      if (target !== undefined) {
        const folder = await realPath(dirname(existing), links + 1);
        return realPath(join(resolve(folder, target), ...missing), links + 1);
      }
      if (dirname(existing) === existing) return path;
      missing.unshift(basename(existing));
    }
  }
}
