import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../base/errors.js';
import type { Problem } from './types.js';

/** Bounds of a folder tree; past them its files are left out, with a problem. */
const MAX_FILES = 10_000;
const MAX_DEPTH = 32;

/**
 * Paths of the `.toml` files under a folder, relative to it, sorted. Symbolic links are followed, each folder once.
 * Names that begin with a dot are left out: editors' locks, and the `..data` of a Kubernetes volume, whose files
 * show under their own names as links. Fails with a Node system error if the folder itself can't be read.
 */
export async function findFiles(folder: string): Promise<{ files: string[]; problems: Problem[] }> {
  const files: string[] = [];
  const problems: Problem[] = [];
  const problem = (path: string, message: string) =>
    problems.push({ severity: 'error', file: path, line: 0, column: 0, message });
  const visited = new Set([await realpath(folder)]);
  const pending: { path: string; depth: number }[] = [{ path: '', depth: 0 }];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    const here = join(folder, at.path);
    let entries: Awaited<ReturnType<typeof list>>;
    try {
      entries = await list(here);
    } catch (error) {
      if (at.path === '') throw error;
      problem(here, `the folder can't be read: ${messageOf(error)}`);
      continue;
    }
    for (const entry of entries) {
      const path = join(at.path, entry.name);
      let isFolder = entry.isDirectory();
      if (entry.isSymbolicLink() || isFolder) {
        // A link to nowhere counts as a file: reading it says what is wrong.
        const real = await realpath(join(folder, path)).catch(() => undefined);
        isFolder = real !== undefined && (isFolder || (await stat(real)).isDirectory());
        if (isFolder && (real === undefined || visited.has(real))) continue;
        if (isFolder && real !== undefined) visited.add(real);
      }
      if (isFolder) {
        if (at.depth < MAX_DEPTH) pending.push({ path, depth: at.depth + 1 });
        else problem(join(folder, path), `nested deeper than ${MAX_DEPTH} folders: move it up`);
      } else if (path.endsWith('.toml')) {
        files.push(path);
      }
    }
    if (files.length > MAX_FILES) {
      problem(folder, `holds more than ${MAX_FILES} .toml files: only those read first are used`);
      return { files: files.slice(0, MAX_FILES).sort(), problems };
    }
  }
  return { files: files.sort(), problems };
}

async function list(folder: string) {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter(({ name }) => !name.startsWith('.'));
}
