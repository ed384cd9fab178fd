import { extname, join } from 'node:path';
import { systemCode } from '../base/errors.js';
import type { RenderFiles } from '../render/files.js';

/** Of one folder of templates. */
const MAX_FILES = 10_000;
const MAX_DEPTH = 32;

/**
 * The templates and partials under a folder, by their extensions, sorted; none where it is missing. Links are followed,
 * each folder once; names that begin with a dot are left out. `cut`: there are more than are looked at.
 */
export async function templateFiles(
  folder: string,
  files: Pick<RenderFiles, 'list' | 'resolve'>,
): Promise<{ readonly paths: readonly string[]; readonly cut: boolean }> {
  const paths: string[] = [];
  const visited = new Set<string>();
  let pending = [folder];
  for (let depth = 0; depth <= MAX_DEPTH && pending.length > 0; depth++) {
    const below: string[] = [];
    for (const path of pending) {
      const real = await files.resolve(path).catch(() => path);
      if (visited.has(real)) continue;
      visited.add(real);
      for (const name of await namesIn(path, files)) {
        if (name.startsWith('.')) continue;
        const isTemplate = ['.hbs', '.tmpl'].includes(extname(name));
        (isTemplate ? paths : below).push(join(path, name));
        if (paths.length + below.length > MAX_FILES) return { paths: paths.sort(), cut: true };
      }
    }
    pending = below;
  }
  return { paths: paths.sort(), cut: pending.length > 0 };
}

/** None for what isn't a folder, or is closed to us. */
async function namesIn(path: string, files: Pick<RenderFiles, 'list'>): Promise<readonly string[]> {
  try {
    return await files.list(path);
  } catch (error) {
    if (systemCode(error) === 'ENOTDIR' || systemCode(error) === 'EACCES') return [];
    throw error;
  }
}
