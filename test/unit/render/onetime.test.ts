import { describe, expect, it } from 'vitest';
import { renderOnce } from '../../../src/render/onetime.js';
import type { PassOptions } from '../../../src/render/world.js';
import { Rig, resource } from './rig.js';

function once(rig: Rig, resources: Parameters<typeof renderOnce>[0], pass: Partial<PassOptions> = {}) {
  return renderOnce(resources, rig.source, rig.ports, {
    templates: '/c/templates',
    stateFolder: undefined,
    pass,
    signal: new AbortController().signal,
  });
}

describe('one pass', () => {
  it('goes on after errors, and says what failed', async () => {
    const rig = new Rig().template('x', '$/a').template('y', '$/gone').template('z', 'BROKEN');
    rig.source.keys.set('/a', '1');
    rig.source.revision = 4;
    rig.onRun = (command) => (command === 'bad reload' ? 2 : 0);
    rig.template('w', '$/a');
    const result = await once(rig, [
      resource('y'),
      resource('z'),
      resource('w', { reloadCmd: 'bad reload' }),
      resource('x', { reloadCmd: 'reload' }),
    ]);
    expect(result).toMatchObject({ ok: false, revision: 4 });
    expect(result.files.map(({ dest, status, error }) => [dest, status, error])).toEqual([
      ['/out/y', 'failed', '/c/templates/y.hbs:1:1: key does not exist: /gone'],
      ['/out/z', 'failed', '/c/templates/z.hbs:1:1: broken'],
      ['/out/w', 'failed', 'reload failed: exit 2'],
      ['/out/x', 'written', ''],
    ]);
    expect(rig.out('x')).toBe('1');
  });

  it('does nothing the second time', async () => {
    const rig = new Rig().template('x', '$/a');
    rig.source.keys.set('/a', '1');
    const resources = [resource('x', { checkCmd: 'check', reloadCmd: 'reload' })];
    expect(await once(rig, resources)).toMatchObject({ ok: true, files: [{ status: 'written' }] });
    expect(await once(rig, resources)).toMatchObject({ ok: true, files: [{ status: 'in sync' }] });
    expect(rig.commands).toHaveLength(2);
  });

  it('writes nothing with noop, runs nothing, and shows what would change', async () => {
    const rig = new Rig().template('x', '$/a').template('y', '$/a');
    rig.source.keys.set('/a', '1');
    rig.files.put('/out/x', 'old\n');
    const steps: string[] = [];
    rig.files.fail = (step, path) => {
      if (step !== 'read') steps.push(`${step} ${path}`);
      return undefined;
    };
    const resources = [
      resource('x', { checkCmd: 'check', reloadCmd: 'reload' }),
      resource('y', { dest: '/made/y', createDestDirs: true }),
    ];
    const result = await once(rig, resources, { noop: true });
    expect(result.ok).toBe(true);
    expect(result.files.map(({ status }) => status)).toEqual(['would change', 'would change']);
    expect(result.files[0]?.diff).toMatch(/^--- a\/out\/x\n\+\+\+ b\/out\/x\n@@ .* @@\n-old\n\+1\n/);
    expect(result.files[1]?.diff).toMatch(/^--- \/dev\/null\n\+\+\+ b\/made\/y\n/);
    expect(steps).toEqual([]);
    expect(rig.commands).toEqual([]);
    expect(rig.log).toContain('Noop mode enabled. /out/x will not be modified');
  });

  it('runs no command with sync-only, and keeps a refused stage where asked to', async () => {
    const rig = new Rig().template('x', '$/a');
    rig.source.keys.set('/a', '1');
    rig.onRun = () => 1;
    const resources = [resource('x', { checkCmd: 'check', verifyCmd: 'verify', reloadCmd: 'reload' })];
    await once(rig, resources, { keepStage: true });
    expect(rig.commands).toEqual(['check']);
    const [stage, ...others] = rig.files.paths('/out');
    expect([rig.files.text(stage ?? ''), others]).toEqual(['1', []]);
    expect(rig.log).toContain(`Keeping staged file: ${stage}`);
    await once(rig, resources, { syncOnly: true });
    expect(rig.commands).toEqual(['check']);
    expect(rig.files.paths('/out')).toEqual(['/out/x']);
  });
});
