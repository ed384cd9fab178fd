import { describe, expect, it } from 'vitest';
import type { Resource } from '../../../src/confdir/types.js';
import { MemoryFiles, type Survivors, systemError } from './memory-files.js';
import { type ManualSource, Rig, resource, sourceOf } from './rig.js';

const GROUP = { lane: 'lb/edge', verifyCmd: 'verify', reloadCmd: 'reload' };

function pair(more: Partial<Resource> = {}, own: Partial<Resource> = {}): [Resource, Resource] {
  return [resource('x', { ...GROUP, ...more, ...own }), resource('y', { ...GROUP, ...more })];
}

function rigOf(keys: Readonly<Record<string, string>> = { '/a': '1', '/b': '1' }): Rig {
  return new Rig({ source: sourceOf(keys) }).template('x', '$/a').template('y', '$/b');
}

const both = (rig: Rig): (string | undefined)[] => [rig.out('x'), rig.out('y')];

describe('a group', () => {
  it('swaps all, verifies once, reloads once', async () => {
    const rig = await rigOf().start(...pair());
    expect(both(rig)).toEqual(['1', '1']);
    expect(rig.commands).toEqual(['verify', 'reload']);
    const [verify, reload] = rig.ran;
    for (const { options } of [verify, reload].filter((one) => one !== undefined))
      expect(options.env).toMatchObject({ CONFETD_DEST: '/out/x\n/out/y' });
  });

  it('swaps none where one member can’t be rendered, and all once it can', async () => {
    const rig = await rigOf().start(...pair());
    await rig.put({ '/a': null, '/b': '2' });
    expect(both(rig)).toEqual(['1', '1']);
    expect(rig.status('x').lastError).toContain('key does not exist: /a');
    expect(rig.status('y')).toMatchObject({ state: 'held' });
    expect(rig.status('y').lastError).toMatch(/^its group waits for \/out\/x: .*key does not exist/);
    expect(rig.files.paths('/out')).toEqual(['/out/x', '/out/y']);
    await rig.put({ '/b': '3' });
    expect(both(rig)).toEqual(['1', '1']);
    // Only the obstacle changes: the other member goes with it all the same.
    await rig.put({ '/a': '2' });
    expect(both(rig)).toEqual(['2', '3']);
    expect(rig.commands).toEqual(['verify', 'reload', 'verify', 'reload']);
    expect(rig.status('y')).toMatchObject({ state: 'in_sync', lastError: '' });
  });

  it('swaps none where one member’s check fails', async () => {
    const rig = rigOf();
    rig.onRun = (command) => (command === 'check' ? 1 : 0);
    await rig.start(...pair({}, { checkCmd: 'check' }));
    expect(both(rig)).toEqual([undefined, undefined]);
    expect(rig.files.paths('/out')).toEqual([]);
    expect(rig.commands).toEqual(['check']);
  });

  it('puts the first file back where the second can’t be swapped', async () => {
    const rig = await rigOf().start(...pair());
    let broken = true;
    rig.files.fail = (step, path) =>
      broken && step === 'rename' && path === '/out/y' ? systemError('EIO', path) : undefined;
    await rig.put({ '/a': '2', '/b': '2' });
    expect(both(rig)).toEqual(['1', '1']);
    expect(rig.status('x').lastError).toMatch(/^its group is back as it was: \/out\/y: EIO/);
    expect(rig.commands).toEqual(['verify', 'reload']);
    broken = false;
    await rig.advance(1000);
    expect(both(rig)).toEqual(['2', '2']);
    expect(rig.commands).toEqual(['verify', 'reload', 'verify', 'reload']);
  });

  it('puts all back where verify fails, also those whose retry comes later', async () => {
    const rig = await rigOf().start(...pair());
    rig.onRun = (command) => (command === 'verify' && rig.out('x') === '2' ? 1 : 0);
    await rig.put({ '/a': '2', '/b': '2' });
    expect(both(rig)).toEqual(['1', '1']);
    expect(rig.commands.slice(2)).toEqual(['verify']);
    const seen: unknown[] = [];
    rig.onRun = () => {
      seen.push(both(rig));
      return 0;
    };
    await rig.advance(60_000);
    expect(seen.slice(0, 2)).toEqual([
      ['2', '2'],
      ['2', '2'],
    ]);
  });

  it('waits as one', async () => {
    const rig = await rigOf().start(...pair({ wait: { minMs: 100, maxMs: 1000 } }));
    const before = rig.commands.length;
    rig.source.put({ '/a': '2' });
    await rig.advance(50);
    rig.source.put({ '/b': '2' });
    await rig.advance(60);
    expect(both(rig)).toEqual(['1', '1']);
    await rig.advance(40);
    expect(both(rig)).toEqual(['2', '2']);
    expect(rig.commands.slice(before)).toEqual(['verify', 'reload']);
  });
});

