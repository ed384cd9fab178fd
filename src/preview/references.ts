import { messageOf } from '../base/errors.js';
import type { Resource } from '../confdir/types.js';
import { compileGlob } from '../render/functions/glob.js';
import { inSubtrees } from '../source/subtree.js';

/** A call that asks the store for something written out in the template. Lines and columns from 1. */
export interface KeyReference {
  readonly name: string;
  readonly key: string;
  readonly line: number;
  readonly column: number;
}

/** What the first argument of a function names. */
const ASKS: Readonly<Record<string, 'key' | 'glob' | 'folder'>> = {
  exists: 'key',
  get: 'key',
  getv: 'key',
  keyOrDefault: 'key',
  gets: 'glob',
  getvs: 'glob',
  ls: 'folder',
  lsdir: 'folder',
  safeLs: 'folder',
  tree: 'folder',
  safeTree: 'folder',
};

/** Whether a function asks the store. */
export function asksStore(name: string): boolean {
  return Object.hasOwn(ASKS, name);
}

/** What can be known to be wrong with a reference before there are keys; undefined: nothing. */
export function faultOf(
  { name, key }: KeyReference,
  { prefix, subtrees, name: resource }: Pick<Resource, 'prefix' | 'subtrees' | 'name'>,
): { readonly severity: 'error' | 'warning'; readonly message: string } | undefined {
  const call = `${name} ${JSON.stringify(key)}`;
  const kind = ASKS[name];
  let literal = key;
  try {
    if (kind === 'glob') literal = compileGlob(key).literal;
  } catch (error) {
    return { severity: 'error', message: `${call}: ${messageOf(error)}` };
  }
  // A listing of the top, or a glob that begins with a wildcard.
  if (literal === '') return undefined;
  if (!literal.startsWith('/')) {
    const message = `${call} finds nothing: keys begin with a slash, so write ${JSON.stringify(`/${key}`)}`;
    return { severity: 'warning', message };
  }
  const full = `${prefix}${literal.length > 1 ? literal.replace(/\/$/, '') : ''}` || '/';
  if (inSubtrees(subtrees, full)) return undefined;
  // What may be seen may begin further down: under a folder that is listed, or where a glob goes on.
  const goesOn = kind === 'folder' ? prefix + literal.replace(/\/*$/, '/') : prefix + literal;
  const further = kind === 'folder' || literal !== key;
  if (further && subtrees.some((subtree) => subtree.startsWith(goesOn))) return undefined;
  const seen = subtrees.map((subtree) => subtree || '/').join(', ');
  const message = `${call} finds nothing: ${full} lies outside the keys that ${resource} sees (${seen})`;
  return { severity: 'warning', message };
}
