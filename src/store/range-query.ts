import type { KeyRange, RangeQuery } from './types.js';

/** All of a range at the newest revision, by key, with what is asked for differently. */
export function rangeQuery({ key, end }: KeyRange, more: Partial<RangeQuery> = {}): RangeQuery {
  return {
    key,
    end,
    revision: 0,
    limit: 0,
    order: 'none',
    target: 'key',
    keysOnly: false,
    countOnly: false,
    minModRevision: 0,
    maxModRevision: 0,
    minCreateRevision: 0,
    maxCreateRevision: 0,
    ...more,
  };
}
