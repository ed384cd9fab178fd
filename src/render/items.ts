import { sortAsBytes } from '../base/byte-text.js';
import { messageOf } from '../base/errors.js';
import type { Resource } from '../confdir/types.js';
import type { Mirror } from '../source/mirror.js';
import { compileGlob } from './functions/glob.js';

/** Files of one `for_each`: more are a mistake in its glob. */
const MAX_ITEMS = 10_000;

type Declared = Pick<Resource, 'prefix' | 'forEach'>;

/** The keys and folders that match a `for_each`, as its template sees them, in order; or what is wrong with it. */
export function itemsOf(resource: Declared, mirror: Mirror): readonly string[] | { readonly wrong: string } {
  const { prefix, forEach } = resource;
  if (forEach === undefined) return [];
  try {
    // A `*` never crosses a slash: level by level, so that what lies under an item costs nothing.
    const levels = forEach.glob.slice(1).split('/');
    let folders = [''];
    for (const level of levels) {
      const glob = compileGlob(level);
      const next: string[] = [];
      for (const folder of folders) {
        const { leaves, folders: below } = mirror.children(prefix + folder);
        for (const name of new Set([...leaves, ...below]))
          if (glob.matches(name)) next.push(`${folder}/${name}`);
      }
      if (next.length > MAX_ITEMS)
        return { wrong: `for_each = ${JSON.stringify(forEach.glob)} matches more than ${MAX_ITEMS} items` };
      folders = next;
    }
    return sortAsBytes(folders);
  } catch (error) {
    return { wrong: `for_each = ${JSON.stringify(forEach.glob)}: ${messageOf(error)}` };
  }
}

/** Whether a changed name has made an item, or ended one. */
export function changesItems(
  { prefix, forEach }: Declared,
  name: string,
  mirror: Mirror,
  known: ReadonlySet<string>,
): boolean {
  if (forEach === undefined || !name.startsWith(`${forEach.root}/`)) return false;
  const depth = forEach.glob.split('/').length;
  const item = name.slice(prefix.length).split('/').slice(0, depth);
  if (item.length < depth) return false;
  const key = item.join('/');
  try {
    if (!compileGlob(forEach.glob).matches(key)) return false;
  } catch {
    return false;
  }
  return known.has(key) !== isThere(mirror, prefix + key);
}

function isThere(mirror: Mirror, name: string): boolean {
  if (mirror.get(name) !== undefined) return true;
  let found = false;
  mirror.scan(`${name}/`, () => {
    found = true;
    return false;
  });
  return found;
}
