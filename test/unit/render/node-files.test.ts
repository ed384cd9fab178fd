import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NodeRenderFiles } from '../../../src/render/node-files.js';

const files = new NodeRenderFiles();
const nobody = { uid: undefined, gid: undefined };
let folder: string;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'confetd-render-')));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe('NodeRenderFiles', () => {
  it('makes a file with exactly the mode asked for, whatever the umask, and refuses a name that is taken', async () => {
    const path = join(folder, 'x');
    await files.create(path, { mode: 0o666, ...nobody }, Buffer.from('text'));
    expect((await stat(path)).mode & 0o7777).toBe(0o666);
    expect(await readFile(path, 'utf8')).toBe('text');
    await expect(files.create(path, { mode: 0o600, ...nobody }, Buffer.from(''))).rejects.toMatchObject({
      code: 'EEXIST',
    });
    expect(await readFile(path, 'utf8')).toBe('text');
  });

  it.skipIf(process.getuid?.() !== 0)('gives a file its owner', async () => {
    const path = join(folder, 'x');
    await files.create(path, { mode: 0o640, uid: 33, gid: 44 }, Buffer.from('text'));
    expect(await stat(path)).toMatchObject({ uid: 33, gid: 44 });
    expect(await files.read(path)).toMatchObject({ uid: 33, gid: 44, mode: 0o640 });
  });

  it('reads what is there, and nothing where there is nothing', async () => {
    const path = join(folder, 'x');
    expect(await files.read(path)).toBeUndefined();
    await writeFile(path, 'text');
    await chmod(path, 0o604);
    expect(await files.read(path)).toMatchObject({ content: Buffer.from('text'), mode: 0o604 });
  });

  it('refuses a folder and a pipe in place of a file, without waiting', async () => {
    await expect(files.read(folder)).rejects.toMatchObject({ code: 'EISDIR' });
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    await expect(files.read(join(folder, 'pipe'))).rejects.toMatchObject({ code: 'EISDIR' });
  });

  it('writes through without changing the inode, shorter texts too', async () => {
    const path = join(folder, 'x');
    await writeFile(path, 'a long text');
    const { ino } = await stat(path);
    await files.overwrite(path, { mode: 0o600, ...nobody }, Buffer.from('short'));
    expect(await readFile(path, 'utf8')).toBe('short');
    expect(await stat(path)).toMatchObject({ ino, mode: 0o100600 });
  });

  it('follows links: of folders, of the file itself, and to a file yet to be made', async () => {
    await mkdir(join(folder, 'real'));
    await symlink('real', join(folder, 'link'));
    expect(await files.resolve(join(folder, 'link/new'))).toBe(join(folder, 'real/new'));
    await symlink('../link/later', join(folder, 'real/dangling'));
    expect(await files.resolve(join(folder, 'real/dangling'))).toBe(join(folder, 'real/later'));
    expect((await lstat(join(folder, 'real/dangling'))).isSymbolicLink()).toBe(true);
  });

  it('says so where the folder is missing or links go round', async () => {
    await expect(files.resolve(join(folder, 'no/x'))).rejects.toMatchObject({ code: 'ENOENT' });
    await symlink('b', join(folder, 'a'));
    await symlink('a', join(folder, 'b'));
    await expect(files.resolve(join(folder, 'a'))).rejects.toMatchObject({ code: 'ELOOP' });
  });

  it('lists nothing and removes nothing where nothing is, and makes folders all the way', async () => {
    expect(await files.list(join(folder, 'a/b'))).toEqual([]);
    await files.remove(join(folder, 'a/b/c'));
    await files.makeFolder(join(folder, 'a/b'), 0o700);
    await files.makeFolder(join(folder, 'a/b'), 0o700);
    expect(await readdir(join(folder, 'a'))).toEqual(['b']);
  });

  it('tells which processes run, and takes no number for a group or for all of them', () => {
    expect(files.process).toBe(process.pid);
    expect([process.pid, process.ppid].map((pid) => files.isRunning(pid))).toEqual([true, true]);
    const { pid } = spawnSync('true');
    expect([pid, 0, -1, 2 ** 32 - 1].map((one) => files.isRunning(one))).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  it('tells another version after every change', async () => {
    const path = join(folder, 'x');
    const seen = new Set([await files.version(path)]);
    await writeFile(path, 'a');
    seen.add(await files.version(path));
    await writeFile(path, 'b');
    seen.add(await files.version(path));
    await chmod(path, 0o600);
    seen.add(await files.version(path));
    expect(seen.size).toBe(4);
  });
});
