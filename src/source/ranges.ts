import { type ByteString, FROM_KEY_END, utf8ToByteString } from '../base/bytes.js';
import { outermost } from './subtree.js';
import type { Subtree } from './types.js';

/** Keys [key, end) as etcd selects them; end '': the key alone; key and end "\0": all. */
export interface KeyRange {
  readonly key: ByteString;
  readonly end: ByteString;
}

const EVERYTHING: KeyRange = { key: '\0', end: FROM_KEY_END };

/** The ranges that the subtrees consist of, without overlaps: of each the key itself, and what is under `key/`. */
export function rangesOf(subtrees: readonly Subtree[]): readonly KeyRange[] {
  return outermost(subtrees).flatMap((subtree) => {
    if (subtree === '') return [EVERYTHING];
    const path = utf8ToByteString(subtree);
    return [
      { key: path, end: '' },
      { key: `${path}/`, end: `${path}${AFTER_SLASH}` },
    ];
  });
}

/** The one range that holds all of the subtrees. */
export function hullOf(subtrees: readonly Subtree[]): KeyRange {
  if (subtrees.includes('')) return EVERYTHING;
  const paths = subtrees.map(utf8ToByteString);
  const [first = ''] = [...paths].sort();
  // `/a-b` sorts after `/a`, yet `/a0`, the end of `/a`, after both.
  const end = paths.map((path) => `${path}${AFTER_SLASH}`).reduce((a, b) => (a > b ? a : b), '');
  return { key: first, end };
}

/** Whether a key as it stands (not cleaned) is in one of the subtrees: what {@link rangesOf} selects. */
export function selects(subtrees: readonly Subtree[], key: string): boolean {
  return subtrees.some(
    (subtree) =>
      subtree === '' ||
      (key.startsWith(subtree) && (key.length === subtree.length || key[subtree.length] === '/')),
  );
}

/** The byte after the slash: `/a0` is the first key after everything under `/a/`. */
const AFTER_SLASH = '0';
