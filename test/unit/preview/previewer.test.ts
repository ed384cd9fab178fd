import { describe, expect, it } from 'vitest';
import type { Resource } from '../../../src/confdir/types.js';
import { againstDisk, between } from '../../../src/preview/compare.js';
import { Previewer, type PreviewFile } from '../../../src/preview/previewer.js';
import { readOnly } from '../../../src/preview/read-only-files.js';
import type { Activity } from '../../../src/render/activity.js';
import { MemoryFiles } from '../render/memory-files.js';
import { Rig, resource, sourceOf } from '../render/rig.js';

interface Setup {
  readonly stateFolder?: string;
  readonly disk?: boolean;
  readonly alone?: boolean;
  readonly only?: string;
}

async function preview(
  rig: Rig,
  resources: readonly Resource[],
  { stateFolder, disk = true, alone = false, only }: Setup = {},
): Promise<{ readonly files: readonly PreviewFile[]; readonly errors: readonly string[] }> {
  const { signal } = new AbortController();
  const previewer = new Previewer({ ports: rig.ports, confdir: '/c', stateFolder, strict: false, signal });
  const moment = await previewer.at(await rig.source.load(), resources);
  const files = await moment.render(({ dest }) => only === undefined || dest === only, { disk, alone });
  return { files, errors: moment.errors };
}

const texts = (files: readonly PreviewFile[]): unknown[] =>
  files.map(({ resource: { dest }, content, held, error }) => [dest, content?.toString(), held, error]);

const EACH = {
  for_each: { glob: '/sites/*', root: '/sites', subtrees: ['/sites'], prune: true },
} as const;

