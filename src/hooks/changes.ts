import { wellFormed } from '../base/byte-text.js';
import { inSubtrees } from '../source/subtree.js';
import type { ChangeBatch } from '../source/types.js';
import type { HookBatch } from './types.js';

/** What a source's changes mean to a hook: those of its subtrees. */
export function toHookBatch(batch: ChangeBatch, subtrees: readonly string[]): HookBatch {
  // The lines on standard input are JSON, which is UTF-8.
  const events = batch.changes.flatMap((change): HookBatch['events'] => {
    const key = change.type === 'put' ? change.pair.key : change.key;
    if (!inSubtrees(subtrees, key)) return [];
    return change.type === 'put'
      ? [
          {
            type: 'put',
            key: wellFormed(key),
            value: wellFormed(change.pair.value),
            modRevision: change.pair.modRevision,
          },
        ]
      : [{ type: 'delete', key: wellFormed(key), value: '', modRevision: change.modRevision }];
  });
  return { revision: batch.revision, events };
}
