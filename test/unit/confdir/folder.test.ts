import { chmod, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatProblem, load } from '../../../src/confdir/load.js';
import { root, template, write } from './support.js';

describe('the folder', () => {
  it('without files says so', async () => {
    expect((await load(root)).problems).toMatchObject([
      { severity: 'warning', message: expect.stringMatching('^Found no templates') },
    ]);
  });

  it('that is missing, or is a file, says so', async () => {
    await rm(join(root, 'conf.d'), { recursive: true });
    expect((await load(root)).problems).toMatchObject([
      { severity: 'warning', message: expect.stringContaining('does not exist') },
    ]);
    await writeFile(join(root, 'conf.d'), '');
    expect((await load(root)).problems).toMatchObject([
      { severity: 'error', message: expect.stringContaining('not a folder') },
    ]);
  });

  it('is read through links, each folder once, dotted names left out', async () => {
    await write('..data/web.toml', template());
    await symlink('..data/web.toml', join(root, 'conf.d/web.toml'));
    await symlink('.', join(root, 'conf.d/loop'));
    await write('.#web.toml', 'an editor’s lock');
    const { resources, problems } = await load(root);
    expect(problems).toEqual([]);
    expect(resources.map(({ name }) => name)).toEqual(['web']);
  });

  it('names links to nowhere and what isn’t a file', async () => {
    await symlink('nowhere', join(root, 'conf.d/a.toml'));
    await symlink('/dev/null', join(root, 'conf.d/b.toml'));
    const { problems } = await load(root);
    expect(problems.map(({ message }) => message)).toEqual([
      'gone, or a link to a file that does not exist',
      'not a regular file: remove it from conf.d',
    ]);
  });

  it.skipIf(process.getuid?.() === 0)('names files that it may not read', async () => {
    await chmod(await write('a.toml', template()), 0);
    expect((await load(root)).problems).toMatchObject([
      { message: expect.stringContaining('no permission') },
    ]);
  });

  it('bad input: garbage, ten megabytes and a key twice are told with the file, and the others are read', async () => {
    await write(
      'garbage.toml',
      Buffer.from(Array.from({ length: 4096 }, (_, at) => (at * 2_654_435_761) >>> 24)),
    );
    await write('huge.toml', Buffer.alloc(10 << 20, '# ten megabytes\n'));
    await write('twice.toml', template('mode = "0644"', 'mode = "0600"'));
    await write('good.toml', template());
    const { resources, problems } = await load(root);
    expect(resources.map(({ name }) => name)).toEqual(['good']);
    expect(problems.map(formatProblem).map((problem) => problem.replace(`${root}/conf.d/`, ''))).toEqual([
      'garbage.toml:1:2: not UTF-8 text: save the file in that encoding',
      'huge.toml: longer than 1048576 bytes: no resource needs that',
      "twice.toml:5:14: not valid TOML: Can't redefine existing key",
    ]);
  });
});
