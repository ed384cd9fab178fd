import { status as grpcStatus, type ServerDuplexStream, type sendUnaryData } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from 'vitest';
import { Client } from '../../../src/client/client.js';
import { parseEndpoint } from '../../../src/client/endpoint.js';
import type { WatchEnd } from '../../../src/client/watch.js';
import { NodeClock } from '../../../src/io/node/clock.js';
import { NodeRandom } from '../../../src/io/node/random.js';
import {
  KVService,
  type LeaseKeepAliveRequest,
  type LeaseKeepAliveResponse,
  LeaseService,
  PutResponse,
  RangeResponse,
  type WatchRequest,
  WatchResponse,
  WatchService,
} from '../../../src/proto/generated/etcd_rpc.js';
import { type FakeServer, serve } from './servers.js';

const ports = { clock: new NodeClock(), random: new NodeRandom() };
const KEY = Buffer.from('k');
const NOBODY = '127.0.0.1:1';
const header = (revision: number, clusterId = 7n) => ({ clusterId, memberId: 1n, revision, raftTerm: 2 });

const opened: { close?(): void; stop?(): void }[] = [];
afterEach(() => {
  for (const each of opened.splice(0)) {
    each.close?.();
    each.stop?.();
  }
});

function clientOf(
  endpoints: readonly string[],
  options: { requestTimeoutMs?: number; dialTimeoutMs?: number } = {},
): Client {
  const client = new Client({ ...ports, endpoints, ...options });
  opened.push(client);
  return client;
}

interface Behaviour {
  /** Answers a call by its number, from 1: a revision, or a status to fail with. */
  readonly kv: (call: number) => number | { readonly code: grpcStatus; readonly details: string } | 'silence';
}

