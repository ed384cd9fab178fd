import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { atOnce } from '../../../../src/base/sliced.js';
import { NodeClock } from '../../../../src/io/node/clock.js';
import { NodeDisk } from '../../../../src/io/node/disk.js';
import { LmdbBackend } from '../../../../src/store/backend/lmdb.js';
import { Store } from '../../../../src/store/store.js';
import { entry, query } from '../harness.js';

/** A folder of its own size, so that it can be full; undefined where none can be made. */
function smallDisk(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'confetd-full-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', folder], { stdio: 'pipe' });
    return folder;
  } catch {
    process.stderr.write('skipped: a full disk needs root and the right to mount a tmpfs\n');
    return undefined;
  }
}

const mounted = smallDisk();

describe.skipIf(mounted === undefined)('LMDB on a full disk', () => {
  const folder = mounted ?? '';
  const filler = join(folder, 'filler');
  const fill = (): void => {
    try {
      for (;;) appendFileSync(filler, Buffer.alloc(2 ** 16));
    } catch {
      // Full.
    }
  };

  afterAll(() => {
    execFileSync('umount', ['-l', folder]);
  });

  /** A store whose changes of room can be awaited. */
  async function openStore() {
    const backend = await LmdbBackend.open({
      folder: join(folder, 'state'),
      quotaBytes: 2 ** 30,
      disk: new NodeDisk(),
    });
    let told: (full: boolean) => void = () => {};
    const store = Store.open({
      backend,
      clock: new NodeClock(),
      onFailure: (error) => {
        throw error;
      },
      onFull: (full) => told(full),
    });
    return { store, next: () => new Promise<boolean>((resolve) => (told = resolve)) };
  }

  it('goes on with what it kept, again and again, and loses nothing over a restart', {
    timeout: 30_000,
  }, async () => {
    let { store, next } = await openStore();
    const expected = new Map<string, number>();
    let turn = 0;
    const put = (): void => {
      entry(store, (txn) => {
        for (let at = 0; at < 40; at++) {
          const key = `k${(turn * 7 + at) % 300}`;
          expected.set(key, turn % 251);
          txn.put(key, Buffer.alloc(500 + 40 * turn, turn % 251), 0n);
        }
      });
      turn++;
    };
    const check = (): void => {
      for (const [key, byte] of expected) expect([key, store.get(key)?.value.at(-1)]).toEqual([key, byte]);
    };
    for (let cycle = 0; cycle < 3; cycle++) {
      put();
      await store.flush();
      fill();
      // Room for a part of what LMDB writes at once, which it tells as an I/O error.
      if (cycle === 2) truncateSync(filler, statSync(filler).size - 5 * 4_096);
      const full = next();
      put();
      expect(await full).toBe(true);
      put();
      check();
      const { flushedIndex } = store;
      expect(flushedIndex).toBeLessThan(store.applied.index);
      if (cycle === 1) {
        // Stopped while it is full: what has no room is the log's, and the state is whole without it.
        const { index } = store.applied;
        const kept = store.flushedIndex;
        await store.close();
        ({ store, next } = await openStore());
        expect(store.applied.index).toBe(kept);
        for (turn -= index - kept; store.applied.index < index; ) put();
        rmSync(filler);
      } else {
        const room = next();
        rmSync(filler);
        expect(await room).toBe(false);
      }
      await store.flush();
      expect(store.flushedIndex).toBe(store.applied.index);
      check();
    }
    await store.close();
    ({ store } = await openStore());
    check();
    await store.close();
  });

  it('keeps a long batch, of which it has written nothing, until there is room', {
    timeout: 30_000,
  }, async () => {
    const { store, next } = await openStore();
    const names = Array.from({ length: 6_000 }, (_, at) => `long/${String(at).padStart(5, '0')}`);
    entry(store, (txn) => {
      for (const name of names) txn.put(name, Buffer.alloc(200), 0n);
    });
    await store.flush();
    const { flushedIndex } = store;
    fill();
    const full = next();
    entry(store, (txn) => atOnce(txn.deleteRange('long/', 'long0')));
    expect(await full).toBe(true);
    expect(store.flushedIndex).toBe(flushedIndex);
    expect(store.get('long/00000')).toBeUndefined();
    const room = next();
    rmSync(filler);
    expect(await room).toBe(false);
    await store.flush();
    expect(store.flushedIndex).toBe(flushedIndex + 1);
    await store.close();
    const { store: again } = await openStore();
    expect(again.get('long/00000')).toBeUndefined();
    expect(
      await again.range(query('long/', 'long0', { revision: again.revision - 1, countOnly: true })),
    ).toMatchObject({
      count: names.length,
    });
    await again.close();
  });

  it('is opened, or refuses with a sentence, and never ends the process', async () => {
    const disk = new NodeDisk();
    const { store } = await openStore();
    await store.close();
    const open = (name: string) =>
      LmdbBackend.open({ folder: join(folder, name), quotaBytes: 2 ** 30, disk });
    fill();
    // As after a start that was killed: with its lock file. Then as a staged copy: without.
    await (await open('state')).close();
    rmSync(join(folder, 'state', 'lock.mdb'));
    fill();
    for (const name of ['state', 'new']) {
      await expect(open(name)).rejects.toMatchObject({
        code: 'data_folder',
        message: expect.stringMatching(/no space left.*free space/i) as string,
      });
    }
    rmSync(filler);
    for (const name of ['state', 'new']) await (await open(name)).close();
  });

  it('says that there is no room for a copy, and leaves nothing of it', async () => {
    const { store } = await openStore();
    entry(store, (txn) => txn.put('large', Buffer.alloc(1_000_000), 0n));
    await store.flush();
    fill();
    await expect(store.copy()).rejects.toMatchObject({ code: 'disk' });
    rmSync(filler);
    const copy = await store.copy();
    expect(copy.bytes).toBeGreaterThan(1_000_000);
    await copy.close();
    expect(readdirSync(folder)).toEqual(['new', 'state']);
    await store.close();
  });
});
