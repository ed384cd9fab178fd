import { describe, expect, it } from 'vitest';
import { systemError } from './memory-files.js';
import { Rig, resource, sourceOf } from './rig.js';

describe('destinations', () => {
  it.each([
    ['ENOSPC', 'write'],
    ['EACCES', 'create'],
    ['EIO', 'sync'],
  ])('leaves the destination alone on %s, shows it, and tries again', async (code, step) => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    rig.files.put('/out/x', 'old');
    let broken = true;
    rig.files.fail = (at, path) =>
      broken && at === step && path.startsWith('/out') ? systemError(code, path) : undefined;
    await rig.start(resource('x', { reloadCmd: 'reload' }));
    expect(rig.out('x')).toBe('old');
    expect(rig.status('x').lastError).toContain(code);
    expect(rig.status('x').pending).toContain('retry in 1s');
    expect(rig.commands).toEqual([]);
    broken = false;
    await rig.advance(1000);
    expect(rig.out('x')).toBe('1');
    expect(rig.commands).toEqual(['reload']);
  });

  it('does not swap what it could not record', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    rig.files.put('/out/x', 'old');
    rig.files.fail = (_step, path) => (path.startsWith('/state') ? systemError('ENOSPC', path) : undefined);
    await rig.start(resource('x', { reloadCmd: 'reload' }));
    expect(rig.out('x')).toBe('old');
    expect(rig.commands).toEqual([]);
  });

  it('names a missing folder and what makes it, and takes it up when it is there', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').template('y', '$/a');
    await rig.start(
      resource('x', { dest: '/gone/x' }),
      resource('y', { dest: '/made/y', createDestDirs: true }),
    );
    expect(rig.files.text('/made/y')).toBe('1');
    expect(rig.status('x').lastError).toBe(
      "the folder /gone of dest /gone/x doesn't exist: make it, or write create_dest_dirs = true",
    );
    rig.files.makeFolderNow('/gone');
    await rig.advance(1000);
    expect(rig.files.text('/gone/x')).toBe('1');
  });

  it.each(['EBUSY', 'EXDEV'])('writes through a bind mount (%s)', async (code) => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    rig.files.put('/out/x', 'old', 0o600);
    rig.files.fail = (step, path) =>
      step === 'rename' && path === '/out/x' ? systemError(code, path) : undefined;
    await rig.start(resource('x'));
    expect(rig.out('x')).toBe('1');
    expect(rig.files.mode('/out/x')).toBe(0o600);
    expect(rig.files.paths('/out')).toEqual(['/out/x']);
  });

  it('stages beside the file that a link leads to, and leaves the link', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    rig.files.makeFolderNow('/real');
    rig.files.links.set('/out/x', '/real/x');
    await rig.start(resource('x'));
    expect(rig.files.text('/real/x')).toBe('1');
    expect(rig.files.paths('/out')).toEqual([]);
  });

  it('keeps the mode of a file unless told another one, and takes a new mode for a change', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    rig.files.put('/out/x', 'old', 0o640);
    await rig.start(resource('x', { onDrift: 'report' }));
    expect(rig.files.mode('/out/x')).toBe(0o640);
    await rig.adopt(resource('x', { onDrift: 'report', mode: 0o600 }));
    await rig.renderer.idle();
    expect(rig.files.mode('/out/x')).toBe(0o600);
    expect(rig.log).toContain('/out/x has mode 0640 should be 0600');
  });

  it('leaves what another running process has staged: a one-shot beside a daemon is to get its file in place', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    rig.files.running.add(0x2a).add(rig.files.process);
    rig.files.put('/out/.x.0000002a89abcdef', 'half');
    rig.files.put('/out/.x.0000002b89abcdef', 'of a process that is gone');
    rig.files.put('/out/.x.0000000189abcdef', 'of a former process with our number');
    await rig.start(resource('x'));
    expect(rig.files.paths('/out')).toEqual(['/out/.x.0000002a89abcdef', '/out/x']);
  });

  it('removes stale stages at start, and nothing that looks only alike', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    rig.files.put('/out/.x.0123456789abcdef', 'half');
    rig.files.put('/out/.x.bak', 'mine');
    rig.files.put('/out/.xy.0123456789abcdef', 'mine');
    await rig.start(resource('x'));
    expect(rig.files.paths('/out')).toEqual(['/out/.x.bak', '/out/.xy.0123456789abcdef', '/out/x']);
  });
});
