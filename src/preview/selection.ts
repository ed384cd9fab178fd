import { basename, relative, resolve } from 'node:path';
import { ConfetdError } from '../base/errors.js';
import type { Resource } from '../confdir/types.js';

/** Candidates that an error names. */
const MAX_NAMED = 20;

/**
 * Picks resources by their destination (absolute, or relative to `cwd`), or by the file of conf.d they stand in (its path,
 * its path below conf.d, or the resource's name). No words pick all. Fails with `usage` where a word picks nothing.
 */
export function selection(
  words: readonly string[],
  resources: readonly Resource[],
  { confdir, cwd }: { readonly confdir: string; readonly cwd: string },
): (resource: Resource) => boolean {
  if (words.length === 0) return () => true;
  const folder = resolve(confdir, 'conf.d');
  const picks = (word: string, { dest, position, name }: Resource): boolean => {
    const path = resolve(cwd, word);
    const file = position.file;
    const names = [name, name.replace(/[#[].*$/s, ''), relative(folder, file)];
    return path === dest || path === resolve(cwd, file) || names.includes(word);
  };
  for (const word of words) {
    if (resources.some((resource) => picks(word, resource))) continue;
    throw new ConfetdError(
      'usage',
      `${word} is no destination and no file of conf.d: ${candidates(resources)}`,
    );
  }
  return (resource) => words.some((word) => picks(word, resource));
}

function candidates(resources: readonly Resource[]): string {
  if (resources.length === 0) return 'there are no resources';
  const lines = resources.map(({ dest, position }) => `${dest} (${basename(position.file)})`);
  const shown = lines.slice(0, MAX_NAMED).join(', ');
  return `expected one of ${shown}${lines.length > MAX_NAMED ? ` and ${lines.length - MAX_NAMED} more` : ''}`;
}
