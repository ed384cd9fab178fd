import { describe, expect, it } from 'vitest';
import { EnvSource } from '../../../src/source/env.js';
import type { Snapshot, Source } from '../../../src/source/types.js';

const signal = new AbortController().signal;
const source: Source = new EnvSource({
  SERVICES_WEB_A: '10.0.0.1:80',
  SERVICES: 'x',
  SERVICESX: 'y',
  lower_Case: 'z',
  __ODD__NAME_: 'odd',
  EMPTY: '',
  UNSET: undefined,
});
const load = async (...subtrees: string[]) =>
  Object.fromEntries((await source.load(subtrees, signal)).pairs.map(({ key, value }) => [key, value]));

describe('the environment', () => {
  it('reads A_B as /a/b', async () => {
    expect(await load('')).toEqual({
      '/services/web/a': '10.0.0.1:80',
      '/services': 'x',
      '/servicesx': 'y',
      '/lower/case': 'z',
      '/odd/name': 'odd',
      '/empty': '',
    });
  });

  it('gives a subtree its own keys only', async () => {
    expect(await load('/services')).toEqual({ '/services': 'x', '/services/web/a': '10.0.0.1:80' });
    expect(await load('/Services_Web', '/none')).toEqual({ '/services/web/a': '10.0.0.1:80' });
  });

  it('is followed by one snapshot, in order, and nothing after closing', async () => {
    const snapshots: Snapshot[] = [];
    const places: string[] = [];
    const listener = {
      found: (where: string) => places.push(where),
      snapshot: (snapshot: Snapshot) => snapshots.push(snapshot),
      changes: () => expect.unreachable(),
      lost: () => expect.unreachable(),
    };
    source.follow([''], listener);
    expect(snapshots).toEqual([]);
    await source.follow([''], listener).close();
    await new Promise(setImmediate);
    expect(snapshots).toHaveLength(1);
    expect(places).toEqual(['the environment']);
    const keys = snapshots[0]?.pairs.map(({ key }) => key) ?? [];
    expect(keys).toEqual([...keys].sort((a, b) => (a < b ? -1 : 1)));
    expect(snapshots[0]).toMatchObject({ origin: 'env', revision: 1 });
  });

  it('is this process’s own by default', async () => {
    process.env.CONFETD_TEST_OF_ENV = 'here';
    const own: Source = new EnvSource();
    const { pairs } = await own.load(['/confetd/test'], signal);
    expect(pairs).toEqual([{ key: '/confetd/test/of/env', value: 'here', modRevision: 0 }]);
    delete process.env.CONFETD_TEST_OF_ENV;
  });
});
