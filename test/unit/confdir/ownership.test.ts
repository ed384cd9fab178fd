import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { carryOver } from '../../../src/confdir/carryover.js';
import { load, reservedFolders } from '../../../src/confdir/load.js';
import { root, template, write } from './support.js';

describe('ownership', () => {
  const at = (dest: string) => template().replace('/tmp/a.conf', dest);

  it('refuses both of two claimants, by the real parent', async () => {
    await mkdir(join(root, 'out'));
    await symlink('out', join(root, 'link'));
    await write('a.toml', at(`${root}/out/x.conf`));
    await write('b.toml', at(`${root}/link/x.conf`));
    await write('c.toml', at(`${root}/out/y.conf`));
    const { resources, problems, refused } = await load(root);
    expect(resources.map(({ name }) => name)).toEqual(['c']);
    expect(refused?.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(problems.map(({ message }) => message)).toEqual([
      `dest ${root}/out/x.conf is claimed by ${root}/conf.d/b.toml:1 too: neither is rendered until one is changed`,
      `dest ${root}/link/x.conf is claimed by ${root}/conf.d/a.toml:1 too: neither is rendered until one is changed`,
    ]);
  });

  it('refuses a destination inside conf.d, templates or the data folder, through links and missing folders', async () => {
    await symlink('conf.d', join(root, 'link'));
    await write('a.toml', at(`${root}/link/x.toml`));
    await write('b.toml', at(`${root}/templates/deep/b.hbs`));
    await write('c.toml', at(`${root}/data/render/x`));
    await write('d.toml', at(`${root}/data-other`));
    const { resources, problems } = await load(root, { dataFolder: join(root, 'data') });
    expect(resources.map(({ name }) => name)).toEqual(['d']);
    expect(problems.map(({ message }) => message.replace(/^.* lies inside (.*?) \/.*$/, '$1'))).toEqual([
      'the conf.d folder',
      'the templates folder',
      'the data folder',
    ]);
  });

  it('keeps what a broken file last said, unless another resource took its destination', async () => {
    await write('a.toml', at('/tmp/a'));
    await write('b.toml', at('/tmp/b'));
    await write('c.toml', at('/tmp/c'));
    const first = await load(root);
    await write('a.toml', 'broken');
    await write('b.toml', 'broken');
    await write('c.toml', at('/tmp/b'));
    const second = await carryOver(first, await load(root), reservedFolders(root, {}));
    expect(second.resources.map(({ name, dest }) => `${name} ${dest}`)).toEqual(['a /tmp/a']);
    expect(second.refused?.map(({ name }) => name)).toEqual(['c', 'b']);

    await write('b.toml', at('/tmp/a'));
    await write('a.toml', at('/tmp/a'));
    const third = await carryOver(second, await load(root), reservedFolders(root, {}));
    expect(third.resources.map(({ name, dest }) => `${name} ${dest}`)).toEqual(['c /tmp/b']);

    await rm(join(root, 'conf.d/b.toml'));
    const fourth = await carryOver(third, await load(root), reservedFolders(root, {}));
    expect(fourth.resources.map(({ name, dest }) => `${name} ${dest}`)).toEqual(['a /tmp/a', 'c /tmp/b']);
  });

  it('refuses two destinations that are one file by a link, whether or not that is there yet', async () => {
    await mkdir(join(root, 'out'));
    await symlink('out/x', join(root, 'one'));
    await symlink('../one', join(root, 'out/two'));
    await write('a.toml', at(`${root}/one`));
    await write('b.toml', at(`${root}/out/two`));
    await symlink('conf.d/new.toml', join(root, 'three'));
    await write('c.toml', at(`${root}/three`));
    await symlink('four', join(root, 'four'));
    await write('d.toml', at(`${root}/four`));
    const { resources, problems } = await load(root);
    expect(resources.map(({ name }) => name)).toEqual(['d']);
    expect(problems.map(({ message }) => message.replaceAll(root, ''))).toEqual([
      'dest /one is claimed by /conf.d/b.toml:1 too: neither is rendered until one is changed',
      'dest /out/two is claimed by /conf.d/a.toml:1 too: neither is rendered until one is changed',
      'dest /three lies inside the conf.d folder /conf.d: choose another place',
    ]);
  });
});