describe('a group that waits', () => {
  it('drops no change that comes while its reload runs', async () => {
    const rig = await rigOf().start(...pair({ wait: { minMs: 100, maxMs: 1000 } }));
    let finish = (): void => {};
    rig.onRun = (command) =>
      command === 'reload'
        ? new Promise((resolve) => {
            finish = () => resolve(0);
          })
        : 0;
    const before = rig.commands.length;
    rig.source.put({ '/a': '2' });
    rig.clock.advance(100);
    while (rig.commands.length < before + 2) await rig.clock.yield();
    rig.source.put({ '/b': '2' });
    rig.onRun = () => 0;
    finish();
    await rig.renderer.idle();
    expect(both(rig)).toEqual(['2', '1']);
    await rig.advance(100);
    expect(both(rig)).toEqual(['2', '2']);
  });
});

const SURVIVORS: readonly [string, Survivors][] = [
  ['the process is killed', 'all'],
  ['the power fails', () => false],
  ['the power fails, the state had reached the disk', (folder) => folder === '/state'],
];

describe.each(SURVIVORS)('a group when %s', (_name, survivors) => {
  it.each([
    ['is good', 'new'],
    ['is refused by verify', 'bad'],
  ])(
    'at any step of a change that %s: never a half after the next start, even without its source',
    async (_what, value) => {
      const wanted = value === 'bad' ? 'old' : value;
      for (let step = 0; ; step++) {
        const files = new MemoryFiles(['/c/templates', '/out', '/state']);
        const source = sourceOf({ '/a': 'old' });
        files.put('/c/templates/x.hbs', '$/a');
        files.put('/c/templates/y.hbs', '$/a');
        const reloads: string[] = [];
        const start = (at: MemoryFiles, from: ManualSource): Rig => {
          const rig = new Rig({ files: at, source: from });
          rig.onRun = (command) => {
            const now = `${rig.out('x')} ${rig.out('y')}`;
            if (command === 'reload') reloads.push(now);
            return command === 'verify' && now.includes('bad') ? 1 : 0;
          };
          return rig;
        };
        await (await start(files, source).start(...pair())).renderer.shutdown();
        source.put({ '/a': value });
        files.crashAt = files.steps + step;
        const finished = await Promise.race([
          files.crashed.then(() => false),
          start(files, source)
            .start(...pair())
            .then(() => true),
        ]);
        const survived = files.reboot(survivors);
        // The source is away: what the service would start with is one of the two states.
        const lonely = start(survived, source);
        await lonely.renderer.start();
        await lonely.adopt(...pair());
        await lonely.renderer.idle();
        expect(['old old', `${value} ${value}`], `after step ${step}`).toContain(both(lonely).join(' '));
        await lonely.renderer.shutdown();
        const rig = await start(survived, source).start(...pair());
        expect(both(rig), `after step ${step}`).toEqual([wanted, wanted]);
        expect(reloads.at(-1), `after step ${step}`).toBe(`${wanted} ${wanted}`);
        expect(
          reloads.filter((seen) => !/^(\w+) \1$/.test(seen)),
          `after step ${step}`,
        ).toEqual([]);
        expect(reloads).not.toContain('bad bad');
        expect(survived.paths('/out')).toEqual(['/out/x', '/out/y']);
        if (finished) break;
      }
    },
  );
});