describe('a preview', () => {
  it('renders as a pass does, takes no step that writes and runs no command', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1', '/sites/x': 'X', '/sites/y': 'Y' }, 5) })
      .template('app', '$/a @rev')
      .template('site', '#NAME');
    rig.files.put('/out/app', 'old');
    const steps: string[] = [];
    rig.files.fail = (step, path) => {
      if (!['read', 'resolve', 'list', 'version'].includes(step)) steps.push(`${step} ${path}`);
      return undefined;
    };
    const { files, errors } = await preview(rig, [
      resource('app', { checkCmd: 'check', verifyCmd: 'verify', reloadCmd: 'reload', backup: 3 }),
      resource('site', { dest: '/made/{{name}}', createDestDirs: true, forEach: EACH.for_each }),
    ]);
    expect(texts(files)).toEqual([
      ['/out/app', '1 5', '', ''],
      ['/made/x', 'x', '', ''],
      ['/made/y', 'y', '', ''],
    ]);
    expect([errors, steps, rig.commands]).toEqual([[], [], []]);
    expect(rig.out('app')).toBe('old');
  });

  it('tells how many files it renders, and which at the moment', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }, 5) })
      .template('app', '$/a')
      .template('web', '#WEB');
    const activities: Activity[] = [];
    const { signal } = new AbortController();
    const onActivity = (activity: Activity): void => void activities.push(activity);
    const previewer = new Previewer({ ports: rig.ports, confdir: '/c', strict: false, signal, onActivity });
    const moment = await previewer.at(await rig.source.load(), [resource('app'), resource('web')]);
    await moment.render(() => true, { disk: true });
    expect(activities).toEqual([
      { type: 'files', count: 2 },
      { type: 'rendering', dest: '/out/app', revision: 5 },
      { type: 'rendering', dest: '/out/web', revision: 5 },
    ]);
  });

  it('tells what a guard holds back, with the text', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1', '/empty': ' ' }) })
      .template('few', '$/a')
      .template('empty', '$/empty')
      .template('form', '$/a }')
      .template('missing', '$/none');
    const { files } = await preview(rig, [
      resource('few', { minEntries: 3 }),
      resource('empty', { refuseEmpty: true }),
      resource('form', { outputFormat: 'json' }),
      resource('missing'),
    ]);
    expect(texts(files)).toEqual([
      ['/out/few', '1', expect.stringMatching(/^2 of at least 3 entries \(min_entries\)/), ''],
      ['/out/empty', ' ', expect.stringMatching(/^the text is empty \(refuse_empty\)/), ''],
      ['/out/form', '1 }', '', expect.stringMatching(/is not json \(output_format\)/)],
      ['/out/missing', undefined, '', '/c/templates/missing.hbs:1:1: key does not exist: /none'],
    ]);
  });

  it('holds a group’s files where another one fails, also one that nobody asked about', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').template('y', '$/none');
    const group = [resource('x', { lane: 'g/1' }), resource('y', { lane: 'g/1' })];
    const { files } = await preview(rig, group, { only: '/out/x' });
    expect(texts(files)).toEqual([
      ['/out/x', '1', 'its group waits for /out/y: /c/templates/y.hbs:1:1: key does not exist: /none', ''],
    ]);
    const { files: alone } = await preview(rig, group, { only: '/out/x', alone: true });
    expect(texts(alone)).toEqual([['/out/x', '1', '', '']]);
  });

  it('refuses two items that claim one file, as a pass does', async () => {
    const rig = new Rig({ source: sourceOf({ '/sites/app': 'X' }) })
      .template('s', '#NAME')
      .template('t', 'text');
    const { files, errors } = await preview(rig, [
      resource('t', { dest: '/out/app' }),
      resource('s', { dest: '/out/{{name}}', forEach: EACH.for_each }),
    ]);
    expect(files.map(({ resource: { name } }) => name)).toEqual(['t']);
    expect(errors).toEqual([expect.stringContaining('dest /out/app is claimed by t too: it is left out')]);
  });

  it('knows from earlier passes which items’ files would go, and what is paused', async () => {
    const rig = new Rig({ source: sourceOf({ '/sites/x': 'X', '/sites/y': 'Y' }, 5) }).template('s', '#NAME');
    const declared = resource('s', { dest: '/out/{{name}}', forEach: EACH.for_each, minEntries: 1 });
    await rig.start(declared);
    expect([rig.out('x'), rig.out('y')]).toEqual(['x', 'y']);
    await rig.renderer.pause('/out/x', 60_000);
    rig.source.keys.delete('/sites/y');
    rig.source.revision = 6;
    const { files } = await preview(rig, [declared], { stateFolder: '/state' });
    const told = await Promise.all(files.map((file) => againstDisk(file, { context: 3 })));
    expect(told).toMatchObject([
      { dest: '/out/x', status: 'held', reason: expect.stringMatching(/^paused until/) },
      {
        dest: '/out/y',
        status: 'would be removed',
        diff: '--- a/out/y\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-y\n\\ No newline at end of file\n',
      },
    ]);
    expect(rig.out('y')).toBe('y');
  });

  it('looks names up, as a pass does', async () => {
    const rig = new Rig({ source: sourceOf({}) }).template('x', '!db');
    rig.resolve = () => Promise.resolve(['10.0.0.1']);
    const { files } = await preview(rig, [resource('x')]);
    expect(texts(files)).toEqual([['/out/x', '["10.0.0.1"]', '', '']]);
  });
});

describe('a file against the disk', () => {
  const differenceOf = async (rig: Rig, more: Partial<Resource> = {}) => {
    const { files } = await preview(rig, [resource('x', more)]);
    const [file] = files;
    if (file === undefined) throw new Error('no file');
    return againstDisk(file, { context: 3 });
  };
  const rigOf = (): Rig => new Rig({ source: sourceOf({ '/a': '1\n' }) }).template('x', '$/a');

  it('a new one, with its mode', async () => {
    expect(await differenceOf(rigOf())).toMatchObject({
      status: 'would change',
      attributes: ['is new, mode 0644'],
      diff: '--- /dev/null\n+++ b/out/x\n@@ -0,0 +1,1 @@\n+1\n',
    });
  });

  it('one that is the same but for mode, owner and group', async () => {
    const rig = rigOf();
    rig.files.put('/out/x', '1\n', 0o640);
    expect(await differenceOf(rig)).toMatchObject({ status: 'in sync', attributes: [], diff: '' });
    expect(await differenceOf(rig, { mode: 0o600, owner: 'www', gid: 7 })).toMatchObject({
      status: 'would change',
      attributes: ['mode 0640 becomes 0600', 'owner 0 becomes 33', 'group 0 becomes 7'],
      diff: '',
    });
  });

  it('one whose folder is missing fails, as its pass would', async () => {
    expect(await differenceOf(rigOf(), { dest: '/none/x' })).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('the folder /none of dest /none/x doesn'),
    });
  });
});

