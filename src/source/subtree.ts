import { posix } from 'node:path';
import type { Subtree } from './types.js';

/**
 * The name under which a template sees a key: a leading slash, no empty, `.` or `..` segment and no trailing slash
 * (Go's `path.Join("/", key)`).
 */
export function cleanKey(key: string): string {
  if (isClean(key)) return key;
  const cleaned = posix.normalize(`/${key}`);
  return cleaned.length > 1 && cleaned.endsWith('/') ? cleaned.slice(0, -1) : cleaned;
}

/** Errs on the side of false: `/a/.b` is clean too. Runs once a key, so it must not cost a regular expression. */
function isClean(key: string): boolean {
  return (
    key.charCodeAt(0) === SLASH &&
    (key.length === 1 || key.charCodeAt(key.length - 1) !== SLASH) &&
    !key.includes('//') &&
    !key.includes('/.')
  );
}

const SLASH = 47;

/** Whether a subtree names a key. Keys are compared by their clean names. */
export function inSubtree(subtree: Subtree, key: string): boolean {
  if (subtree === '') return true;
  const name = cleanKey(key);
  return (
    name.startsWith(subtree) && (name.length === subtree.length || name.charCodeAt(subtree.length) === SLASH)
  );
}

/** Whether any of the subtrees names a key. */
export function inSubtrees(subtrees: readonly Subtree[], key: string): boolean {
  return subtrees.some((subtree) => inSubtree(subtree, key));
}

/** The subtrees without those that lie inside another one, sorted: the least that has to be fetched and watched. */
export function outermost(subtrees: readonly Subtree[]): readonly Subtree[] {
  const kept: Subtree[] = [];
  // Not simply the one before: `/a-b` sorts between `/a` and `/a/c`.
  for (const subtree of [...new Set(subtrees)].sort()) {
    if (!inSubtrees(kept, subtree)) kept.push(subtree);
  }
  return kept;
}
