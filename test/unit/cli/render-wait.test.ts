import { status as grpcStatus, type sendUnaryData } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { KVService, type RangeRequest, RangeResponse } from '../../../src/proto/generated/etcd_rpc.js';
import {
  RenderService,
  RenderStatusResponse,
  type RenderWaitRequest,
  RenderWaitResponse,
  ResourceStatus,
} from '../../../src/proto/generated/render.js';
import { serve } from '../client/servers.js';
import { confetctl } from './harness.js';

/** A file that is what revision 7 says. */
const good = ResourceStatus.fromPartial({ dest: '/etc/a', state: 'in_sync', appliedRevision: 7 });
const settled = { before: [good], after: [good] };

interface Daemon {
  readonly answer?: Partial<RenderWaitResponse>;
  readonly before: readonly ResourceStatus[];
  readonly after: readonly ResourceStatus[];
  /** The newest revision of the renderer, and of the store; undefined: there is no store. */
  readonly seen?: number;
  readonly newest?: number | undefined;
}

async function wait(daemon: Daemon, ...args: readonly string[]) {
  const { answer = {}, before, after, seen = 7 } = daemon;
  const newest = 'newest' in daemon ? daemon.newest : 7;
  const asked: RenderWaitRequest[] = [];
  const ranges: RangeRequest[] = [];
  let looks = 0;
  const server = await serve([
    [
      KVService,
      {
        range: (call: { request: RangeRequest }, callback: sendUnaryData<RangeResponse>) => {
          ranges.push(call.request);
          if (newest === undefined) callback({ code: grpcStatus.UNIMPLEMENTED, details: 'no store' });
          else callback(null, RangeResponse.fromPartial({ header: { revision: newest } }));
        },
      },
    ],
    [
      RenderService,
      {
        wait: (call: { request: RenderWaitRequest }, callback: sendUnaryData<RenderWaitResponse>) => {
          asked.push(call.request);
          callback(null, RenderWaitResponse.fromPartial(answer));
        },
        status: (_call: unknown, callback: sendUnaryData<RenderStatusResponse>) => {
          const resources = [...(looks++ === 0 ? before : after)];
          callback(null, RenderStatusResponse.fromPartial({ resources, sourceRevision: seen }));
        },
      },
    ],
  ]);
  try {
    const run = await confetctl(['render', 'wait', ...args, '--endpoints', server.endpoint]);
    return { ...run, asked, ranges };
  } finally {
    server.stop();
  }
}

describe('render wait', () => {
  test('asks for the newest revision by a linearizable read, and says that all was well', async () => {
    const run = await wait(settled);
    expect(run).toMatchObject({
      exitCode: 0,
      stdout: 'no file changed: each is what the keys of revision 7 say\n',
      stderr: '',
      asked: [{ revision: 7, timeoutMs: 30_000 }],
    });
    expect(run.ranges).toMatchObject([{ serializable: false, revision: 0 }]);
  });

  test('a revision that is given asks no store', async () => {
    const run = await wait({ ...settled, newest: undefined }, '5', '--timeout', '2s');
    expect(run).toMatchObject({ exitCode: 0, asked: [{ revision: 5, timeoutMs: 2_000 }], ranges: [] });
  });

  test('a daemon without a store says that a revision has to be given', async () => {
    expect(await wait({ ...settled, newest: undefined })).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('write confetctl render wait REVISION'),
      asked: [],
    });
  });

  test('prints what the revision changed, and what earlier ones changed during the wait', async () => {
    const daemon = {
      answer: { files: [{ dest: '/etc/a', revision: 7, latencyMs: 1.72 }], latencyMs: 3 },
      before: [
        good,
        { ...good, dest: '/etc/bb', state: 'pending', swappedAt: 5 },
        { ...good, dest: '/etc/c' },
      ],
      after: [
        { ...good, swappedAt: 9 },
        { ...good, dest: '/etc/bb', swappedAt: 9 },
        { ...good, dest: '/etc/c' },
      ],
    };
    expect(await wait(daemon)).toMatchObject({
      exitCode: 0,
      stdout: '/etc/a   rev 7  1.7 ms\n/etc/bb  rev 7\n',
    });
    const json: unknown = JSON.parse((await wait(daemon, '-w', 'json')).stdout);
    expect(json).toEqual({
      revision: 7,
      files: [
        { dest: '/etc/a', revision: 7, latency_ms: 1.72 },
        { dest: '/etc/bb', revision: 7, latency_ms: null },
      ],
      latency_ms: 3,
      timed_out: false,
      errors: [],
      pending: [],
    });
  });

  test('files that failed, now or before, that are held, or whose reload failed are exit 1', async () => {
    const after = [
      { ...good, dest: '/etc/a', state: 'failed', appliedRevision: 5, lastError: 'check failed: exit 1' },
      { ...good, dest: '/etc/b', state: 'held', appliedRevision: 6, lastError: 'paused' },
      { ...good, dest: '/etc/c', state: 'pending', pending: 'reload', lastError: 'reload failed: exit 2' },
      { ...good, dest: '/etc/d' },
    ];
    const run = await wait({ before: after, after });
    expect(run).toMatchObject({ exitCode: 1, stdout: '' });
    expect(run.stderr).toContain(
      '/etc/a: check failed: exit 1\n/etc/b: paused\n/etc/c: reload failed: exit 2\n',
    );
    expect(run.stderr).toContain('3 files could not be brought to revision 7: see confetctl render status\n');
  });

  test('a failure that came after the revision, or is over, is none', async () => {
    const failed = { ...good, state: 'failed', lastError: 'check failed: exit 1' };
    const answer = { errors: ['/etc/b: the source was away'] };
    const after = [
      { ...failed, appliedRevision: 7 },
      { ...good, dest: '/etc/b' },
    ];
    expect(await wait({ answer, before: after, after }, '6')).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('a timeout has a sentence of its own, with what is still to do', async () => {
    const after = [good, { ...good, dest: '/etc/b', state: 'pending', pending: 'render' }];
    const daemon = { answer: { timedOut: true }, before: after, after, seen: 6 };
    expect(await wait(daemon, '--timeout', '50ms')).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringContaining(
        'revision 7 was not rendered within 50ms, the renderer has the keys of revision 6, still to do: /etc/b: see confetctl render status\n',
      ),
    });
    expect(JSON.parse((await wait(daemon, '-w', 'json')).stdout)).toMatchObject({
      timed_out: true,
      pending: ['/etc/b'],
    });
  });

  test('a daemon that gives up before its time is not asked again', async () => {
    const { asked } = await wait({ ...settled, answer: { timedOut: true } }, '7', '--timeout', '1h');
    expect(asked).toEqual([{ revision: 7, timeoutMs: 600_000 }]);
  });

  test.each([
    [['x'], '"x" is not a revision'],
    [['0'], '"0" is not a revision'],
    [['1', '2'], 'render wait takes one revision'],
    [['--timeout', '-1s'], '--timeout must not be negative'],
  ])('%j is refused', async (args, sentence) => {
    const run = await wait(settled, ...args);
    expect(run).toMatchObject({ exitCode: 128, asked: [] });
    expect(run.stderr).toContain(sentence);
  });

  test('another output format than text and JSON is refused before anything is asked', async () => {
    expect(await wait(settled, '-w', 'protobuf')).toMatchObject({ exitCode: 4, asked: [] });
  });
});