async function kvServer(behaviour: Behaviour): Promise<FakeServer & { readonly calls: () => number }> {
  let calls = 0;
  const answer = <Response>(
    make: (revision: number) => Response,
    callback: sendUnaryData<Response>,
  ): void => {
    calls++;
    const outcome = behaviour.kv(calls);
    if (outcome === 'silence') return;
    if (typeof outcome === 'number') callback(null, make(outcome));
    else callback(outcome);
  };
  const server = await serve([
    [
      KVService,
      {
        range: (_call: unknown, callback: sendUnaryData<RangeResponse>) =>
          answer((revision) => RangeResponse.fromPartial({ header: header(revision) }), callback),
        put: (_call: unknown, callback: sendUnaryData<PutResponse>) =>
          answer((revision) => PutResponse.fromPartial({ header: header(revision) }), callback),
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
      const client = clientOf([bad.endpoint, good.endpoint], { requestTimeoutMs: 200 });
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

/** Ends a stream as a member does that goes away. */
function cut(stream: { emit(event: 'error', error: object): boolean }): void {
  stream.emit('error', { code: grpcStatus.UNAVAILABLE, details: 'cut' });
}

type WatchStream = ServerDuplexStream<WatchRequest, WatchResponse>;

/** A server that hands each created watch, with its start revision, to the test. */
async function watchServer(
  onCreate: (stream: WatchStream, start: number, stream_number: number) => void,
  revision = () => 10,
  clusterId = () => 7n,
) {
  let streams = 0;
  const server = await serve([
    [
      KVService,
      {
        range: (_call: unknown, callback: sendUnaryData<RangeResponse>) =>
          callback(null, RangeResponse.fromPartial({ header: header(revision(), clusterId()) })),
        put: () => {},
        deleteRange: () => {},
        txn: () => {},
        compact: () => {},
      },
    ],
    [
      WatchService,
      {
        watch: (stream: WatchStream) => {
          stream.on('error', () => {});
          stream.on('data', (request: WatchRequest) => {
            if (request.requestUnion?.$case !== 'createRequest') return;
            onCreate(stream, request.requestUnion.value.startRevision, ++streams);
          });
        },
      },
    ],
  ]);
  opened.push(server);
  return server;
}

const created = (revision: number, clusterId = 7n) =>
  WatchResponse.fromPartial({ header: header(revision, clusterId), created: true });
const event = (revision: number) =>
  WatchResponse.fromPartial({
    header: header(revision),
    events: [{ kv: { key: KEY, value: Buffer.from(String(revision)), modRevision: revision } }],
  });

function watching(client: Client, startRevision = 0) {
  const revisions: number[] = [];
  const losses: string[] = [];
  let watchers: { at: number; resolve: () => void }[] = [];
  const ended = new Promise<WatchEnd>((resolve) => {
    const watch = client.watch(
      { key: KEY, rangeEnd: Buffer.alloc(0), startRevision },
      {
        events: (response) => {
          for (const { kv } of response.events) revisions.push(kv?.modRevision ?? 0);
          for (const watcher of watchers) if (revisions.length >= watcher.at) watcher.resolve();
          watchers = watchers.filter(({ at }) => revisions.length < at);
        },
        lost: (reason) => losses.push(reason),
        ended: resolve,
      },
    );
    opened.push(watch);
  });
  const count = (at: number): Promise<void> =>
    revisions.length >= at ? Promise.resolve() : new Promise((resolve) => watchers.push({ at, resolve }));
  return { revisions, losses, ended, count };
}

describe('watch', () => {
  test('a broken stream is resumed at the next revision, without a gap or a repetition', async () => {
    const starts: number[] = [];
    const server = await watchServer(
      (stream, start, number) => {
        starts.push(start);
        stream.write(created(10));
        if (number === 1) stream.write(event(11), () => cut(stream));
        else stream.write(event(start));
      },
      () => 20,
    );
    const watch = watching(clientOf([server.endpoint]));
    await watch.count(2);
    expect(watch.revisions).toEqual([11, 12]);
    expect(starts).toEqual([0, 12]);
    expect(watch.losses).toHaveLength(1);
  });

  test('from now on: what changed while a quiet stream was down is told', async () => {
    const starts: number[] = [];
    const server = await watchServer((stream, start, number) => {
      starts.push(start);
      stream.write(created(10), () => {
        if (number === 1) cut(stream);
      });
      if (number === 2) stream.write(event(11));
    });
    await watching(clientOf([server.endpoint])).count(1);
    expect(starts).toEqual([0, 11]);
  });

  test('goes on at another endpoint when one dies', async () => {
    const second = await watchServer(
      (stream, start) => {
        stream.write(created(12));
        stream.write(event(start));
      },
      () => 12,
    );
    const first = await watchServer((stream) => {
      stream.write(created(10));
      stream.write(event(11), () => first.stop());
    });
    const watch = watching(clientOf([first.endpoint, second.endpoint]));
    await watch.count(2);
    expect(watch.revisions).toEqual([11, 12]);
  });

  test('a compacted start ends it with what the server said', async () => {
    const server = await watchServer((stream) => {
      stream.write(created(10));
      stream.write(WatchResponse.fromPartial({ header: header(0), canceled: true, compactRevision: 5 }));
    });
    expect(await watching(clientOf([server.endpoint]), 3).ended).toMatchObject({
      kind: 'compacted',
      reason: 'etcdserver: mvcc: required revision has been compacted',
    });
  });

  test('a refused watch ends it', async () => {
    const server = await watchServer((stream) => {
      stream.write(
        WatchResponse.fromPartial({ header: header(10), created: true, canceled: true, cancelReason: 'no' }),
      );
    });
    expect(await watching(clientOf([server.endpoint])).ended).toMatchObject({
      kind: 'cancelled',
      reason: 'no',
    });
  });

  test('another cluster behind the address ends it', async () => {
    let cluster = 7n;
    const server = await watchServer(
      (stream) => {
        stream.write(created(10, cluster));
        stream.write(event(11), () => {
          cluster = 8n;
          cut(stream);
        });
      },
      () => 50,
      () => cluster,
    );
    expect(await watching(clientOf([server.endpoint])).ended).toMatchObject({ kind: 'replaced' });
  });

  test('the same cluster at a lower revision than was seen ends it', async () => {
    const server = await watchServer((stream) => {
      stream.write(created(10));
      stream.write(event(30), () => cut(stream));
    });
    expect(await watching(clientOf([server.endpoint])).ended).toMatchObject({ kind: 'replaced' });
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
