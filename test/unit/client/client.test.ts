import {
  status as grpcStatus,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { parseEndpoint } from '../../../src/client/endpoint.js';
import {
  KVService,
  type LeaseKeepAliveRequest,
  type LeaseKeepAliveResponse,
  LeaseService,
  PutResponse,
  RangeResponse,
} from '../../../src/proto/generated/etcd_rpc.js';
import {
  RenderService,
  RenderStatusResponse,
  RenderWaitResponse,
} from '../../../src/proto/generated/render.js';
import { clientOf, cut, type FakeServer, header, KEY, NOBODY, opened, serve } from './servers.js';

interface Behaviour {
  /** Answers a call by its number, from 1: a revision, or a status to fail with. */
  readonly kv: (
    call: number,
    caller: string,
    hasLeader: string | undefined,
  ) => number | { readonly code: grpcStatus; readonly details: string } | 'silence';
}

async function kvServer(behaviour: Behaviour): Promise<FakeServer & { readonly calls: () => number }> {
  let calls = 0;
  const answer = <Response>(
    call: ServerUnaryCall<unknown, unknown>,
    make: (revision: number) => Response,
    callback: sendUnaryData<Response>,
  ): void => {
    calls++;
    const outcome = behaviour.kv(calls, call.getPeer(), call.metadata.get('hasleader')[0]?.toString());
    if (outcome === 'silence') return;
    if (typeof outcome === 'number') callback(null, make(outcome));
    else callback(outcome);
  };
  const server = await serve([
    [
      KVService,
      {
        range: (call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<RangeResponse>) =>
          answer(call, (revision) => RangeResponse.fromPartial({ header: header(revision) }), callback),
        put: (call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<PutResponse>) =>
          answer(call, (revision) => PutResponse.fromPartial({ header: header(revision) }), callback),
        deleteRange: () => {},
        txn: () => {},
        compact: () => {},
      },
    ],
  ]);
  opened.push(server);
  return { ...server, calls: () => calls };
}

describe('endpoints', () => {
  test.each([
    ['127.0.0.1:2379', '127.0.0.1:2379', undefined],
    ['http://h:1', 'h:1', false],
    ['https://h:1/', 'h:1', true],
    [' h:1 ', 'h:1', undefined],
    ['[::1]:2379', '[::1]:2379', undefined],
    ['unix:///run/x.sock', 'unix:/run/x.sock', false],
  ])('%s', (text, target, tls) => expect(parseEndpoint(text)).toMatchObject({ target, tls }));

  test.each(['', 'h', 'ftp://h:1', 'http://h', 'h:1/path', 'h:port'])('%j is refused', (text) => {
    expect(() => parseEndpoint(text)).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

describe('calls', () => {
  const unavailable = { code: grpcStatus.UNAVAILABLE, details: 'etcdserver: no leader' };

  test('an endpoint that nobody listens on is skipped, for writes too', async () => {
    const server = await kvServer({ kv: () => 5 });
    const response = await clientOf([NOBODY, server.endpoint]).put({ key: KEY });
    expect(response.header?.revision).toBe(5);
  });

  test('a read goes on to the next endpoint when one is unavailable', async () => {
    const bad = await kvServer({ kv: () => unavailable });
    const good = await kvServer({ kv: () => 9 });
    const response = await clientOf([bad.endpoint, good.endpoint]).range({ key: KEY });
    expect(response.header?.revision).toBe(9);
    expect(bad.calls()).toBe(1);
  });

  test('a read outlives a short unavailability of the only endpoint', async () => {
    const server = await kvServer({ kv: (call) => (call < 4 ? unavailable : 3) });
    expect((await clientOf([server.endpoint]).range({ key: KEY })).header?.revision).toBe(3);
  });

  test('a write whose outcome is unknown is never sent again', async () => {
    for (const outcome of [unavailable, 'silence'] as const) {
      const bad = await kvServer({ kv: () => outcome });
      const good = await kvServer({ kv: () => 9 });
      const client = clientOf([bad.endpoint, good.endpoint], { requestTimeoutMs: 1_000 });
      await expect(client.put({ key: KEY })).rejects.toMatchObject({
        code: outcome === 'silence' ? 'deadline_exceeded' : 'unavailable',
      });
      expect([bad.calls(), good.calls()]).toEqual([1, 0]);
    }
  });

  test("an error has the server's message and its code, and is not repeated", async () => {
    const details = 'etcdserver: requested lease not found';
    const server = await kvServer({ kv: () => ({ code: grpcStatus.NOT_FOUND, details }) });
    await expect(clientOf([server.endpoint]).range({ key: KEY })).rejects.toMatchObject({
      code: 'not_found',
      message: details,
    });
    expect(server.calls()).toBe(1);
  });

  test('where nothing listens, the error names each endpoint and why, soon', async () => {
    const client = clientOf([NOBODY, '127.0.0.1:2'], { dialTimeoutMs: 100 });
    await expect(client.put({ key: KEY })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/127\.0\.0\.1:1: .*ECONNREFUSED.*127\.0\.0\.1:2: .*ECONNREFUSED/),
    });
  });

  test('an endpoint that does not answer is not asked again first', async () => {
    const hung = await kvServer({ kv: () => 'silence' });
    const good = await kvServer({ kv: () => 9 });
    const client = clientOf([hung.endpoint, good.endpoint], { requestTimeoutMs: 1_000 });
    await expect(client.range({ key: KEY })).rejects.toMatchObject({ code: 'deadline_exceeded' });
    expect((await client.range({ key: KEY })).header?.revision).toBe(9);
  });

  test('a read whose last try has no time left says what a member answered before', async () => {
    const server = await kvServer({ kv: (call) => (call === 1 ? unavailable : 'silence') });
    const client = clientOf([server.endpoint], { requestTimeoutMs: 1_000 });
    await expect(client.range({ key: KEY })).rejects.toMatchObject({
      code: 'unavailable',
      message: 'etcdserver: no leader',
    });
    expect(server.calls()).toBe(2);
  });

  test('one endpoint given twice is one', async () => {
    const bad = await kvServer({ kv: () => unavailable });
    const good = await kvServer({ kv: () => 9 });
    const twice = [bad.endpoint, `http://${bad.endpoint}`, bad.endpoint, good.endpoint];
    await clientOf(twice).range({ key: KEY });
    expect(bad.calls()).toBe(1);
  });

  test('behind a name another member may answer: it is dialled anew after a failure', async () => {
    const callers = new Set<string>();
    const server = await kvServer({
      kv: (call, caller) => {
        callers.add(caller);
        return call % 2 === 1 ? unavailable : 9;
      },
    });
    const byName = server.endpoint.replace('127.0.0.1', 'localhost');
    expect((await clientOf([byName]).range({ key: KEY })).header?.revision).toBe(9);
    expect(callers.size).toBe(2);
    // An address is one member, whose connection is kept.
    callers.clear();
    expect((await clientOf([server.endpoint]).range({ key: KEY })).header?.revision).toBe(9);
    expect([server.calls(), callers.size]).toEqual([4, 1]);
  });

  test('a read that requires a leader says so', async () => {
    const asked: (string | undefined)[] = [];
    const server = await kvServer({
      kv: (_call, _caller, hasLeader) => {
        asked.push(hasLeader);
        return 9;
      },
    });
    const client = clientOf([server.endpoint]);
    await client.range({ key: KEY }, { requireLeader: true });
    await client.range({ key: KEY });
    expect(asked).toEqual(['true', undefined]);
  });

  test('the wait for a render goes to the daemon that answered, and to no other', async () => {
    const hosts: string[] = [];
    const daemon = async (name: string, code: grpcStatus | undefined) => {
      const server = await serve([
        [
          RenderService,
          {
            status: (_call: unknown, callback: sendUnaryData<RenderStatusResponse>) =>
              callback(null, RenderStatusResponse.fromPartial({ source: name })),
            wait: (_call: unknown, callback: sendUnaryData<RenderWaitResponse>) => {
              hosts.push(name);
              if (code === undefined) callback(null, RenderWaitResponse.fromPartial({}));
              else callback({ code, details: 'going away' });
            },
          },
        ],
      ]);
      opened.push(server);
      return server.endpoint;
    };
    const endpoints = [NOBODY, await daemon('a', grpcStatus.UNAVAILABLE), await daemon('b', undefined)];
    const client = clientOf(endpoints);
    expect((await client.renderStatus()).source).toBe('a');
    await expect(client.renderWait(5, 1_000)).rejects.toMatchObject({ code: 'unavailable' });
    expect(hosts).toEqual(['a']);
  });

  test('an abort ends a call', async () => {
    const server = await kvServer({ kv: () => 'silence' });
    const abort = new AbortController();
    const call = clientOf([server.endpoint]).range({ key: KEY }, { signal: abort.signal });
    const rejected = expect(call).rejects.toMatchObject({ code: 'cancelled' });
    while (server.calls() === 0) await new Promise((resolve) => setImmediate(resolve));
    abort.abort();
    await rejected;
  });
});

describe('keep-alive', () => {
  type Stream = ServerDuplexStream<LeaseKeepAliveRequest, LeaseKeepAliveResponse>;

  async function leaseServer(
    answer: (renewal: number, stream: Stream, id: bigint) => void,
  ): Promise<FakeServer> {
    let renewals = 0;
    const server = await serve([
      [
        LeaseService,
        {
          leaseKeepAlive: (stream: Stream) => {
            stream.on('error', () => {});
            stream.on('data', ({ ID }: LeaseKeepAliveRequest) => answer(++renewals, stream, ID));
          },
          leaseGrant: () => {},
          leaseRevoke: () => {},
          leaseTimeToLive: () => {},
          leaseLeases: () => {},
        },
      ],
    ]);
    opened.push(server);
    return server;
  }

  test('renews over a broken stream, until the lease is gone', async () => {
    const renewed: number[] = [];
    const server = await leaseServer((renewal, stream, ID) => {
      if (renewal === 2) cut(stream);
      else stream.write({ header: undefined, ID, TTL: renewal < 4 ? 1 : 0 });
    });
    const client = clientOf([server.endpoint]);
    const { signal } = new AbortController();
    const end = await client.keepAlive({ id: 5n, signal, renewed: ({ TTL }) => renewed.push(TTL) });
    expect(end).toBe('expired');
    expect(renewed).toEqual([1, 1]);
  });

  test('once answers, or fails without trying again', async () => {
    const server = await leaseServer((_renewal, stream, ID) =>
      stream.write({ header: undefined, ID, TTL: 7 }),
    );
    const { signal } = new AbortController();
    const renewed: number[] = [];
    const options = {
      id: 5n,
      signal,
      once: true,
      renewed: ({ TTL }: LeaseKeepAliveResponse) => renewed.push(TTL),
    };
    expect(await clientOf([server.endpoint]).keepAlive(options)).toBe('renewed');
    expect(renewed).toEqual([7]);
    await expect(clientOf([NOBODY], { dialTimeoutMs: 50 }).keepAlive(options)).rejects.toMatchObject({
      code: 'unavailable',
    });
  });

  test('an abort stops it', async () => {
    const abort = new AbortController();
    const server = await leaseServer((_renewal, stream, ID) => {
      stream.write({ header: undefined, ID, TTL: 60 }, () => abort.abort());
    });
    expect(await clientOf([server.endpoint]).keepAlive({ id: 5n, signal: abort.signal })).toBe('stopped');
  });
});
