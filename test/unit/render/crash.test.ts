import { describe, expect, it } from 'vitest';
import type { Resource } from '../../../src/confdir/types.js';
import { MemoryFiles, type Survivors } from './memory-files.js';
import { ManualSource, Rig, resource } from './rig.js';

/** What others have seen: every content of the destination at a reload, across all processes. */
type Reloads = string[];

const SURVIVORS: readonly [string, Survivors][] = [
  ['the process is killed', 'all'],
  ['the power fails', () => false],
  ['the power fails, the destination had reached the disk', (folder) => folder === '/out'],
  ['the power fails, the state had reached the disk', (folder) => folder === '/state'],
];

const KINDS: readonly [string, Partial<Resource>, boolean][] = [
  ['reload', { reloadCmd: 'reload' }, true],
  ['check and reload', { checkCmd: 'check', reloadCmd: 'reload' }, true],
  ['verify and reload', { verifyCmd: 'verify', reloadCmd: 'reload' }, true],
  ['reload, hand-edits only reported', { reloadCmd: 'reload', onDrift: 'report' }, true],
  ['reload, first file', { reloadCmd: 'reload' }, false],
  ['verify and reload, first file', { verifyCmd: 'verify', reloadCmd: 'reload' }, false],
];

function rigOf(files: MemoryFiles, source: ManualSource, reloads: Reloads): Rig {
  const rig = new Rig({ files, source });
  rig.onRun = (command) => {
    if (command === 'reload') reloads.push(rig.out('x') ?? '(none)');
    return command === 'verify' && (rig.out('x') ?? '').includes('bad') ? 1 : 0;
  };
  return rig;
}

/** A host whose service runs on `old`, if there was a file before. */
async function prepared(more: Partial<Resource>, before: boolean) {
  const files = new MemoryFiles(['/c/templates', '/out', '/state']);
  const source = new ManualSource();
  source.revision = 1;
  source.keys.set('/a', 'old');
  files.put('/c/templates/x.hbs', '$/a');
  const reloads: Reloads = [];
  if (!before) return { files, source, reloads };
  const rig = await rigOf(files, source, reloads).start(resource('x', more));
  await rig.renderer.shutdown();
  return { files: files.reboot('all'), source, reloads };
}

describe.each(SURVIVORS)('when %s', (_name, survivors) => {
  describe.each(KINDS)('%s', (_kind, more, before) => {
    it('at any step: the file is whole, and the reload comes once too often at most', async () => {
      let last = 0;
      for (let step = 0; ; step++) {
        const { files, source, reloads } = await prepared(more, before);
        source.put({ '/a': 'new' });
        const earlier = reloads.length;
        files.crashAt = step;
        const crashing = rigOf(files, source, reloads);
        const finished = await Promise.race([
          files.crashed.then(() => false),
          crashing.start(resource('x', more)).then(() => true),
        ]);
        const survived = files.reboot(survivors);
        const found = survived.text('/out/x');
        expect(before ? ['old', 'new'] : [undefined, 'new'], `after step ${step}`).toContain(found);

        const rig = await rigOf(survived, source, reloads).start(resource('x', more));
        expect(rig.out('x'), `after step ${step}`).toBe('new');
        expect(rig.status('x').pending, `after step ${step}`).toBe('');
        expect(survived.paths('/out'), `after step ${step}`).toEqual(['/out/x']);
        expect(survived.paths('/state').length, `after step ${step}`).toBe(1);
        // Not too few: the service has seen what is there now.
        expect(reloads.at(-1), `after step ${step}`).toBe('new');
        expect(reloads.length - earlier, `after step ${step}`).toBeLessThanOrEqual(2);

        // Everything is settled: another start does nothing.
        const settled = reloads.length;
        const third = await rigOf(survived.reboot('all'), source, reloads).start(resource('x', more));
        expect([reloads.length, third.status('x').swaps]).toEqual([settled, 0]);
        last = step;
        if (finished) break;
      }
      // Record, stage, swap, sync, reload, clear: the test has gone through them all.
      expect(last).toBeGreaterThan(15);
    });
  });

  it('at any step of a swap that verify refuses: the former file is back in the end, and was never reloaded away', async () => {
    const more = { verifyCmd: 'verify', reloadCmd: 'reload' };
    for (let step = 0; ; step++) {
      const { files, source, reloads } = await prepared(more, true);
      source.put({ '/a': 'bad' });
      files.crashAt = step;
      const finished = await Promise.race([
        files.crashed.then(() => false),
        rigOf(files, source, reloads)
          .start(resource('x', more))
          .then(() => true),
      ]);
      const survived = files.reboot(survivors);
      expect(['old', 'bad'], `after step ${step}`).toContain(survived.text('/out/x'));
      const rig = await rigOf(survived, source, reloads).start(resource('x', more));
      expect(rig.out('x'), `after step ${step}`).toBe('old');
      expect(rig.status('x').lastError, `after step ${step}`).toContain('verify failed');
      expect(reloads, `after step ${step}`).not.toContain('bad');
      if (finished) break;
    }
  });
});
