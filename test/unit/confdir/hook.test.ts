import { describe, expect, it } from 'vitest';
import { load } from '../../../src/confdir/load.js';
import { root, template, write } from './support.js';

describe('a hook', () => {
  it('stands alone or beside a template', async () => {
    await write(
      'web.toml',
      template(
        '[[hook]]',
        'command = "a"',
        '[[hook]]',
        'keys = ["x"]',
        'prefix = "/p"',
        'command = ["b"]',
        'timeout = 3',
      ),
    );
    await write('x/alone.toml', '[[hook]]\ncommand = "c"');
    const { resources, hooks, problems } = await load(root);
    expect([problems, resources.length]).toEqual([[], 1]);
    expect(hooks).toMatchObject([
      { name: 'web#1', prefix: '', subtrees: [''], command: 'a', timeoutMs: 60_000, position: { line: 4 } },
      {
        name: 'web#2',
        prefix: '/p',
        subtrees: ['/p/x'],
        command: ['b'],
        timeoutMs: 3_000,
        position: { line: 6 },
      },
      { name: 'x/alone#1', command: 'c' },
    ]);
  });
});
