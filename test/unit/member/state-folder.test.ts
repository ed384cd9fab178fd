import { mkdir, mkdtemp, readdir, readlink, readFile as readText, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/base/prng.js';
import { type Disk, readFile } from '../../../src/io/disk.js';
import { silentLog } from '../../../src/io/log.js';
import { NodeDisk } from '../../../src/io/node/disk.js';
import { LOCAL_META_ROWS, StateFolder, type StateFolderPorts } from '../../../src/member/state-folder.js';
import { ConfState } from '../../../src/proto/generated/raft.js';
import type { Backend } from '../../../src/store/backend/backend.js';
import { LmdbBackend } from '../../../src/store/backend/lmdb.js';
import { MemoryBackend } from '../../../src/store/backend/memory.js';
import { writeApplied } from '../../../src/store/meta.js';
import { SimBackends } from '../../sim/backend.js';
import { SimDisk } from '../../sim/disk.js';
import { entry, openStore, put, query, Recorder } from '../store/harness.js';

const SNAP = '/data/snap';
const RECORD = '/data/record';

/** The rows that a state has after so many entries, of the member that it belongs to. */
function rowsAt(index: number, owner: string) {
  const confState = ConfState.encode({ voters: [1n, BigInt(index)], learners: [] }).finish();
  const meta = (key: string, value: Uint8Array | string) => ({
    table: 'meta' as const,
    key,
    value: Buffer.from(value),
  });
  return [
    meta('applied', writeApplied({ index, term: 2, revision: index + 100 })),
    meta('confState', confState),
    { table: 'latest' as const, key: 'k', value: Buffer.from(`value at ${index}`) },
    meta('boot', `boot of ${owner}`),
    meta('identity', `identity of ${owner}`),
    // Only the sender has any.
    ...(owner === 'sender' ? [meta('instances', 'x')] : []),
  ];
}

async function snapshotAt(index: number, drop?: string): Promise<AsyncIterable<Buffer>> {
  const sender = new MemoryBackend();
  await sender.write(rowsAt(index, 'sender').filter(({ key }) => key !== drop));
  return (await sender.copy()).chunks();
}

/** What it holds, if it is one state and this member's. */
function read(backend: Backend): number {
  const { index } = JSON.parse(backend.get('meta', 'applied')?.toString() ?? '{"index":-1}') as {
    index: number;
  };
  expect(backend.get('latest', 'k')?.toString()).toBe(`value at ${index}`);
  expect(LOCAL_META_ROWS.map((key) => backend.get('meta', key)?.toString())).toEqual([
    'identity of me',
    'boot of me',
    undefined,
  ]);
  return index;
}

/** A machine with a member's state at entry 5, and the log's newest snapshot record in a sector of its own. */
class Machine {
  readonly backends = new SimBackends();
  disk: SimDisk;

  constructor(seed: number) {
    this.disk = new SimDisk(new Prng(seed));
  }

  async setUp(): Promise<this> {
    const { disk } = this;
    await disk.makeFolder(SNAP);
    const backend = await this.backends.open(disk, `${SNAP}/db`);
    await backend.write(rowsAt(5, 'me'));
    await backend.close();
    await this.record(disk, 0, 'create');
    for (const folder of ['/', '/data', SNAP]) await disk.syncFolder(folder);
    return this;
  }

  ports(disk: Disk): StateFolderPorts {
    return {
      disk,
      log: silentLog,
      openBackend: (path) => this.backends.open(disk, path),
      importBackend: (path, chunks) => this.backends.import(disk, path, chunks),
      removeBackend: (path) => disk.remove(path),
    };
  }

  async record(disk: Disk, index: number, how: 'create' | 'write' = 'write'): Promise<void> {
    const file = await disk.open(RECORD, how);
    await file.write(0, Buffer.from(String(index).padStart(8, '0')));
    await file.sync();
    await file.close();
  }

  async recorded(disk: Disk): Promise<number | undefined> {
    return Number(await readFile(disk, RECORD)) || undefined;
  }

  async open(): Promise<StateFolder> {
    const folder = await StateFolder.open(SNAP, this.ports(this.disk));
    await folder.settle(await this.recorded(this.disk));
    return folder;
  }

  /** What a member does of a snapshot, from the first chunk to the end. */
  async take(folder: StateFolder, disk: Disk, index: number): Promise<void> {
    const staged = await folder.stage(await snapshotAt(index));
    folder.accept(staged);
    await this.record(disk, staged.index);
    const former = folder.backend;
    await folder.install(staged);
    await former.close();
    await folder.forget();
  }
}

describe('state folder', () => {
  it('installs a state that says itself what it is, and keeps this member’s own rows', async () => {
    const machine = await new Machine(1).setUp();
    const folder = await machine.open();
    expect(read(folder.backend)).toBe(5);
    const staged = await folder.stage(await snapshotAt(20));
    expect(staged).toMatchObject({ index: 20, term: 2, revision: 120, confState: { voters: [1n, 20n] } });
    expect(read(folder.backend)).toBe(5);
    const former = folder.backend;
    const backend = await folder.install(staged);
    expect(read(backend)).toBe(20);
    expect(folder.backend).toBe(backend);
    // Reads of the former state go on until its owner closes it.
    expect(read(former)).toBe(5);
    await former.close();
    await folder.forget();
    expect(await machine.disk.list(SNAP)).toEqual(['CURRENT', 'db-0000000000000014']);
    expect(read((await machine.open()).backend)).toBe(20);
  });

  it('takes local rows from where they are newer than the live backend', async () => {
    const machine = await new Machine(1).setUp();
    const folder = await machine.open();
    const staged = await folder.stage(await snapshotAt(20));
    const backend = await folder.install(staged, (key) => Buffer.from(`pending ${key}`));
    expect(backend.get('meta', 'instances')?.toString()).toBe('pending instances');
  });

  it('keeps one staged state: a newer one replaces it, unless the log may speak of it', async () => {
    const machine = await new Machine(2).setUp();
    const folder = await machine.open();
    const older = await folder.stage(await snapshotAt(20));
    const newer = await folder.stage(await snapshotAt(30));
    expect(await machine.disk.list(SNAP)).toEqual(['db', 'db-000000000000001e']);
    expect(() => folder.accept(older)).toThrow('was staged');
    folder.accept(newer);
    await expect(folder.stage(await snapshotAt(40))).rejects.toMatchObject({ code: 'unavailable' });
    await folder.drop(newer);
    expect(read(await folder.install(newer))).toBe(30);
    const dropped = await folder.stage(await snapshotAt(40));
    await folder.drop(dropped);
    expect(await machine.disk.list(SNAP)).toEqual(['CURRENT', 'db', 'db-000000000000001e']);
  });

  it('does not replace a state accepted while another is received', async () => {
    const machine = await new Machine(2).setUp();
    const folder = await machine.open();
    const staged = await folder.stage(await snapshotAt(20));
    const receiving = folder.stage(await snapshotAt(30));
    await expect(folder.stage(await snapshotAt(40))).rejects.toMatchObject({ code: 'unavailable' });
    folder.accept(staged);
    await expect(receiving).rejects.toMatchObject({ code: 'unavailable' });
    expect(await machine.disk.list(SNAP)).toEqual(['db', 'db-0000000000000014']);
    expect(read(await folder.install(staged))).toBe(20);
  });

  it.each([
    ['a stream that is cut', 'cut', new Error('cut')],
    ['a damaged copy', 'damaged', { code: 'data_loss' }],
    ['a state without a configuration', 'confState', { code: 'data_loss' }],
    ['a state that is not newer', 'old', { code: 'unavailable' }],
  ])('leaves nothing of %s', async (_title, what, reason) => {
    const machine = await new Machine(3).setUp();
    const folder = await machine.open();
    const good = await snapshotAt(what === 'old' ? 5 : 20, what);
    async function* chunks() {
      for await (const chunk of good) yield what === 'damaged' ? chunk.subarray(0, chunk.length - 1) : chunk;
      if (what === 'cut') throw new Error('cut');
    }
    await expect(folder.stage(chunks())).rejects.toMatchObject(reason);
    expect(await machine.disk.list(SNAP)).toEqual(['db']);
    await machine.take(folder, machine.disk, 30);
    expect(read(folder.backend)).toBe(30);
  });

  it('leaves nothing when the disk is full, and takes the next one', async () => {
    const machine = await new Machine(3).setUp();
    const folder = await machine.open();
    machine.disk.setCapacity(machine.disk.used + 10);
    await expect(folder.stage(await snapshotAt(20))).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(await machine.disk.list(SNAP)).toEqual(['db']);
    machine.disk.setCapacity(1e9);
    await machine.take(folder, machine.disk, 20);
    expect(read(folder.backend)).toBe(20);
  });

  it('takes the next one although what failed could not be removed', async () => {
    const machine = await new Machine(3).setUp();
    const folder = await machine.open();
    machine.disk.failWhen(({ operation, path }) =>
      operation === 'sync' || (operation === 'remove' && path.endsWith('db.tmp') && syncFailed)
        ? fail()
        : undefined,
    );
    let syncFailed = false;
    const fail = (): string => {
      syncFailed = true;
      return 'EIO';
    };
    await expect(folder.stage(await snapshotAt(20))).rejects.toMatchObject({ code: 'EIO' });
    machine.disk.failWhen(undefined);
    expect(await machine.disk.list(SNAP)).toEqual(['db', 'db.tmp']);
    await machine.take(folder, machine.disk, 30);
    expect(read(folder.backend)).toBe(30);
  });

  it('refuses a CURRENT that names nothing, and one that is no name', async () => {
    const machine = await new Machine(4).setUp();
    const file = await machine.disk.open(`${SNAP}/CURRENT`, 'create');
    for (const [text, sentence] of [
      ['db-00000000000000ff\n', /db-00000000000000ff is missing: restore/],
      ['../wal', /should name the live state/],
      ['', /should name the live state/],
    ] as const) {
      await file.truncate(0);
      await file.write(0, Buffer.from(text));
      await expect(machine.open()).rejects.toMatchObject({
        code: 'data_folder',
        message: expect.stringMatching(sentence) as string,
      });
    }
  });

  it('refuses a log that goes on from a state that is not there', async () => {
    const machine = await new Machine(4).setUp();
    await machine.record(machine.disk, 77);
    await expect(machine.open()).rejects.toMatchObject({
      code: 'data_folder',
      message: expect.stringMatching(
        /snapshot at entry 77, but .*holds entry 5.*db-000000000000004d/,
      ) as string,
    });
  });

  it('removes what the log does not ask for, and nothing that is not its own', async () => {
    const machine = await new Machine(5).setUp();
    const folder = await machine.open();
    await folder.stage(await snapshotAt(20));
    for (const name of ['db.tmp', 'db.copy-3', 'CURRENT.tmp', 'notes.txt']) {
      await machine.disk.open(`${SNAP}/${name}`, 'create');
    }
    expect(read((await machine.open()).backend)).toBe(5);
    expect(await machine.disk.list(SNAP)).toEqual(['db', 'notes.txt']);
  });

  it.each(['crashProcess', 'losePower'] as const)(
    'holds a whole state, never older than the log’s record, after any number of crashes (%s)',
    async (crash) => {
      let crashes = 0;
      for (let seed = 1; seed <= 400; seed++) {
        const prng = new Prng(seed);
        const machine = await new Machine(seed).setUp();
        let reached = 5;
        for (let life = 0; life < 6; life++) {
          const { disk } = machine;
          const crashed = disk.crashAtStep(disk.steps + 1 + prng.below(45));
          const work = async () => {
            const folder = await machine.open();
            const index = read(folder.backend);
            expect(index).toBeGreaterThanOrEqual(reached);
            expect(index).toBeGreaterThanOrEqual((await machine.recorded(disk)) ?? 5);
            reached = index;
            expect((await disk.list(SNAP)).filter((name) => name !== 'CURRENT')).toHaveLength(1);
            for (let more = 1; more <= 3; more++) {
              await machine.take(folder, disk, index + more);
              expect(read(folder.backend)).toBe(index + more);
              reached = index + more;
            }
          };
          const ended = await Promise.race([work().then(() => 'done'), crashed.then(() => 'crashed')]);
          if (ended === 'crashed') crashes++;
          machine.disk = crash === 'losePower' ? disk.losePower() : disk.crashProcess();
        }
      }
      expect(crashes).toBeGreaterThan(1_000);
    },
  );
});

/** What this process has mapped or open below a folder. */
async function held(folder: string): Promise<string[]> {
  const maps = (await readText('/proc/self/maps', 'utf8')).split('\n');
  const handles = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  return [...maps, ...handles].filter((line) => line.includes(`${folder}/`));
}

describe('state folder with LMDB', () => {
  it('replaces the state under reads and watchers, and lets go of the former one', async () => {
    const root = await mkdtemp(join(tmpdir(), 'confetd-state-'));
    const snap = join(root, 'snap');
    await mkdir(snap);
    const disk = new NodeDisk();
    const open = (path: string) => LmdbBackend.open({ folder: path, quotaBytes: 2 ** 30, disk });
    const ports: StateFolderPorts = {
      disk,
      log: silentLog,
      openBackend: open,
      importBackend: (path, chunks) =>
        LmdbBackend.import(chunks, { folder: path, quotaBytes: 2 ** 30, disk }),
      removeBackend: (path) => LmdbBackend.remove(path, disk),
    };
    const name = (at: number): string => `k${String(at).padStart(5, '0')}`;
    // Both have the same history; the sender has more of it.
    const sender = openStore(await open(join(root, 'sender')));
    const first = await open(join(snap, 'db'));
    await first.write([{ table: 'meta', key: 'identity', value: Buffer.from('me') }]);
    await first.close();
    const folder = await StateFolder.open(snap, ports);
    await folder.settle(undefined);
    const store = openStore(folder.backend);
    for (const each of [sender, store]) {
      entry(each, (txn) => {
        for (let at = 0; at < 5_000; at++) txn.put(name(at), Buffer.from('old'), 0n);
      });
      await each.flush();
    }
    entry(sender, (txn) => {
      const confState = ConfState.encode({ voters: [7n], learners: [] }).finish();
      txn.table('meta').put('confState', Buffer.from(confState));
      txn.table('meta').put('identity', Buffer.from('sender'));
    });
    for (let at = 0; at < 500; at++) put(sender, name(at), 'new');

    const synced = new Recorder();
    store.watch({ ...query('k', 'l'), startRevision: 0, noPut: false, noDelete: false }, synced);
    const slow = new Recorder(1);
    const slowly = store.watch({ ...query('k', 'l'), startRevision: 0, noPut: false, noDelete: false }, slow);

    const copy = await sender.copy();
    const staged = await folder.stage(copy.chunks());
    await copy.close();
    expect(staged).toMatchObject({ index: sender.applied.index, confState: { voters: [7n] } });
    folder.accept(staged);
    const watching = synced.has(500);
    const before = store.range(query('k', 'l'));
    const backend = await folder.install(staged);
    expect(await before).toMatchObject({ count: 5_000, revision: 2 });
    const reading = store.range(query('k', 'l'));
    const restored = store.restore(backend);
    await expect(reading).rejects.toMatchObject({ code: 'unavailable' });
    await restored;
    await folder.forget();
    await watching;
    await slow.has(1);
    slow.credit = Number.POSITIVE_INFINITY;
    slowly.resume();
    await slow.has(500);
    const expected = Array.from({ length: 500 }, (_, at) => 3 + at);
    expect([synced.revisions, slow.revisions]).toEqual([expected, expected]);
    expect(store.get(name(0))?.value.toString()).toBe('new');
    expect(store.revision).toBe(sender.revision);
    expect(store.table('meta').get('identity')?.toString()).toBe('me');

    expect((await readdir(snap)).sort()).toEqual([
      'CURRENT',
      `db-${staged.index.toString(16).padStart(16, '0')}`,
    ]);
    expect(await held(join(snap, 'db'))).toEqual([]);
    expect(await held(snap)).not.toEqual([]);

    put(store, 'goes on');
    await store.close();
    expect(await held(snap)).toEqual([]);
    const again = await StateFolder.open(snap, ports);
    const reopened = openStore(await again.settle(staged.index));
    expect(reopened.get('goes on')).toBeDefined();
    await reopened.close();
    await sender.close();
    await rm(root, { recursive: true });
  });
});
