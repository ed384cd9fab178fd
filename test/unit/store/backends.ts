import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { NodeDisk } from '../../../src/io/node/disk.js';
import type { Backend, BackendCopy } from '../../../src/store/backend/backend.js';
import { LmdbBackend } from '../../../src/store/backend/lmdb.js';
import { MemoryBackend } from '../../../src/store/backend/memory.js';

/** A kind of backend, as tests that run over both need it. */
export interface BackendKind {
  readonly name: string;
  open(place: Place): Promise<Backend>;
  /** What a process that ended without closing finds. */
  reopen(place: Place, backend: Backend): Promise<Backend>;
  restore(place: Place, copy: BackendCopy): Promise<Backend>;
}

export interface Place {
  readonly folder: string;
}

export async function makePlace(): Promise<Place> {
  return { folder: await mkdtemp(join(tmpdir(), 'confetd-store-')) };
}

export async function removePlace({ folder }: Place): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

const quotaBytes = 2 ** 30;
let restored = 0;

export const BACKENDS: readonly BackendKind[] = [
  {
    name: 'memory',
    open: async () => new MemoryBackend({ writing: () => setImmediate() }),
    reopen: async (_place, backend) => backend,
    restore: async (_place, copy) => MemoryBackend.import(copy.chunks()),
  },
  {
    name: 'LMDB',
    open: ({ folder }) =>
      LmdbBackend.open({ folder: join(folder, 'state'), quotaBytes, disk: new NodeDisk() }),
    reopen: async ({ folder }, backend) => {
      await backend.close();
      return LmdbBackend.open({ folder: join(folder, 'state'), quotaBytes, disk: new NodeDisk() });
    },
    restore: ({ folder }, copy) =>
      LmdbBackend.import(copy.chunks(), {
        folder: join(folder, `restored-${++restored}`),
        quotaBytes,
        disk: new NodeDisk(),
      }),
  },
];
