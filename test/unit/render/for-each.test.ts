import { describe, expect, it } from 'vitest';
import type { Resource } from '../../../src/confdir/types.js';
import { Rig, resource, sourceOf } from './rig.js';

function sites(
  more: Partial<Resource> = {},
  forEach: Partial<NonNullable<Resource['forEach']>> = {},
): Resource {
  return resource('web', {
    dest: '/out/{{name}}.conf',
    subtrees: ['/sites', ''],
    forEach: { glob: '/sites/*', root: '/sites', subtrees: [''], prune: true, ...forEach },
    reloadCmd: 'reload',
    ...more,
  });
}

/** The text of each item is its environment's: as a Go template reads it. */
async function rigOf(keys: Readonly<Record<string, string>>, declared = sites()): Promise<Rig> {
  const rig = new Rig({ source: sourceOf(keys) }).template('web', '#ITEM $/port');
  return rig.start(declared);
}

const files = (rig: Rig): string[] => rig.files.paths('/out').map((path) => path.slice('/out/'.length));

describe('for_each', () => {
  it('makes a file an item, each rendered for its own, and one reload for all', async () => {
    const rig = await rigOf({ '/sites/a/x': '1', '/sites/b': '1', '/port': '80' });
    expect(files(rig)).toEqual(['a.conf', 'b.conf']);
    expect(rig.out('a.conf')).toBe('/sites/a 80');
    expect(rig.commands).toEqual(['reload']);
    expect(rig.renderer.status().resources.map(({ name }) => name)).toEqual([
      'web[/sites/a]',
      'web[/sites/b]',
    ]);
    expect(rig.events.filter(({ type }) => type === 'ready')).toMatchObject([{ written: 2 }]);
  });

  it('follows items as they come and go, and reloads after a removal', async () => {
    const rig = await rigOf({ '/sites/a/x': '1', '/port': '80' });
    const revision = await rig.put({ '/sites/c/x': '1', '/sites/c/y': '1' });
    expect(files(rig)).toEqual(['a.conf', 'c.conf']);
    expect((await rig.renderer.wait(revision, 1)).files).toMatchObject([{ dest: '/out/c.conf', revision }]);
    await rig.put({ '/sites/c/x': null });
    expect(files(rig)).toEqual(['a.conf', 'c.conf']);
    const before = rig.commands.length;
    await rig.put({ '/sites/c/y': null });
    expect(files(rig)).toEqual(['a.conf']);
    expect(rig.commands.slice(before)).toEqual(['reload']);
    expect(rig.events.filter(({ type }) => type === 'pruned')).toMatchObject([{ dest: '/out/c.conf' }]);
    expect(rig.renderer.status().resources).toHaveLength(1);
    expect(rig.files.paths('/state')).toHaveLength(1);
    await rig.put({ '/sites/c/x': '1' });
    expect(files(rig)).toEqual(['a.conf', 'c.conf']);
  });

  it('removes after a restart what an earlier process made, and only that', async () => {
    const rig = await rigOf({ '/sites/a': '1', '/sites/b': '1', '/port': '80' });
    rig.files.put('/out/mine.conf', 'by hand');
    await rig.renderer.shutdown();
    rig.source.put({ '/sites/b': null });
    const again = new Rig({ source: rig.source, files: rig.files.reboot('all') });
    await again.start(sites());
    expect(files(again)).toEqual(['a.conf', 'mine.conf']);
    expect(again.commands).toEqual(['reload']);
  });

  it('never removes a file that was there before, nor one edited since', async () => {
    const rig = new Rig({ source: sourceOf({ '/sites/a': '1', '/sites/b': '1', '/port': '80' }) });
    rig.template('web', '#ITEM $/port').files.put('/out/a.conf', 'theirs');
    await rig.start(sites());
    expect(rig.out('a.conf')).toBe('/sites/a 80');
    rig.files.put('/out/b.conf', 'edited');
    await rig.put({ '/sites/a': null, '/sites/b': null });
    expect(files(rig)).toEqual(['a.conf', 'b.conf']);
    expect(rig.log).toContain(
      '/out/a.conf is no longer wanted, but stays: it was there before confetd first wrote it',
    );
    expect(rig.log).toContain('/out/b.conf is no longer wanted, but stays: it was edited by hand');
    expect(rig.renderer.status().resources).toEqual([]);
  });

  it('also knows a file as its own that a crash has cut off', async () => {
    for (let step = 0; ; step++) {
      const rig = new Rig({ source: sourceOf({ '/port': '80', '/sites/a': '1' }) }).template('web', '#ITEM');
      rig.files.crashAt = step;
      const finished = await Promise.race([
        rig.files.crashed.then(() => false),
        rig.start(sites({ reloadCmd: undefined })).then(() => true),
      ]);
      const again = new Rig({ source: rig.source, files: rig.files.reboot('all') });
      await again.start(sites({ reloadCmd: undefined }));
      expect(files(again), `after step ${step}`).toEqual(['a.conf']);
      await again.put({ '/sites/a': null });
      expect(files(again), `after step ${step}`).toEqual([]);
      if (finished) break;
    }
  });

  it('at any step of a removal: the file goes in the end, and the service has seen it gone', async () => {
    for (let step = 0; ; step++) {
      const rig = await rigOf({ '/sites/a': '1', '/port': '80' });
      const reloads: string[][] = [];
      const watched = (one: Rig): Rig => {
        one.onRun = () => {
          reloads.push(files(one));
          return 0;
        };
        return one;
      };
      rig.files.crashAt = rig.files.steps + step;
      watched(rig).source.put({ '/sites/a': null });
      const finished = await Promise.race([
        rig.files.crashed.then(() => false),
        rig.renderer.idle().then(() => rig.clock.yield().then(() => true)),
      ]);
      const again = watched(new Rig({ source: rig.source, files: rig.files.reboot('all') }));
      await again.start(sites());
      await again.clock.yield();
      expect(files(again), `after step ${step}`).toEqual([]);
      expect(reloads.at(-1), `after step ${step}`).toEqual([]);
      expect(again.files.paths('/state'), `after step ${step}`).toEqual([]);
      if (finished) break;
    }
  });

  it('brings a removed file back where verify or the reload fails', async () => {
    for (const more of [{ verifyCmd: 'fails' }, { reloadCmd: 'fails', rollbackOnReloadFailure: true }]) {
      const rig = new Rig({ source: sourceOf({ '/sites/a': '1', '/port': '80' }) }).template(
        'web',
        '#ITEM $/port',
      );
      await rig.start(sites(more));
      rig.onRun = (command) => (command === 'fails' && files(rig).length === 0 ? 1 : 0);
      await rig.put({ '/sites/a': null });
      expect(rig.out('a.conf')).toBe('/sites/a 80');
      rig.onRun = () => 0;
      await rig.advance(1000);
      expect(files(rig)).toEqual([]);
    }
  });

  it('removes nothing below min_entries items, with prune = false, or of a source that is behind', async () => {
    const keys = { '/sites/a': '1', '/sites/b': '1', '/port': '80' };
    for (const declared of [sites({ minEntries: 2 }), sites({}, { prune: false })]) {
      const rig = await rigOf(keys, declared);
      await rig.put({ '/sites/b': null });
      expect(files(rig)).toEqual(['a.conf', 'b.conf']);
    }
    const guarded = await rigOf(keys, sites({ minEntries: 2 }));
    await guarded.put({ '/sites/b': null });
    expect(guarded.renderer.status().configErrors).toEqual([
      '/c/conf.d/web.toml:1: 1 of at least 2 items (min_entries): 1 files that no item is left for stay (min_entries = 0 removes the last one too)',
    ]);
    await guarded.put({ '/sites/c': '1' });
    expect(files(guarded)).toEqual(['a.conf', 'c.conf']);

    const rig = new Rig({ source: sourceOf(keys, 20) }).template('web', '#ITEM $/port');
    await rig.start(sites());
    const behind = new Rig({ source: sourceOf({ '/port': '80' }, 5), files: rig.files.reboot('all') });
    await behind.start(sites());
    expect(files(behind)).toEqual(['a.conf', 'b.conf']);
    expect(behind.renderer.status().resources).toMatchObject([{ state: 'held' }, { state: 'held' }]);
  });

  it('leaves the files of a resource that is no longer declared', async () => {
    const rig = await rigOf({ '/sites/a': '1', '/port': '80' });
    await rig.adopt();
    await rig.renderer.idle();
    expect(files(rig)).toEqual(['a.conf']);
  });

  it('leaves a file that a resource of its own has taken over, also when that goes', async () => {
    const rig = await rigOf({ '/sites/a': '1', '/sites/b': '1', '/port': '80' });
    await rig.put({ '/sites/a': null });
    rig.template('plain', 'plain');
    const plain = resource('plain', { dest: '/out/b.conf' });
    rig.source.put({ '/sites/b': null });
    await rig.adopt(sites(), plain);
    await rig.renderer.idle();
    expect(rig.out('b.conf')).toBe('plain');
    await rig.adopt(sites());
    await rig.renderer.idle();
    await rig.put({ '/sites/c': '1' });
    expect(files(rig)).toEqual(['b.conf', 'c.conf']);
  });

  it('gives no file to two items, and none in a folder that is not for them; the others go on', async () => {
    const rig = new Rig({
      source: sourceOf({
        '/apps/x/sites/a': '1',
        '/apps/y/sites/a': '1',
        '/apps/y/sites/b': '1',
        '/port': '80',
      }),
      reserved: [{ folder: '/conf', name: 'the conf.d folder' }],
    }).template('web', '#ITEM');
    rig.files.makeFolderNow('/conf');
    rig.files.links.set('/out/b.conf', '/conf/b.toml');
    const forEach = { glob: '/apps/*/sites/*', root: '/apps', subtrees: [''], prune: true };
    await rig.start(sites({ forEach }), resource('plain', { srcPath: '/c/templates/web.hbs' }));
    expect(rig.renderer.status().configErrors).toEqual([
      '/c/conf.d/web.toml:1: dest /out/a.conf is claimed by web[/apps/y/sites/a] too: it is left out',
      '/c/conf.d/web.toml:1: dest /out/a.conf is claimed by web[/apps/x/sites/a] too: it is left out',
      '/c/conf.d/web.toml:1: dest /out/b.conf lies inside the conf.d folder /conf: it is left out',
    ]);
    expect(files(rig)).toEqual(['plain']);
  });

  it('leaves out items whose key makes no file name, and names them', async () => {
    const rig = await rigOf({ '/sites/a\nb': '1', '/sites/ok': '1', '/port': '80' });
    expect(files(rig)).toEqual(['ok.conf']);
    expect(rig.renderer.status().configErrors).toEqual([
      expect.stringMatching(
        /^\/c\/conf.d\/web.toml:1: for_each of web: the item "\/sites\/a\\nb" makes no file name/,
      ),
    ]);
  });

  it('says what is wrong with its glob, and leaves its files', async () => {
    const rig = await rigOf({ '/sites/a': '1', '/port': '80' });
    await rig.adopt(sites({}, { glob: '/sites/[' }));
    await rig.renderer.idle();
    expect(rig.renderer.status().configErrors[0]).toContain('for_each = "/sites/["');
    expect(files(rig)).toEqual(['a.conf']);
  });
});
