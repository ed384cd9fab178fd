import { ConfetdError } from '../base/errors.js';
import type { History, Pair, Snapshot, Source, Subtree } from '../source/types.js';

/** The past of a source. Fails with `source` where it keeps none; `flag` is what needs it. */
export function historyOf(source: Source, flag: string): History {
  const { history, name } = source;
  if (history !== undefined) return history;
  throw new ConfetdError(
    'source',
    `${flag} needs a backend that keeps revisions, and ${name} has none: use etcdv3 or embedded`,
  );
}

/** A key that isn't what it was. */
export interface KeyChange {
  readonly key: string;
  readonly type: 'put' | 'deleted';
  /** Undefined: not known. */
  readonly revision: number | undefined;
}

/** The keys that differ between two revisions of one store, in order. What changed and changed back isn't among them. */
export function changedKeys(before: Snapshot, after: Snapshot): readonly KeyChange[] {
  const old = byKey(before.pairs);
  const changes: KeyChange[] = [];
  for (const { key, modRevision } of after.pairs) {
    if (old.get(key)?.modRevision !== modRevision) changes.push({ key, type: 'put', revision: modRevision });
    old.delete(key);
  }
  for (const key of old.keys()) changes.push({ key, type: 'deleted', revision: undefined });
  return changes.sort((a, b) => (a.key < b.key ? -1 : 1));
}

function byKey(pairs: readonly Pair[]): Map<string, Pair> {
  return new Map(pairs.map((pair) => [pair.key, pair]));
}

/** Keys for which the revision of their end is looked up. */
const MAX_LOOKED_UP = 100;
const LOOKUPS_AT_ONCE = 8;

/** The changes with the revisions of deletions, for the first hundred of these. */
export async function withDeletions(
  changes: readonly KeyChange[],
  history: History,
  { from, to, signal }: { readonly from: number; readonly to: number; readonly signal: AbortSignal },
): Promise<readonly KeyChange[]> {
  const gone = changes.filter(({ type }) => type === 'deleted').slice(0, MAX_LOOKED_UP);
  const revisions = new Map<string, number | undefined>();
  for (let at = 0; at < gone.length; at += LOOKUPS_AT_ONCE) {
    await Promise.all(
      gone.slice(at, at + LOOKUPS_AT_ONCE).map(async ({ key }) => {
        revisions.set(key, await history.deletedAt(key, from, to, signal));
      }),
    );
  }
  return changes.map((change) => ({ ...change, revision: change.revision ?? revisions.get(change.key) }));
}

/** The keys that all of these resources may see, from the source: at its newest revision, or at one of its past. */
export async function keysAt(
  source: Source,
  subtrees: readonly Subtree[],
  revision: number | undefined,
  signal: AbortSignal,
): Promise<Snapshot> {
  if (revision === undefined) return source.load(subtrees, signal);
  return historyOf(source, '--at-revision').loadAt(subtrees, revision, signal);
}