describe('a file between two revisions', () => {
  it('is told with the keys that it depends on, and no others', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1', '/b': '1' }, 4) }).template('x', '$/a');
    const [before] = (await preview(rig, [resource('x')], { disk: false })).files;
    rig.source.put({ '/a': '2', '/b': '2' });
    const [after] = (await preview(rig, [resource('x')], { disk: false })).files;
    const put = (key: string) => ({ key, type: 'put', revision: 5 }) as const;
    const options = { context: 3, from: 4, to: 5 };
    const difference = await between(before, after, [put('/a'), put('/b')], options);
    expect(difference).toMatchObject({ status: 'would change', keys: [put('/a')], moreKeys: 0 });
    const same = await between(before, before, [put('/b')], options);
    expect(same).toMatchObject({ status: 'in sync', keys: [] });
    expect(await between(undefined, undefined, [], options)).toBeUndefined();
  });

  it('names ten keys at most', async () => {
    const rig = new Rig({ source: sourceOf({}) }).template('x', '*/k/*');
    const [file] = (await preview(rig, [resource('x')], { disk: false })).files;
    const changes = Array.from(
      { length: 12 },
      (_, n) => ({ key: `/k/${n}`, type: 'put', revision: 2 }) as const,
    );
    const difference = await between(file, file, changes, { context: 3, from: 1, to: 2 });
    expect([difference?.keys.length, difference?.moreKeys]).toEqual([10, 2]);
  });

  it('is new, gone, or failed at one of them', async () => {
    const rig = new Rig({ source: sourceOf({}) }).template('x', '$/a');
    const [failed] = (await preview(rig, [resource('x')], { disk: false })).files;
    rig.source.put({ '/a': '' });
    const [empty] = (await preview(rig, [resource('x')], { disk: false })).files;
    const options = { context: 3, from: 1, to: 2 };
    // Empty, yet a file.
    expect(await between(undefined, empty, [], options)).toMatchObject({ status: 'would change', diff: '' });
    expect(await between(empty, undefined, [], options)).toMatchObject({ status: 'would be removed' });
    expect(await between(failed, empty, [], options)).toMatchObject({
      status: 'failed',
      reason: expect.stringMatching(/^at revision 1: .*key does not exist: \/a$/),
    });
  });
});

describe('a read-only file system', () => {
  it('answers what is there, and refuses every step that writes', async () => {
    const memory = new MemoryFiles(['/d']);
    memory.put('/d/x', 'text');
    const files = readOnly(memory);
    expect((await files.read('/d/x'))?.content.toString()).toBe('text');
    expect(await files.list('/d')).toEqual(['x']);
    expect(files.process).toBe(memory.process);
    const attributes = { mode: 0o644, uid: undefined, gid: undefined };
    for (const write of [
      files.create('/d/y', attributes, Buffer.from('y')),
      files.overwrite('/d/x', attributes, Buffer.from('y')),
      files.rename('/d/x', '/d/y'),
      files.remove('/d/x'),
      files.makeFolder('/e', 0o755),
      files.syncFolder('/d'),
    ])
      await expect(write).rejects.toMatchObject({ code: 'internal' });
    expect(memory.paths('/d')).toEqual(['/d/x']);
  });
});
