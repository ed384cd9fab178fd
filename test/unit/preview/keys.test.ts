import { describe, expect, it } from 'vitest';
import { changedKeys, historyOf, withDeletions } from '../../../src/preview/keys.js';
import type { History, Snapshot } from '../../../src/source/types.js';
import { sourceOf } from '../render/rig.js';

const snapshot = (revision: number, pairs: Readonly<Record<string, number>>): Snapshot => ({
  origin: 'c',
  revision,
  pairs: Object.entries(pairs).map(([key, modRevision]) => ({ key, value: 'v', modRevision })),
});

describe('the keys that changed', () => {
  it('were put or deleted; one that is as it was is none of them', () => {
    const before = snapshot(5, { '/kept': 2, '/put': 3, '/gone': 4 });
    const after = snapshot(9, { '/kept': 2, '/put': 7, '/new': 8 });
    expect(changedKeys(before, after)).toEqual([
      { key: '/gone', type: 'deleted', revision: undefined },
      { key: '/new', type: 'put', revision: 8 },
      { key: '/put', type: 'put', revision: 7 },
    ]);
  });

  it('have the revisions of their ends looked up, of a hundred at most', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 120 }, (_, n) => [`/${String(n).padStart(3, '0')}`, 2]),
    );
    const asked: string[] = [];
    const history: History = {
      loadAt: () => Promise.reject(new Error('not asked for')),
      deletedAt: (key, from, to) => {
        asked.push(`${key} ${from} ${to}`);
        return Promise.resolve(6);
      },
    };
    const changes = changedKeys(snapshot(5, many), snapshot(9, { '/new': 8 }));
    const { signal } = new AbortController();
    const told = await withDeletions(changes, history, { from: 5, to: 9, signal });
    expect(asked).toHaveLength(100);
    expect(asked[0]).toBe('/000 5 9');
    expect(told.filter(({ revision }) => revision === 6)).toHaveLength(100);
    expect(told.at(-1)).toEqual({ key: '/new', type: 'put', revision: 8 });
  });

  it('can only be known of a source that keeps its past', () => {
    expect(() => historyOf(sourceOf({}), '--between')).toThrow(
      '--between needs a backend that keeps revisions, and manual has none: use etcdv3 or embedded',
    );
  });
});
