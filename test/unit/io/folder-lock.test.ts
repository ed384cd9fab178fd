import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { acquire } from '../../../src/io/node/folder-lock.js';

/** What a contender says once it knows: `locked`, or the error. It ends, releasing, when its input does. */
const CONTENDER = `
import { acquire } from './io/node/folder-lock.js';
try {
  const lock = await acquire(process.argv[2]);
  console.log('locked');
  process.stdin.resume().once('end', async () => { await lock.release(); process.exit(0); });
} catch (error) {
  console.log(error.code + ' ' + error.message);
}
`;

let program: string;
let folder: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  program = await mkdtemp(join(tmpdir(), 'confetd-lock-'));
  const flags =
    '--ignoreConfig --module nodenext --target es2023 --types node --skipLibCheck --rootDir src --outDir';
  const args = [...flags.split(' '), program, 'src/io/node/folder-lock.ts'];
  execFileSync(resolve('node_modules/.bin/tsc'), args);
  await writeFile(join(program, 'package.json'), '{ "type": "module" }');
  await writeFile(join(program, 'contender.js'), CONTENDER);
});
afterAll(() => rm(program, { recursive: true }));
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'confetd-data-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await rm(folder, { recursive: true });
});

/** Starts a process that wants the folder; resolves with what it says. */
async function contend(): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, [join(program, 'contender.js'), folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  for await (const said of createInterface({ input: child.stdout as NodeJS.ReadableStream }))
    return { child, said };
  throw new Error('a contender ended without a word');
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

describe('the lock of a data folder', () => {
  it('is held by one process; another is told which one', async () => {
    const holder = await contend();
    expect(holder.said).toBe('locked');
    const other = await contend();
    expect(other.said).toBe(
      `data_folder data folder ${folder} is in use by another confetd (pid ${holder.child.pid}): stop it, or give ` +
        '--data-dir another folder',
    );
    await expect(acquire(folder)).rejects.toMatchObject({ code: 'data_folder' });
  });

  it('ends with its process: after kill -9 the next one takes over, again and again', async () => {
    for (let round = 0; round < 3; round++) {
      const { child, said } = await contend();
      expect(said).toBe('locked');
      await kill(child);
    }
    // What ended processes leave doesn't add up.
    expect((await readdir(folder)).length).toBeLessThanOrEqual(2);
  });

  it('ends with release, in the same process too', async () => {
    for (let round = 0; round < 3; round++) {
      const lock = await acquire(folder);
      await expect(acquire(folder)).rejects.toMatchObject({ code: 'data_folder' });
      await lock.release();
    }
  });

  for (const inTheWay of ['nothing', 'the lock of a killed process']) {
    it(`of 20 processes that race with ${inTheWay} in the way, exactly one wins`, async () => {
      if (inTheWay !== 'nothing') await kill((await contend()).child);
      const all = await Promise.all(Array.from({ length: 20 }, contend));
      const winners = all.filter(({ said }) => said === 'locked');
      expect(winners).toHaveLength(1);
      for (const { said } of all)
        expect(said).toMatch(/^(locked$|data_folder .* is in use by another confetd)/);
    });
  }

  it('of 20 that race in one process over a dead lock, exactly one wins', async () => {
    for (let round = 0; round < 20; round++) {
      const all = await Promise.allSettled(Array.from({ length: 20 }, () => acquire(folder)));
      const winners = all.filter((each) => each.status === 'fulfilled');
      expect(winners).toHaveLength(1);
      await winners[0]?.value.release();
    }
  });

  it('works in a folder whose path is longer than a socket address', async () => {
    folder = join(folder, 'x'.repeat(100), 'y'.repeat(100));
    await mkdir(folder, { recursive: true });
    const holder = await contend();
    expect(holder.said).toBe('locked');
    expect((await contend()).said).toContain(`pid ${holder.child.pid}`);
    await kill(holder.child);
    const lock = await acquire(folder);
    await lock.release();
    folder = resolve(folder, '../..');
  });

  it('a folder that is missing is a sentence', async () => {
    await expect(acquire(join(folder, 'none'))).rejects.toMatchObject({
      code: 'data_folder',
      message: expect.stringContaining('ENOENT'),
    });
  });

  it('a holder that is busy and never answers still holds it', async () => {
    const silent = createServer();
    silent.listen(join(folder, 'lock.7'));
    await once(silent, 'listening');
    await expect(acquire(folder)).rejects.toMatchObject({ message: expect.stringContaining('pid unknown') });
    silent.close();
  });
});
