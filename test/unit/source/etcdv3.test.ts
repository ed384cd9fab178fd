import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client } from '../../../src/client/client.js';
import { NodeClock } from '../../../src/io/node/clock.js';
import { NodeRandom } from '../../../src/io/node/random.js';
import type { RequestOp } from '../../../src/proto/generated/etcd_rpc.js';
import { EtcdV3Source } from '../../../src/source/etcdv3.js';
import type { Pair } from '../../../src/source/types.js';
import { type RealEtcd, startEtcd } from '../../etcd.js';
import { peer } from '../../peers.js';
import { Recorder } from './recorder.js';

const ports = { clock: new NodeClock(), random: new NodeRandom() };
const bytes = (text: string) => Buffer.from(text, 'utf8');
const put = (key: string, value: string): RequestOp => ({
  request: {
    $case: 'requestPut',
    value: {
      key: bytes(key),
      value: bytes(value),
      lease: 0n,
      prevKv: false,
      ignoreLease: false,
      ignoreValue: false,
    },
  },
});

/** Puts all pairs, in transactions of 100. */
async function fill(client: Client, pairs: readonly (readonly [string, string])[]): Promise<void> {
  for (let at = 0; at < pairs.length; at += 100) {
    await client.txn({ success: pairs.slice(at, at + 100).map(([key, value]) => put(key, value)) });
  }
}

