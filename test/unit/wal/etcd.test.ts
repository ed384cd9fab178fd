import { execFileSync } from 'node:child_process';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NodeClock } from '../../../src/io/node/clock.js';
import { NodeDisk } from '../../../src/io/node/disk.js';
import { Wal } from '../../../src/wal/wal.js';
import { startEtcd } from '../../etcd.js';
import { peer, peers } from '../../peers.js';

describe.skipIf(!peers('etcd', 'etcdctl'))('etcd', () => {
  const etcdctl = (endpoint: string, ...args: string[]) =>
    execFileSync(peer('etcdctl') as string, ['--endpoints', endpoint, ...args], {
      env: { ...process.env, ETCDCTL_API: '3' },
      encoding: 'utf8',
    });

  it('its log is read here, and a log written here is read by it: the same keys come out', async () => {
    const etcd = await startEtcd();
    try {
      for (let count = 0; count < 20; count++)
        etcdctl(etcd.endpoint, 'put', `key${count}`, 'x'.repeat(count * 100));
      await etcd.kill();
      const options = { clock: new NodeClock(), segmentBytes: 8 * 1024 };
      const [disk, folder] = [new NodeDisk(), join(etcd.dataDir, 'member/wal')];
      const theirs = await Wal.open(disk, folder, 0, options);
      const { entries, hardState, metadata } = theirs.contents;
      await theirs.wal.close();
      expect(metadata.format).toBe(0);
      expect(entries.map(({ index }) => index)).toEqual(entries.map((_, at) => at + 1));
      expect(entries.filter(({ data }) => data.includes('key'))).toHaveLength(20);
      expect(hardState?.commit).toBeGreaterThanOrEqual(20);

      // Its database goes too, so that everything it knows afterwards comes from the log written here.
      await rm(join(etcd.dataDir, 'member/snap'), { recursive: true });
      await rename(folder, `${folder}.theirs`);
      const ours = await Wal.create(disk, folder, metadata, options);
      for (const entry of entries) await ours.append([entry], undefined);
      await ours.append([], hardState);
      await ours.close();
      expect(ours.segments.length).toBeGreaterThan(2);
      await rm(`${folder}.theirs`, { recursive: true });
      await etcd.restart();
      const values = JSON.parse(etcdctl(etcd.endpoint, 'get', '--prefix', 'key', '-w', 'json')) as {
        kvs: { key: string; value?: string }[];
      };
      expect(values.kvs).toHaveLength(20);
      etcdctl(etcd.endpoint, 'put', 'after', 'restart');
    } finally {
      await etcd.stop();
    }
  });
});
