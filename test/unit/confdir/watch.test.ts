import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Watching, watchConfdir } from '../../../src/confdir/watch.js';
import { NodeClock } from '../../../src/io/node/clock.js';

let root: string;
let watching: Watching | undefined;
let calls: number;
let wake: () => void;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'watch-'));
  await mkdir(join(root, 'conf.d/deep'), { recursive: true });
  await mkdir(join(root, 'templates'));
  await writeFile(join(root, 'conf.d/a.toml'), '1');
  calls = 0;
  wake = () => {};
});
afterEach(async () => {
  await watching?.close();
  await rm(root, { recursive: true });
});

/** Looks and rests five times as often. */
class QuickClock extends NodeClock {
  override schedule(delayMs: number, task: () => void) {
    return super.schedule(delayMs / 5, task);
  }
}

async function start(clock: NodeClock = new NodeClock()): Promise<void> {
  const errors: string[] = [];
  watching = await watchConfdir(root, {
    clock,
    onChange: () => {
      calls++;
      wake();
    },
    onError: (message) => errors.push(message),
  });
  expect(errors).toEqual([]);
}

/** Resolves when the callback has been called after `change`. */
async function told(change: () => Promise<unknown>): Promise<void> {
  const before = calls;
  await change();
  while (calls === before) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}

const at = (path: string) => join(root, path);

describe('watching conf.d and templates', () => {
  it('tells changed, new and removed files, at any depth, once a spell', async () => {
    await start();
    await told(() => writeFile(at('conf.d/a.toml'), '2'));
    expect(calls).toBe(1);
    await told(() => writeFile(at('conf.d/deep/b.toml'), '1'));
    await told(() => rm(at('conf.d/a.toml')));
    await told(() => writeFile(at('templates/t.hbs'), '1'));
    const before = calls;
    await told(async () => {
      for (let write = 0; write < 20; write++) await writeFile(at('templates/t.hbs'), `${write}`);
      for (let write = 0; write < 20; write++) await writeFile(at(`conf.d/n${write}.toml`), 'x');
    });
    expect(calls).toBe(before + 1);
  });

  it('tells an editor’s save: a new file renamed over the old one', async () => {
    await start();
    for (let save = 0; save < 3; save++) {
      await told(async () => {
        await writeFile(at('conf.d/.a.toml.swp'), `${save}`);
        await rename(at('conf.d/.a.toml.swp'), at('conf.d/a.toml'));
      });
    }
  });

  it('goes on after a folder is removed and made again', async () => {
    await start(new QuickClock());
    await told(() => rm(at('conf.d'), { recursive: true }));
    await told(async () => {
      await mkdir(at('conf.d'));
      await writeFile(at('conf.d/a.toml'), '3');
    });
    await told(() => writeFile(at('conf.d/a.toml'), '4'));
  });

  it('waits for a folder that is not there yet', async () => {
    await rm(at('templates'), { recursive: true });
    await rm(at('conf.d'), { recursive: true });
    await start(new QuickClock());
    await told(() => mkdir(at('templates')));
    await told(() => writeFile(at('templates/t.hbs'), '1'));
  });

  it('sees a folder swapped for another one', async () => {
    await start(new QuickClock());
    await mkdir(at('next'));
    await writeFile(at('next/a.toml'), 'next');
    await told(async () => {
      await rename(at('conf.d'), at('old'));
      await rename(at('next'), at('conf.d'));
    });
    // The watch must be on the new folder now; a late event of the swap may still be told first.
    await told(() => writeFile(at('conf.d/a.toml'), 'again'));
  });

  it('follows links: to a file, and through a folder that is switched over, as Kubernetes does', async () => {
    await mkdir(at('elsewhere'));
    await writeFile(at('elsewhere/x.toml'), '1');
    await symlink(at('elsewhere/x.toml'), at('conf.d/x.toml'));
    await mkdir(at('conf.d/..1'));
    await writeFile(at('conf.d/..1/y.toml'), '1');
    await symlink('..1', at('conf.d/..data'));
    await symlink('..data/y.toml', at('conf.d/y.toml'));
    await start();
    await told(() => writeFile(at('elsewhere/x.toml'), '2'));
    await told(async () => {
      await mkdir(at('conf.d/..2'));
      await writeFile(at('conf.d/..2/y.toml'), '2');
      await symlink('..2', at('conf.d/..data_tmp'));
      await rename(at('conf.d/..data_tmp'), at('conf.d/..data'));
      await rm(at('conf.d/..1'), { recursive: true });
    });
  });

  it('tells nothing once closed', async () => {
    await start();
    await writeFile(at('conf.d/a.toml'), '2');
    await watching?.close();
    const before = calls;
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(calls).toBe(before);
  });
});
