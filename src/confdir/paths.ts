import { realpath } from 'node:fs/promises';
import { basename, dirname, join, posix, sep } from 'node:path';

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

/** A path with the symbolic links of every part that exists resolved; what doesn't exist is kept as written. */
export async function realPath(path: string): Promise<string> {
  const missing: string[] = [];
  for (let existing = path; ; existing = dirname(existing)) {
    try {
      return join(await realpath(existing), ...missing);
    } catch {
      if (dirname(existing) === existing) return path;
      missing.unshift(basename(existing));
    }
  }
}
