import { createClient } from '@redis/client';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bytesOf } from '../../../src/base/byte-text.js';
import { NodeClock } from '../../../src/io/node/clock.js';
import { NodeRandom } from '../../../src/io/node/random.js';
import { openRemote } from '../../../src/source/open-remote.js';
import type { RereadSource } from '../../../src/source/reread.js';
import { type Redis, startRedis } from '../../key-stores.js';
import { peer } from '../../peers.js';
import { Recorder } from './recorder.js';

const ports = { clock: new NodeClock(), random: new NodeRandom() };
const { signal } = new AbortController();

function source(
  node: string,
  options: { separator?: string; password?: string; watch?: boolean; intervalMs?: number } = {},
): Promise<RereadSource> {
  const { separator = '/', password = '', watch = true, intervalMs = 600_000 } = options;
  return openRemote(
    { type: 'redis', nodes: [node], username: '', password, separator, watch, intervalMs },
    ports,
  );
}

async function keys(
  node: string,
  subtrees: readonly string[],
  options?: Parameters<typeof source>[1],
): Promise<Record<string, string>> {
  const opened = await source(node, options);
  try {
    const { pairs } = await opened.load(subtrees, signal);
    return Object.fromEntries(pairs.map(({ key, value }) => [key, value]));
  } finally {
    await opened.close();
  }
}

