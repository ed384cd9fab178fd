import type { ServerDuplexStream, sendUnaryData } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import type { Client } from '../../../src/client/client.js';
import type { WatchEnd, WatchOptions } from '../../../src/client/watch.js';
import {
  KVService,
  RangeResponse,
  type WatchCreateRequest,
  type WatchRequest,
  WatchResponse,
  WatchService,
} from '../../../src/proto/generated/etcd_rpc.js';
import { clientOf, cut, header, KEY, opened, serve } from './servers.js';

type WatchStream = ServerDuplexStream<WatchRequest, WatchResponse>;

/** A server that hands each created watch, with its start revision, to the test. */
async function watchServer(
  onCreate: (stream: WatchStream, start: number, streamNumber: number, request: WatchCreateRequest) => void,
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
            const { value } = request.requestUnion;
            onCreate(stream, value.startRevision, ++streams, value);
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
const event = (revision: number, { raftTerm = 2, size = 0 } = {}) =>
  WatchResponse.fromPartial({
    header: header(revision, 7n, raftTerm),
    events: [{ kv: { key: KEY, value: Buffer.alloc(size), modRevision: revision } }],
  });

/** `busy`: what the listener answers to each response. */
function watching(
  client: Client,
  startRevision = 0,
  { busy, ...more }: Partial<WatchOptions> & { readonly busy?: () => Promise<void> } = {},
) {
  const revisions: number[] = [];
  const losses: string[] = [];
  let watchers: { at: number; resolve: () => void }[] = [];
  const ended = new Promise<WatchEnd>((resolve) => {
    const watch = client.watch(
      { key: KEY, rangeEnd: Buffer.alloc(0), startRevision, ...more },
      {
        events: (response) => {
          for (const { kv } of response.events) revisions.push(kv?.modRevision ?? 0);
          for (const watcher of watchers) if (revisions.length >= watcher.at) watcher.resolve();
          watchers = watchers.filter(({ at }) => revisions.length < at);
          return busy?.();
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

  test('terms of events say nothing: a member that was cut off stamps them with ever higher ones', async () => {
    const server = await watchServer(
      (stream, start, number) => {
        stream.write(created(10));
        stream.write(event(start, { raftTerm: 90 }), () => {
          if (number === 1) cut(stream);
        });
      },
      () => 20,
    );
    const watch = watching(clientOf([server.endpoint]), 11);
    await watch.count(2);
    expect(watch.revisions).toEqual([11, 12]);
  });

  test('what a server repeats is told once', async () => {
    const server = await watchServer(
      (stream, _start, number) => {
        stream.write(created(10));
        for (const revision of [11, 12, 13]) {
          stream.write(event(revision), () => {
            if (number === 1 && revision === 12) cut(stream);
          });
        }
        if (number === 2) stream.write(event(14));
      },
      () => 20,
    );
    const watch = watching(clientOf([server.endpoint]));
    await watch.count(4);
    expect(watch.revisions).toEqual([11, 12, 13, 14]);
  });

  test('a server that never begins the watch is left for another', async () => {
    const silent = await watchServer(() => {});
    const good = await watchServer((stream, start) => {
      stream.write(created(10));
      stream.write(event(start));
    });
    const client = clientOf([silent.endpoint, good.endpoint], { requestTimeoutMs: 500 });
    const watch = watching(client, 11);
    await watch.count(1);
    expect(watch.losses).toEqual([expect.stringContaining('did not begin the watch within 0.5s')]);
  });

  test('progress that was asked for is a position; the answer to a question of no watch is not', async () => {
    const starts: number[] = [];
    const server = await watchServer(
      (stream, start, number, { progressNotify }) => {
        starts.push(start);
        expect(progressNotify).toBe(true);
        stream.write(created(10));
        const watchId = number === 1 ? 0n : -1n;
        const told = WatchResponse.fromPartial({ header: header(40 * number), watchId });
        if (number < 3) stream.write(told, () => cut(stream));
        else stream.write(event(start));
      },
      () => 200,
    );
    const watch = watching(clientOf([server.endpoint]), 11, { progressNotify: true });
    await watch.count(1);
    expect(starts).toEqual([11, 41, 41]);
  });

  test('a busy listener stops the server, is told the rest when it is ready, and misses nothing of a broken stream', async () => {
    const total = 300;
    let sent = 0;
    const server = await watchServer(
      (stream, start, number) => {
        stream.write(created(10));
        const next = (revision: number): void => {
          if (revision > total) return;
          stream.write(event(revision, { size: 100_000 }), () => {
            sent = Math.max(sent, revision);
            if (number === 1 && revision === 30) cut(stream);
            else next(revision + 1);
          });
        };
        next(start);
      },
      () => 1_000,
    );
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const watch = watching(clientOf([server.endpoint]), 11, { busy: () => held });
    await watch.count(1);
    // Time enough for 30 MB on loopback.
    await new Promise((wake) => setTimeout(wake, 500));
    expect(watch.revisions).toEqual([11]);
    expect(sent).toBeLessThan(100);
    release();
    await watch.count(total - 10);
    expect(watch.revisions).toEqual(Array.from({ length: total - 10 }, (_, at) => at + 11));
  });
});
