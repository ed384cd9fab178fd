import { expect, test } from 'vitest';
import { NodeClock } from '../../../src/io/node/clock.js';
import { NodeRandom } from '../../../src/io/node/random.js';
import { openRemote } from '../../../src/source/open-remote.js';
import type { VaultLogin } from '../../../src/source/remote.js';
import { type Exchange, recorded } from './recorded.js';
import { Recorder } from './recorder.js';

const ports = { clock: new NodeClock(), random: new NodeRandom() };
const { signal } = new AbortController();
const TOKEN: VaultLogin = { type: 'token', token: 's.T' };
const needs = { 'x-vault-token': 's.T' };

const open = (node: string, login: VaultLogin = TOKEN, intervalMs = 600_000) =>
  openRemote({ type: 'vault', nodes: [`http://${node}`], login, watch: true, intervalMs }, ports);

/** As vault 1.15 answers. */
const secret = (data: unknown) => ({
  request_id: 'f0e1',
  lease_id: '',
  renewable: false,
  lease_duration: 0,
  data,
  wrap_info: null,
  warnings: null,
  auth: null,
});
const mount = (asked: string, path: string, version: '1' | '2'): Exchange => ({
  request: `GET /v1/sys/internal/ui/mounts/${asked}`,
  needs,
  body: secret({ type: 'kv', path: `${path}/`, options: { version }, description: '' }),
});
const nothing = (request: string): Exchange => ({ request, needs, status: 404, body: { errors: [] } });
const version = (data: unknown) =>
  secret({ data, metadata: { version: 3, destroyed: false, deletion_time: '', custom_metadata: null } });

const KV2: readonly Exchange[] = [
  mount('secret/app', 'secret', '2'),
  nothing('GET /v1/secret/data/app'),
  {
    request: 'GET /v1/secret/metadata/app/?list=true',
    needs,
    body: secret({ keys: ['db', 'deep/', 'gone', 'token'] }),
  },
  {
    request: 'GET /v1/secret/data/app/db',
    needs,
    body: version({ user: 'ann', port: 5432, tls: { ca: 'PEM' } }),
  },
  { request: 'GET /v1/secret/metadata/app/deep/?list=true', needs, body: secret({ keys: ['x'] }) },
  { request: 'GET /v1/secret/data/app/deep/x', needs, body: version({ a: 'b' }) },
  {
    request: 'GET /v1/secret/data/app/gone',
    needs,
    status: 404,
    body: secret({ data: null, metadata: { deletion_time: '2026-01-01T00:00:00Z' } }),
  },
  { request: 'GET /v1/secret/data/app/token', needs, body: version({ value: 'only' }) },
];

async function keys(node: string, subtrees: readonly string[], login?: VaultLogin) {
  const source = await open(node, login);
  try {
    const { pairs } = await source.load(subtrees, signal);
    return Object.fromEntries(pairs.map(({ key, value }) => [key, value]));
  } finally {
    await source.close();
  }
}

test('version 2: folders are walked, fields are keys, a secret its JSON or its one value', async () => {
  const server = await recorded(KV2);
  expect(await keys(server.node, ['/secret/app'])).toEqual({
    '/secret/app/db': '{"user":"ann","port":5432,"tls":{"ca":"PEM"}}',
    '/secret/app/db/port': '5432',
    '/secret/app/db/tls/ca': 'PEM',
    '/secret/app/db/user': 'ann',
    '/secret/app/deep/x': '{"a":"b"}',
    '/secret/app/deep/x/a': 'b',
    '/secret/app/token': 'only',
    '/secret/app/token/value': 'only',
  });
});

test('version 1: no data/ and metadata/ in its paths; a key may name one field', async () => {
  const server = await recorded([
    mount('kv/app/user', 'kv', '1'),
    nothing('GET /v1/kv/app/user'),
    nothing('GET /v1/kv/app/user/?list=true'),
    { request: 'GET /v1/kv/app', needs, body: secret({ user: 'ann', password: 'x' }) },
  ]);
  expect(await keys(server.node, ['/kv/app/user'])).toEqual({ '/kv/app/user': 'ann' });
});