describe.skipIf(peer('redis-server') === undefined)('redis', () => {
  let redis: Redis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis?.stop());
  beforeEach(async () => void (await redis.command('FLUSHALL')));

  test('what isn’t UTF-8 comes as bytes: names, values and fields', async () => {
    const bytes = (text: string) => Buffer.from(text, 'latin1');
    const client = createClient({ url: `redis://${redis.node}` });
    await client.connect();
    await client.set(bytes('/b/\xff'), bytes('\x80\n\0'));
    await client.set(bytes('/b/\xfe'), bytes('other'));
    await client.hSet('/b/hash', bytes('f\xe9'), bytes('v\xe9'));
    client.destroy();
    const found = Object.entries(await keys(redis.node, ['/b'])).map(([key, value]) =>
      [key, value].map((text) => bytesOf(text).toString('latin1')),
    );
    expect(Object.fromEntries(found)).toEqual({
      '/b/\xff': '\x80\n\0',
      '/b/\xfe': 'other',
      '/b/hash/f\xe9': 'v\xe9',
    });
  });

  test('strings are keys, hashes folders of their fields, other types nothing', async () => {
    await redis.put('/app/port', '80');
    await redis.put('/app/empty', '');
    await redis.put('/application', 'another');
    await redis.command('HSET', '/app/db', 'host', 'here', 'name', 'héllo');
    await redis.command('RPUSH', '/app/list', 'a');
    expect(await keys(redis.node, ['/app'])).toEqual({
      '/app/db/host': 'here',
      '/app/db/name': 'héllo',
      '/app/empty': '',
      '/app/port': '80',
    });
    expect(await keys(redis.node, [''])).toHaveProperty('/application', 'another');
    expect(await keys(redis.node, ['/app/db', '/app/port'])).toEqual({
      '/app/db/host': 'here',
      '/app/db/name': 'héllo',
      '/app/port': '80',
    });
  });

  test('a separator stands for the slash, and characters of globs are themselves', async () => {
    await redis.put('app:port', '80');
    await redis.put('app:a*b:x', '1');
    await redis.put('app:acb:x', '2');
    expect(await keys(redis.node, ['/app'], { separator: ':' })).toEqual({
      '/app/a*b/x': '1',
      '/app/acb/x': '2',
      '/app/port': '80',
    });
    expect(await keys(redis.node, ['/app/a*b'], { separator: ':' })).toEqual({ '/app/a*b/x': '1' });
  });

  test('a database behind the node, which is another keyspace', async () => {
    await redis.put('/app/a', 'zero');
    await redis.command('SELECT', '4');
    await redis.put('/app/a', 'four');
    await redis.command('SELECT', '0');
    expect(await keys(`${redis.node}/4`, ['/app'])).toEqual({ '/app/a': 'four' });
    expect(await keys(redis.node, ['/app'])).toEqual({ '/app/a': 'zero' });
  });

  test('three thousand keys take several steps, and none is missing', async () => {
    const words = Array.from({ length: 3_000 }, (_, at) => [`/many/${at}`, String(at)]).flat();
    await redis.command('MSET', ...words);
    expect(Object.keys(await keys(redis.node, ['/many']))).toHaveLength(3_000);
  });

  test('a followed key that is put, changed and deleted is told at once; another key is not', async () => {
    await redis.put('/app/a', '1');
    const opened = await source(redis.node);
    const recorder = new Recorder();
    const following = opened.follow(['/app'], recorder);
    await recorder.until(() => recorder.state.get('/app/a') === '1');
    expect(recorder.finds).toEqual([redis.node]);
    await redis.put('/app/a', '2');
    await recorder.until(() => recorder.state.get('/app/a') === '2');
    await redis.command('HSET', '/app/h', 'f', 'x');
    await recorder.until(() => recorder.state.get('/app/h/f') === 'x');
    await redis.put('/other', 'x');
    await redis.delete('/app/a');
    await recorder.until(() => !recorder.state.has('/app/a'));
    expect(recorder.state.has('/other')).toBe(false);
    expect(recorder.snapshots).toHaveLength(1);
    await following.close();
    await opened.close();
  });

  test('without notifications it is read every interval, and says how to change that', async () => {
    await redis.command('CONFIG', 'SET', 'notify-keyspace-events', '');
    try {
      const opened = await source(redis.node, { intervalMs: 50 });
      const recorder = new Recorder();
      const following = opened.follow(['/app'], recorder);
      await recorder.until(() => recorder.snapshots.length === 1);
      expect(recorder.finds[0]).toContain('notify-keyspace-events KEA');
      await redis.put('/app/a', '2');
      await recorder.until(() => recorder.state.get('/app/a') === '2');
      await following.close();
      await opened.close();
    } finally {
      await redis.command('CONFIG', 'SET', 'notify-keyspace-events', 'KEA');
    }
  });

  test('a wrong password and a node where nothing listens are named', async () => {
    const secured = await startRedis('--requirepass', 'sesame');
    await secured.put('/a', '1');
    expect(await keys(secured.node, ['/a'], { password: 'sesame' })).toEqual({ '/a': '1' });
    await expect(keys(secured.node, ['/a'])).rejects.toThrow(
      new RegExp(`^redis \\(${secured.node}\\): .*NOAUTH.*--password`),
    );
    await expect(keys(secured.node, ['/a'], { password: 'x' })).rejects.toThrow('--password');
    await secured.stop();
    await expect(keys('127.0.0.1:1', ['/a'])).rejects.toThrow(
      'redis (127.0.0.1:1): 127.0.0.1:1: nothing listens there',
    );
  });
});

describe.skipIf(peer('redis-server') === undefined)('a redis that goes and comes back', () => {
  test('is lost once, found again, and what differs is told', async () => {
    const redis = await startRedis();
    await redis.put('/app/a', '1');
    await redis.put('/app/b', '1');
    const opened = await source(redis.node);
    const recorder = new Recorder();
    opened.follow(['/app'], recorder);
    await recorder.until(() => recorder.state.size === 2);
    await redis.kill();
    await recorder.until(() => recorder.losses.length === 1);
    expect(recorder.losses[0]).toContain(`redis (${redis.node})`);
    expect(recorder.state.get('/app/a')).toBe('1');
    await redis.restart();
    await redis.put('/app/a', '2');
    await recorder.until(() => recorder.state.get('/app/a') === '2');
    await recorder.until(() => !recorder.state.has('/app/b'));
    expect([recorder.losses.length, recorder.finds.length]).toEqual([1, 2]);
    await opened.close();
    await redis.stop();
  });
});
