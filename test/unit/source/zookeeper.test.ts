import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NodeClock } from '../../../src/io/node/clock.js';
import { NodeRandom } from '../../../src/io/node/random.js';
import { openRemote } from '../../../src/source/open-remote.js';
import { type KeyStoreServer, startZookeeper } from '../../key-stores.js';
import { peer } from '../../peers.js';
import { Recorder } from './recorder.js';

const ports = { clock: new NodeClock(), random: new NodeRandom() };
const { signal } = new AbortController();
const open = (...nodes: readonly string[]) =>
  openRemote({ type: 'zookeeper', nodes, watch: true, intervalMs: 600_000 }, ports);

describe.skipIf(peer('zkServer.sh') === undefined)('zookeeper', () => {
  let server: KeyStoreServer;
  beforeAll(async () => {
    server = await startZookeeper();
  }, 60_000);
  afterAll(() => server?.stop());

  test('nodes without children are keys; what has children, and zookeeper’s own, is none', async () => {
    await server.put('/read/port', '80');
    await server.put('/read/db/host', 'hëre');
    await server.put('/read/db', 'data of a folder');
    await server.put('/reading', 'another');
    const source = await open(server.node);
    const { pairs, origin } = await source.load(['/read'], signal);
    expect(Object.fromEntries(pairs.map(({ key, value }) => [key, value]))).toEqual({
      '/read/db/host': 'hëre',
      '/read/port': '80',
    });
    expect(origin).toBe(`zookeeper:${server.node}`);
    expect((await source.load(['/read/port', '/none'], signal)).pairs).toHaveLength(1);
    const all = (await source.load([''], signal)).pairs.map(({ key }) => key);
    expect(all).toEqual(['/read/db/host', '/read/port', '/reading']);
    await source.close();
  });

  test('a followed key that is made, changed and removed is told, and one whose folder is made later', async () => {
    const source = await open(server.node);
    const recorder = new Recorder();
    const following = source.follow(['/app', '/later'], recorder);
    await recorder.until(() => recorder.snapshots.length === 1);
    expect(recorder.state.size).toBe(0);
    await server.put('/app/a', '1');
    await recorder.until(() => recorder.state.get('/app/a') === '1');
    await server.put('/app/a', '2');
    await recorder.until(() => recorder.state.get('/app/a') === '2');
    await server.put('/later/deep/x', 'y');
    await recorder.until(() => recorder.state.get('/later/deep/x') === 'y');
    await server.delete('/app/a');
    await recorder.until(() => !recorder.state.has('/app/a'));
    expect([recorder.snapshots.length, recorder.losses]).toEqual([1, []]);
    await following.close();
    await source.close();
  });

  test('where nothing listens, the sentence names backend, node and flag', async () => {
    const source = await open('127.0.0.1:1');
    await expect(source.load(['/a'], signal)).rejects.toThrow(
      /^zookeeper \(127\.0\.0\.1:1\): no connection within 5 s: .*--node$/,
    );
    await source.close();
  });
});

describe.skipIf(peer('zkServer.sh') === undefined)('a zookeeper that goes and comes back', () => {
  test('is lost once, found again, and what differs is told', async () => {
    const server = await startZookeeper();
    await server.put('/app/a', '1');
    const source = await open(server.node);
    const recorder = new Recorder();
    source.follow(['/app'], recorder);
    await recorder.until(() => recorder.state.get('/app/a') === '1');
    await server.kill();
    await recorder.until(() => recorder.losses.length === 1);
    expect(recorder.losses[0]).toContain(`zookeeper (${server.node})`);
    await server.restart();
    await server.put('/app/a', '2');
    await recorder.until(() => recorder.state.get('/app/a') === '2');
    expect([recorder.losses.length, recorder.finds.length]).toEqual([1, 2]);
    await source.close();
    await server.stop();
  }, 60_000);
});