test.each<[VaultLogin, string, unknown]>([
  [
    { type: 'app-role', path: 'approle', roleId: 'r', secretId: 's' },
    'POST /v1/auth/approle/login',
    { role_id: 'r', secret_id: 's' },
  ],
  [
    { type: 'app-id', path: 'mine', appId: 'a', userId: 'u' },
    'POST /v1/auth/mine/login',
    { app_id: 'a', user_id: 'u' },
  ],
  [{ type: 'github', path: 'github', token: 'g' }, 'POST /v1/auth/github/login', { token: 'g' }],
  [
    { type: 'userpass', path: 'userpass', username: 'a/b', password: 'p' },
    'POST /v1/auth/userpass/login/a%2Fb',
    { password: 'p' },
  ],
  [{ type: 'cert', path: 'cert' }, 'POST /v1/auth/cert/login', {}],
])('the login of %j', async (login, request, carries) => {
  const server = await recorded([
    { request, carries, body: { ...secret(null), auth: { client_token: 's.T', lease_duration: 3600 } } },
    ...KV2,
  ]);
  expect(await keys(server.node, ['/secret/app'], login)).toHaveProperty('/secret/app/token', 'only');
  expect(server.asked[0]).toBe(request);
});

test('a token that has run out is replaced by a new login', async () => {
  const login = { type: 'app-role', path: 'approle', roleId: 'r', secretId: 's' } as const;
  const logins = (token: string): Exchange => ({
    request: 'POST /v1/auth/approle/login',
    body: { ...secret(null), auth: { client_token: token } },
  });
  const server = await recorded([logins('s.T'), ...KV2]);
  const source = await open(server.node, login);
  await source.load(['/secret/app'], signal);
  const refused = KV2.map(({ request }) => ({
    request,
    status: 403,
    body: { errors: ['permission denied'] },
  }));
  const renewed = KV2.map((exchange) => ({ ...exchange, needs: { 'x-vault-token': 's.U' } }));
  server.play([logins('s.U'), ...renewed, ...refused]);
  expect((await source.load(['/secret/app'], signal)).pairs).toHaveLength(8);
  await source.close();
});

test('what goes wrong is told with vault’s words, never with a secret', async () => {
  const server = await recorded([
    {
      request: 'POST /v1/auth/userpass/login/ann',
      status: 400,
      body: { errors: ['invalid username or password'] },
    },
    { request: 'GET /v1/sys/internal/ui/mounts/none', status: 403, body: { errors: ['preflight denied'] } },
    {
      request: 'GET /v1/sys/internal/ui/mounts/pki',
      body: secret({ type: 'pki', path: 'pki/', options: null }),
    },
  ]);
  const userpass = { type: 'userpass', path: 'userpass', username: 'ann', password: 'hush' } as const;
  await expect(keys(server.node, ['/secret'], userpass)).rejects.toThrow(
    /^vault \(http:.*\): the login with --auth-type userpass is refused: 400: invalid username or password$/,
  );
  await expect(keys(server.node, ['/none'])).rejects.toThrow(
    'no secrets engine is mounted at /none, or this login may not see it (403: preflight denied)',
  );
  await expect(keys(server.node, ['/pki'])).rejects.toThrow('is pki: only kv is read');
  await expect(keys(server.node, [''])).rejects.toThrow('write keys, or a prefix');
});

test('vault tells nobody of changes: it is read every interval', async () => {
  const server = await recorded(KV2);
  const source = await open(server.node, TOKEN, 30);
  const recorder = new Recorder();
  const following = source.follow(['/secret/app'], recorder);
  await recorder.until(() => recorder.state.get('/secret/app/deep/x/a') === 'b');
  server.play([{ request: 'GET /v1/secret/data/app/deep/x', body: version({ a: 'c' }) }, ...KV2]);
  await recorder.until(() => recorder.state.get('/secret/app/deep/x/a') === 'c');
  await following.close();
  await source.close();
});
