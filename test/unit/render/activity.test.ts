import { expect, test } from 'vitest';
import type { Activity } from '../../../src/render/activity.js';
import { renderOnce } from '../../../src/render/onetime.js';
import { Rig, resource, sourceOf } from './rig.js';

test('a one-shot tells how many files there are, which it renders, and which commands it runs', async () => {
  const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').template('y', 'y $/a');
  const told: Activity[] = [];
  await renderOnce(
    [
      resource('x', { checkCmd: 'check', verifyCmd: 'verify', reloadCmd: 'reload' }),
      resource('y', { reloadCmd: 'reload' }),
    ],
    rig.source,
    rig.ports,
    {
      templates: '/c/templates',
      stateFolder: undefined,
      onActivity: (activity) => told.push(activity),
      signal: new AbortController().signal,
    },
  );
  expect(told).toEqual([
    { type: 'files', count: 2 },
    { type: 'rendering', dest: '/out/x' },
    { type: 'rendering', dest: '/out/y' },
    { type: 'command', kind: 'check', dests: ['/out/x'] },
    { type: 'command', kind: 'verify', dests: ['/out/x'] },
    { type: 'command', kind: 'reload', dests: ['/out/x', '/out/y'] },
  ]);
});
