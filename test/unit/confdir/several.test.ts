import { describe, expect, it } from 'vitest';
import { instanceOf } from '../../../src/confdir/for-each.js';
import { load } from '../../../src/confdir/load.js';
import { only, root, template, write } from './support.js';

describe('several templates', () => {
  const two = '[[template]]\nsrc = "a.hbs"\ndest = "/tmp/a"\n[[template]]\nsrc = "b.hbs"\ndest = "/tmp/b"\n';

  it('stand in one file, each with its own name and place', async () => {
    await write('web.toml', two);
    const { resources, problems } = await load(root);
    expect(problems).toEqual([]);
    expect(resources.map(({ name, dest, position }) => [name, dest, position.line])).toEqual([
      ['web#1', '/tmp/a', 1],
      ['web#2', '/tmp/b', 4],
    ]);
  });

  it('of a group share its commands and its lane', async () => {
    await write(
      'lb.toml',
      `[[group]]\nname = "edge"\nverify_cmd = "v"\nreload_cmd = "r"\nwait = { min = "1s" }\n${two.replaceAll('[[template]]', '[[group.template]]')}`,
    );
    const { resources, problems } = await load(root);
    expect(problems).toEqual([]);
    const shared = { lane: 'lb/edge', verifyCmd: 'v', reloadCmd: 'r', wait: { minMs: 1000, maxMs: 4000 } };
    expect(resources).toMatchObject([
      { name: 'lb/edge#1', dest: '/tmp/a', position: { line: 6 }, ...shared },
      { name: 'lb/edge#2', dest: '/tmp/b', position: { line: 9 }, ...shared },
    ]);
  });

  it('of one item each come from a for_each, whose key never chooses a folder', async () => {
    const parent = await only(
      template('for_each = "/sites/*/"', 'prefix = "/p"', 'keys = ["/sites/{{.name}}", "/global"]').replace(
        '/tmp/a.conf',
        '/tmp/{{ .name }}.conf',
      ),
    );
    expect(parent).toMatchObject({
      forEach: { glob: '/sites/*', root: '/p/sites', prune: true },
      subtrees: ['/p/sites', '/p/global'],
      dest: '/tmp/{{ .name }}.conf',
      minEntries: 1,
    });
    if (parent === undefined) return;
    expect(instanceOf(parent, '/sites/x')).toMatchObject({
      name: 'a[/sites/x]',
      dest: '/tmp/x.conf',
      subtrees: ['/p/sites/x', '/p/global'],
      forEach: undefined,
      item: { of: 'a', key: '/sites/x', name: 'x' },
    });
    for (const key of ['/sites/..', '/sites/a\nb', '/sites/', `/sites/${'x'.repeat(251)}`]) {
      expect(instanceOf(parent, key), key).toEqual({ wrong: expect.stringMatching(/is left out$/) });
    }
  });
});
