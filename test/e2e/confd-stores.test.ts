import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { confdir, confetd, rendered } from '../confd-folder.js';
import { fileThat, spawnConfetd } from '../daemon.js';
import { type Redis, startRedis, startZookeeper } from '../key-stores.js';
import { peer } from '../peers.js';

describe.skipIf(peer('redis-server') === undefined)('confetd redis', () => {
  let redis: Redis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis?.stop());

  test('renders once, and as a daemon at every change', async () => {
    await redis.put('/app/a', '1');
    const folder = confdir();
    const { code, stderr } = await confetd(folder, ['redis', '-n', redis.node, '-onetime']);
    expect([code, stderr]).toEqual([0, expect.stringContaining(`Backend source(s) set to ${redis.node}`)]);
    expect(rendered(folder)).toBe('a=1 \n');
    const daemon = spawnConfetd(['-backend', 'redis', '-node', redis.node, '-confdir', folder], {
      cwd: folder,
    });
    await daemon.printed('Starting confd');
    await redis.put('/app/a', '2');
    await fileThat(join(folder, 'app.out'), (text) => text === 'a=2 \n', { what: () => daemon.output });
    await daemon.printed(/ INFO Target config \S+app\.out has been updated\n/);
    expect((await daemon.end('SIGTERM')).code).toBe(0);
  });
});

describe.skipIf(peer('zkServer.sh') === undefined)('confetd zookeeper', () => {
  test('renders once, and as a daemon at every change', async () => {
    const server = await startZookeeper();
    await server.put('/app/a', '1');
    const folder = confdir();
    expect((await confetd(folder, ['zookeeper', '-n', server.node, '-onetime'])).code).toBe(0);
    expect(rendered(folder)).toBe('a=1 \n');
    const daemon = spawnConfetd(['zookeeper', '-n', server.node, '-confdir', folder], { cwd: folder });
    await daemon.printed('Starting confd');
    await server.put('/app/b', '2');
    await fileThat(join(folder, 'app.out'), (text) => text === 'a=1 b=2 \n', { what: () => daemon.output });
    expect((await daemon.end('SIGTERM')).code).toBe(0);
    await server.stop();
  }, 60_000);
});
