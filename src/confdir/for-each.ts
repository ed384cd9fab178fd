import { posix } from 'node:path';
import { type Environment, fromEnvironment } from './environment.js';
import type { Fields } from './fields.js';
import { joinKey } from './paths.js';
import type { ForEach, Item, Resource } from './types.js';

/** `{{name}}` (the last part of an item's key) and `{{item}}` (all of it), with or without Go's dot. */
const PLACEHOLDER = /\{\{\s*\.?(name|item)\s*\}\}/g;
/** Bytes of a file's name on every file system that matters. */
const MAX_NAME_BYTES = 255;

/** `for_each` and `prune`. */
export function readForEach(
  fields: Fields,
  { prefix, subtrees }: Pick<Resource, 'prefix' | 'subtrees'>,
  dest: string | undefined,
  env: Environment,
): ForEach | undefined {
  const written = fromEnvironment(fields, 'for_each', fields.name('for_each'), env);
  const prune = fields.boolean('prune');
  if (written === undefined) {
    if (dest !== undefined && !fields.has('for_each') && dest.search(PLACEHOLDER) >= 0)
      fields.warning('dest', 'dest has a placeholder, but there is no for_each that fills it');
    if (prune !== undefined && !fields.has('for_each'))
      fields.error('prune', 'prune is for templates with a for_each: add one, or leave prune out');
    return undefined;
  }
  const glob = posix.join('/', written).replace(/(?<=.)\/$/, '');
  const literal = /^[^*?[\\]*/.exec(glob)?.[0] ?? '';
  if (literal === glob) {
    return fields.error(
      'for_each',
      `for_each = ${JSON.stringify(written)} matches one key at most: write a glob such as "/sites/*"`,
    );
  }
  if (dest !== undefined && dest.search(PLACEHOLDER) < 0) {
    return fields.error(
      'dest',
      'dest is the same for every item of for_each: write {{name}} (or {{item}}) into it',
    );
  }
  const root = joinKey(prefix, literal.slice(0, literal.lastIndexOf('/') + 1));
  return { glob, root, subtrees, prune: prune ?? true };
}

/** What one item makes of a resource with a `for_each`, or why it can't. */
export function instanceOf(resource: Resource, key: string): Resource | { readonly wrong: string } {
  const name = posix.basename(key);
  const about = `for_each of ${resource.name}: the item ${JSON.stringify(key)}`;
  // The key comes from whoever may write keys: it chooses a name, never a place.
  if (!key.split('/').slice(1).every(isFileName))
    return { wrong: `${about} makes no file name: it is left out` };
  const item: Item = { of: resource.name, key, name };
  const fill = (text: string): string =>
    text.replace(PLACEHOLDER, (_all, which: string) => (which === 'name' ? name : key.slice(1)));
  const dest = fill(resource.dest);
  if (Buffer.byteLength(posix.basename(dest)) > MAX_NAME_BYTES)
    return { wrong: `${about} makes a file name longer than ${MAX_NAME_BYTES} bytes: it is left out` };
  return {
    ...resource,
    name: `${resource.name}[${key}]`,
    dest,
    subtrees: (resource.forEach?.subtrees ?? resource.subtrees).map(fill),
    // Counts items, which is for the resource as a whole.
    minEntries: 0,
    forEach: undefined,
    item,
  };
}

/** All that items are found by and may see. */
export function followedSubtrees({ root, subtrees }: ForEach): readonly string[] {
  return [...new Set([root, ...subtrees.map(commonSubtree)])];
}

/** The subtree under which all items' subtrees lie: up to the folder before a placeholder. */
function commonSubtree(subtree: string): string {
  const at = subtree.search(PLACEHOLDER);
  return at < 0 ? subtree : subtree.slice(0, subtree.lastIndexOf('/', at));
}

function isFileName(part: string): boolean {
  // Control characters, and bytes that are no character (Cs).
  return part !== '' && part !== '.' && part !== '..' && !/[\p{Cc}\p{Cs}]/u.test(part);
}
