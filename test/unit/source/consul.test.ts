import { expect, test } from 'vitest';
import { NodeClock } from '../../../src/io/node/clock.js';
import { NodeRandom } from '../../../src/io/node/random.js';
import { openRemote } from '../../../src/source/open-remote.js';
import { type Exchange, recorded } from './recorded.js';
import { Recorder } from './recorder.js';

const ports = { clock: new NodeClock(), random: new NodeRandom() };
const { signal } = new AbortController();

interface Options {
  readonly token?: string;
  readonly basicAuth?: { readonly username: string; readonly password: string };
  readonly watch?: boolean;
}

const open = (nodes: readonly string[], { token = '', basicAuth, watch = true }: Options = {}) =>
  openRemote(
    {
      type: 'consul',
      nodes,
      scheme: 'http',
      token,
      ...(basicAuth === undefined ? {} : { basicAuth }),
      watch,
      intervalMs: 600_000,
    },
    ports,
  );

/** As consul 1.17 answers: values in base64, null for an empty one. */
const pair = (key: string, value: string | null, modifyIndex = 10) => ({
  LockIndex: 0,
  Key: key,
  Flags: 0,
  Value: value === null ? null : Buffer.from(value).toString('base64'),
  CreateIndex: modifyIndex,
  ModifyIndex: modifyIndex,
});
const list = (prefix: string, index: number, ...pairs: readonly object[]): Exchange => ({
  request: `GET /v1/kv/${prefix}?recurse=true`,
  headers: { 'x-consul-index': String(index), 'content-type': 'application/json' },
  body: pairs,
});
const waits = (exchange: Exchange, index: number, after: Promise<void>): Exchange => ({
  ...exchange,
  request: `${exchange.request}&index=${index}&wait=55s`,
  after,
});

test('keys have a slash in front, values are decoded, and what only begins alike is left out', async () => {
  const server = await recorded([
    list(
      'app',
      12,
      pair('app/', null),
      pair('app/empty', null),
      pair('app/port', '80'),
      pair('app/ünï', 'héllo'),
      pair('application/x', '1'),
    ),
    list('', 12, pair('a', '1'), pair('b/c', '2')),
  ]);
  const source = await open([server.node]);
  const { pairs, origin, revision } = await source.load(['/app'], signal);
  expect([origin, revision]).toEqual([`consul:${server.node}`, 1]);
  expect(Object.fromEntries(pairs.map(({ key, value }) => [key, value]))).toEqual({
    '/app': '',
    '/app/empty': '',
    '/app/port': '80',
    '/app/ünï': 'héllo',
  });
  expect((await source.load([''], signal)).pairs.map(({ key }) => key)).toEqual(['/a', '/b/c']);
  await source.close();
});

test('a prefix without keys is a 404, and no failure', async () => {
  const server = await recorded([{ ...list('none', 7), status: 404 }]);
  const source = await open([server.node]);
  expect((await source.load(['/none'], signal)).pairs).toEqual([]);
  await source.close();
});

test('changes are learned of by a query that waits at the last index', async () => {
  let change = (): void => undefined;
  const changed = new Promise<void>((resolve) => {
    change = resolve;
  });
  const never = new Promise<void>(() => undefined);
  const first = list('app', 12, pair('app/a', '1'));
  const second = list('app', 15, pair('app/b', '2', 15));
  const server = await recorded([first, waits(second, 12, changed)]);
  const source = await open([server.node]);
  const recorder = new Recorder();
  const following = source.follow(['/app'], recorder);
  await recorder.until(() => recorder.state.get('/app/a') === '1');
  server.play([second, waits(second, 12, changed), waits(second, 15, never)]);
  change();
  await recorder.until(() => recorder.state.get('/app/b') === '2');
  expect([...recorder.state.keys()]).toEqual(['/app/b']);
  expect(recorder.finds).toEqual([server.node]);
  expect(recorder.batches[0]?.changes).toContainEqual({ type: 'delete', key: '/app/a', modRevision: 2 });
  await following.close();
  await source.close();
});

test('without --watch no query waits', async () => {
  const server = await recorded([list('app', 12, pair('app/a', '1'))]);
  const source = await open([server.node], { watch: false });
  const recorder = new Recorder();
  const following = source.follow(['/app'], recorder);
  await recorder.until(() => recorder.state.size === 1);
  await ports.clock.yield();
  expect(server.asked).toEqual(['GET /v1/kv/app?recurse=true']);
  await following.close();
  await source.close();
});

test('a token and a login go along; where they are refused, the sentence says which flag', async () => {
  const authorization = `Basic ${Buffer.from('ann:secret').toString('base64')}`;
  const server = await recorded([
    { ...list('app', 1, pair('app/a', '1')), needs: { 'x-consul-token': 'T', authorization } },
    { ...list('app', 1), status: 403, body: 'Permission denied' },
  ]);
  const source = await open([server.node], {
    token: 'T',
    basicAuth: { username: 'ann', password: 'secret' },
  });
  expect((await source.load(['/app'], signal)).pairs).toHaveLength(1);
  await source.close();
  const stranger = await open([server.node]);
  await expect(stranger.load(['/app'], signal)).rejects.toThrow(
    /^consul \(127.*\): .* refuses to list "app" .*--auth-token$/,
  );
  await stranger.close();
});

test('a node that is down is left for the next; without any, each is named', async () => {
  const server = await recorded([list('app', 1, pair('app/a', '1'))]);
  const source = await open(['127.0.0.1:1', server.node]);
  expect((await source.load(['/app'], signal)).pairs).toHaveLength(1);
  await source.close();
  const nobody = await open(['127.0.0.1:1', '127.0.0.1:2']);
  await expect(nobody.load(['/app'], signal)).rejects.toThrow(
    'consul (127.0.0.1:1, 127.0.0.1:2): 127.0.0.1:1: nothing listens there; 127.0.0.1:2: nothing listens there',
  );
  await nobody.close();
});

test('what isn’t consul is told so', async () => {
  const server = await recorded([{ request: 'GET /v1/kv/app?recurse=true', body: { page: 'hello' } }]);
  const source = await open([server.node]);
  await expect(source.load(['/app'], signal)).rejects.toThrow('is it consul?');
  await source.close();
});