describe.skipIf(peer('etcd') === undefined)('etcdv3 source, against a real etcd', () => {
  let etcd: RealEtcd;
  let client: Client;
  let source: EtcdV3Source;

  beforeAll(async () => {
    etcd = await startEtcd();
    client = new Client({ ...ports, endpoints: [etcd.endpoint] });
    source = new EtcdV3Source({ ...ports, endpoints: [`http://${etcd.endpoint}`], pageSize: 7 });
  });

  afterAll(async () => {
    await source?.close();
    client?.close();
    await etcd?.stop();
  });

  const signal = () => AbortSignal.timeout(20_000);

  test('loads a subtree: the key itself and what is under it, and no neighbour', async () => {
    await fill(
      client,
      ['/s', '/s/a', '/s/b/c', '/s-x', '/s0', '/sz/q', '/other', 'plain'].map(
        (key) => [key, `=${key}`] as const,
      ),
    );
    const { pairs, origin, revision } = await source.load(['/s', '/s/b'], signal());
    expect(pairs.map(({ key }) => key)).toEqual(['/s', '/s/a', '/s/b/c']);
    expect(pairs[0]).toEqual({ key: '/s', value: '=/s', modRevision: revision });
    expect(origin).toMatch(/^[0-9a-f]{8,16}$/);
    const union = await source.load(['/sz', '/s'], signal());
    expect(union.pairs.map(({ key }) => key).sort()).toEqual(['/s', '/s/a', '/s/b/c', '/sz/q']);
    const all = await source.load([''], signal());
    expect(all.pairs.map(({ key }) => key)).toContain('plain');
    expect((await source.load([], signal())).pairs).toEqual([]);
  });

  test('reads every page at one revision while writes go on', async () => {
    await fill(
      client,
      Array.from({ length: 300 }, (_, n) => [`/page/${String(n).padStart(4, '0')}`, '0'] as const),
    );
    let writing = true;
    let round = 0;
    const writer = (async () => {
      while (writing) {
        round++;
        // First and last key of the subtree change together, pages apart.
        await client.txn({ success: [put('/page/0000', String(round)), put('/page/0299', String(round))] });
      }
    })();
    for (let n = 0; n < 10; n++) {
      const { pairs } = await source.load(['/page'], signal());
      expect(pairs).toHaveLength(300);
      expect(pairs[0]?.value).toBe(pairs[299]?.value);
    }
    writing = false;
    await writer;
  });

  test('keeps text as it is: UTF-8, empty values, keys of other alphabets', async () => {
    await fill(client, [
      ['/ü/ключ', 'wert — 値'],
      ['/ü/leer', ''],
    ]);
    const { pairs } = await source.load(['/ü'], signal());
    expect(pairs.map(({ key, value }) => [key, value])).toEqual([
      ['/ü/leer', ''],
      ['/ü/ключ', 'wert — 値'],
    ]);
  });

  test('follows: every revision whole, in order, filtered to the subtrees', async () => {
    const recorder = new Recorder();
    const following = source.follow(['/f/a', '/f/c'], recorder);
    await recorder.until(() => recorder.snapshots.length === 1);
    await client.txn({ success: [put('/f/a/1', 'x'), put('/f/b/1', 'hidden'), put('/f/c/1', 'y')] });
    await recorder.until(() => recorder.batches.length > 0);
    expect(recorder.batches[0]?.changes).toMatchObject([
      { pair: { key: '/f/a/1' } },
      { pair: { key: '/f/c/1' } },
    ]);
    await client.put({ key: bytes('/f/b/2'), value: bytes('hidden') });
    const { header } = await client.deleteRange({ key: bytes('/f/a/1') });
    await recorder.until(() => recorder.revision === header?.revision);
    expect(Object.fromEntries(recorder.state)).toEqual({ '/f/c/1': 'y' });
    await following.close();
    const told = recorder.batches.length;
    await client.put({ key: bytes('/f/a/9'), value: bytes('late') });
    await source.load(['/f/a'], signal());
    expect(recorder.batches).toHaveLength(told);
  });

  test('a server that goes and comes back loses nothing, and is lost once', async () => {
    const recorder = new Recorder();
    const following = source.follow(['/r'], recorder);
    await recorder.until(() => recorder.snapshots.length === 1);
    await client.put({ key: bytes('/r/1'), value: bytes('before') });
    await recorder.until(() => recorder.state.get('/r/1') === 'before');
    await etcd.kill();
    await recorder.until(() => recorder.losses.length > 0);
    await etcd.restart();
    await client.put({ key: bytes('/r/2'), value: bytes('after') });
    await recorder.until(() => recorder.state.get('/r/2') === 'after');
    expect(recorder.snapshots).toHaveLength(1);
    expect(recorder.losses).toHaveLength(1);
    await following.close();
  });

  test('a compaction past what it has makes it load anew', async () => {
    const recorder = new Recorder();
    const following = source.follow(['/k'], recorder);
    await recorder.until(() => recorder.snapshots.length === 1);
    await etcd.kill();
    await recorder.until(() => recorder.losses.length === 1);
    // Behind the follower's back: on a second start that it can't see yet, history moves on and is compacted.
    await etcd.restart();
    for (let n = 0; n < 20; n++) await client.put({ key: bytes('/k/n'), value: bytes(String(n)) });
    const last = await client.put({ key: bytes('/k/n'), value: bytes('last') });
    await client.compact({ revision: last.header?.revision ?? 0 });
    await recorder.until(() => recorder.state.get('/k/n') === 'last');
    await following.close();
  });

  test('another cluster on the same address means a new snapshot with its origin', async () => {
    const recorder = new Recorder();
    const following = source.follow(['/w'], recorder);
    await recorder.until(() => recorder.snapshots.length === 1);
    await client.put({ key: bytes('/w/old'), value: bytes('1') });
    await recorder.until(() => recorder.state.has('/w/old'));
    await etcd.restart({ token: 'second' });
    await recorder.until(() => recorder.snapshots.length > 1);
    expect(recorder.snapshots.at(-1)?.origin).not.toBe(recorder.snapshots[0]?.origin);
    await client.put({ key: bytes('/w/new'), value: bytes('2') });
    await recorder.until(() => recorder.state.has('/w/new'));
    expect([...recorder.state.keys()]).toEqual(['/w/new']);
    await following.close();
  });

  test('the same cluster restored to an earlier state means a new snapshot', async () => {
    const recorder = new Recorder();
    const following = source.follow(['/b'], recorder);
    await recorder.until(() => recorder.snapshots.length === 1);
    for (let n = 0; n < 5; n++) await client.put({ key: bytes('/b/x'), value: bytes(String(n)) });
    await recorder.until(() => recorder.state.get('/b/x') === '4');
    // Same token, same URLs: the same cluster ID, with revisions that begin anew.
    await etcd.restart({ token: 'second' });
    await recorder.until(() => recorder.snapshots.length > 1);
    expect(recorder.snapshots.at(-1)?.revision).toBe(1);
    expect(recorder.state.size).toBe(0);
    await following.close();
  });

  test('loads a former revision page by page, and finds the revision of a deletion', async () => {
    await fill(
      client,
      Array.from({ length: 20 }, (_, n) => [`/past/${String(n).padStart(2, '0')}`, 'old'] as const),
    );
    const { history } = source;
    const { revision: from } = await source.load(['/past'], signal());
    for (let n = 0; n < 5; n++) await client.put({ key: bytes('/past/00'), value: bytes(`new ${n}`) });
    const { header } = await client.deleteRange({ key: bytes('/past/07') });
    for (let n = 0; n < 5; n++) await client.put({ key: bytes('/elsewhere'), value: bytes('x') });
    const { revision: to } = await source.load([], signal());
    const past = await history.loadAt(['/past'], from, signal());
    expect([past.revision, past.pairs.length, past.pairs[0]?.value]).toEqual([from, 20, 'old']);
    const now = await history.loadAt(['/past'], to, signal());
    expect([now.revision, now.pairs.length, now.pairs[0]?.value]).toEqual([to, 19, 'new 4']);
    expect(await history.deletedAt('/past/07', from, to, signal())).toBe(header?.revision);
    expect(await history.deletedAt('/past/none', from, to, signal())).toBeUndefined();
  });

  test('a revision that is compacted, or still to come, is refused in a sentence that says which', async () => {
    const { history } = source;
    await client.put({ key: bytes('/c/x'), value: bytes('1') });
    const { revision } = await source.load([], signal());
    await client.compact({ revision });
    await expect(history.loadAt(['/c'], revision - 1, signal())).rejects.toMatchObject({
      code: 'source',
      message: expect.stringContaining(`revision ${revision - 1} is compacted, its keys are gone for good`),
    });
    await expect(history.loadAt(['/c'], revision + 1, signal())).rejects.toMatchObject({
      code: 'source',
      message: expect.stringContaining(
        `revision ${revision + 1} is still to come: the newest is ${revision}`,
      ),
    });
    expect((await history.loadAt(['/c'], revision, signal())).pairs).toHaveLength(1);
  });

  test('50,000 keys load fast', async () => {
    const value = 'v'.repeat(20);
    await fill(
      client,
      Array.from({ length: 50_000 }, (_, n) => [`/services/up${n % 500}/host-${n}`, value] as const),
    );
    const big = new EtcdV3Source({ ...ports, endpoints: [etcd.endpoint] });
    const times: number[] = [];
    let pairs: readonly Pair[] = [];
    for (let round = 0; round < 5; round++) {
      const startMs = performance.now();
      ({ pairs } = await big.load(['/services'], signal()));
      times.push(performance.now() - startMs);
    }
    await big.close();
    expect(pairs).toHaveLength(50_000);
    console.log(`50,000 keys: ${times.map((ms) => ms.toFixed(0)).join(' ')} ms`);
    // A bound that a shared machine meets and a per-key round trip or bigint storm doesn't.
    expect(Math.min(...times)).toBeLessThan(500);
  });
});

describe('etcdv3 source without a server', () => {
  test('load fails with a source error that says what was tried', async () => {
    const source = new EtcdV3Source({ ...ports, endpoints: ['http://127.0.0.1:1'], dialTimeoutMs: 50 });
    await expect(source.load([''], AbortSignal.timeout(5_000))).rejects.toMatchObject({
      code: 'source',
      message: expect.stringMatching(/127\.0\.0\.1:1.*ECONNREFUSED/),
    });
    await source.close();
  });

  test('follow keeps trying and says so once; close ends it', async () => {
    const source = new EtcdV3Source({ ...ports, endpoints: ['127.0.0.1:1'], dialTimeoutMs: 20 });
    const recorder = new Recorder();
    const following = source.follow([''], recorder);
    await recorder.until(() => recorder.losses.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(recorder.losses).toHaveLength(1);
    await following.close();
    await source.close();
  });
});
