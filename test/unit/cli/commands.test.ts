import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KVService, PutResponse } from '../../../src/proto/generated/etcd_rpc.js';
import {
  RenderService,
  type RenderStatusRequest,
  RenderStatusResponse,
  type RenderWaitRequest,
  RenderWaitResponse,
} from '../../../src/proto/generated/render.js';
import { type RealEtcd, startEtcd } from '../../etcd.js';
import { peer, peers } from '../../peers.js';
import { type FakeServer, serve } from '../client/servers.js';
import { confetctl, program, type Run, Running } from './harness.js';

describe('without a server', () => {
  test('help: everything, a group, a command', async () => {
    const all = await confetctl(['--help']);
    expect(all).toMatchObject({ exitCode: 0, stderr: '' });
    expect(all.stdout).toMatch(/lease grant .*\n/);
    expect((await confetctl(['lease'])).stdout).toMatch(/Usage: confetctl \[flags\] lease <command>/);
    const put = await confetctl(['put', '--help']);
    expect(put.stdout).toContain('--wait-timeout=30s');
    expect(await confetctl(['help', 'put'])).toEqual(put);
    expect((await confetctl(['help', 'lease', 'grant'])).stdout).toContain('confetctl lease grant');
  });

  test('a flag that is not known: usage and the reason on standard error', async () => {
    const run = await confetctl(['get', '--nonsense', 'k']);
    expect(run).toMatchObject({ exitCode: 1, stdout: '' });
    expect(run.stderr).toMatch(/Usage: confetctl get[\s\S]*Error: unknown flag: --nonsense\n$/);
  });

  test('flags may stand before the command, too', async () => {
    expect((await confetctl(['-w', 'json', '--endpoints', 'h:1', 'version'])).stdout).toMatch(
      /^confetctl version: \d/,
    );
  });

  test.each(['--user=root:x', '--password=x', '--discovery-srv=x'])(
    '%s is refused, not ignored',
    async (flag) => {
      expect(await confetctl(['get', 'k', flag])).toMatchObject({
        exitCode: 4,
        stderr: expect.stringContaining('not supported yet'),
      });
    },
  );

  test('where nothing listens: exit 1, and the sentence names endpoint and reason', async () => {
    const run = await confetctl(['--endpoints=127.0.0.1:1', '--dial-timeout=50ms', 'get', 'k']);
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toMatch(/^Error: can't connect: 127\.0\.0\.1:1: .*ECONNREFUSED.*\n$/);
  });

  test('CONFETCTL_ goes before ETCDCTL_, a flag before both; what is unknown warns', async () => {
    const env = {
      ETCDCTL_ENDPOINTS: '127.0.0.1:1',
      CONFETCTL_ENDPOINTS: '127.0.0.1:2',
      ETCDCTL_DIAL_TIMEOUT: '20ms',
    };
    expect((await confetctl(['get', 'k'], '', env)).stderr).toContain('127.0.0.1:2:');
    expect((await confetctl(['get', 'k', '--endpoints=127.0.0.1:3'], '', env)).stderr).toContain(
      '127.0.0.1:3:',
    );
    expect((await confetctl(['version'], '', { ETCDCTL_FOO: 'x', ETCDCTL_API: '3' })).stderr).toMatch(
      /^warning: ETCDCTL_FOO .*\n$/,
    );
  });
});

describe('a daemon that renders', () => {
  let server: FakeServer;
  let answer: RenderWaitResponse;
  let asked: RenderWaitRequest | undefined;
  const run = (...argv: string[]) => confetctl([...argv, '--endpoints', server.endpoint]);

  beforeAll(async () => {
    server = await serve([
      [
        KVService,
        {
          put: (_call: unknown, callback: sendUnaryData<PutResponse>) =>
            callback(null, PutResponse.fromPartial({ header: { revision: 7 } })),
          range: () => {},
          deleteRange: () => {},
          txn: () => {},
          compact: () => {},
        },
      ],
      [
        RenderService,
        {
          wait: (
            call: ServerUnaryCall<RenderWaitRequest, RenderWaitResponse>,
            callback: sendUnaryData<RenderWaitResponse>,
          ) => {
            asked = call.request;
            callback(null, answer);
          },
          status: (
            _call: ServerUnaryCall<RenderStatusRequest, RenderStatusResponse>,
            callback: sendUnaryData<RenderStatusResponse>,
          ) =>
            callback(
              null,
              RenderStatusResponse.fromPartial({
                source: 'embedded',
                sourceRevision: 12,
                configErrors: ['conf.d/bad.toml:3: unknown key "dset"'],
                resources: [
                  {
                    name: 'nginx',
                    dest: 'out/nginx.conf',
                    state: 'in_sync',
                    appliedRevision: 12,
                    wantedRevision: 12,
                    check: { at: Date.now() - 12_000, ok: true, outcome: 'exit 0', durationMs: 4.5 },
                  },
                  {
                    name: 'haproxy',
                    dest: 'out/haproxy.cfg',
                    state: 'failed',
                    appliedRevision: 9,
                    wantedRevision: 12,
                    lastError: 'line one\nline two',
                    pending: 'retry in 4s',
                  },
                ],
              }),
            ),
        },
      ],
    ]);
  });

  afterAll(() => server?.stop());

  test('put --wait prints OK and a line for each file that changed', async () => {
    answer = RenderWaitResponse.fromPartial({
      files: [
        { dest: 'out/nginx.conf', revision: 7, latencyMs: 1.7 },
        { dest: 'out/haproxy.cfg', revision: 7, latencyMs: 2.04 },
      ],
      latencyMs: 3,
    });
    expect(await run('put', '--wait', '/services/web/a', '127.0.0.1:8001')).toEqual({
      exitCode: 0,
      stdout: 'OK\nout/nginx.conf   rev 7  1.7 ms\nout/haproxy.cfg  rev 7  2.0 ms\n',
      stderr: '',
    });
    expect(asked).toEqual({ revision: 7, timeoutMs: 30_000 });
    expect((await run('put', '--wait', '--wait-timeout=2s', 'k', 'v', '-w', 'json')).stdout).toContain(
      '{"files":[{"dest":"out/nginx.conf","revision":7,"latency_ms":1.7}',
    );
    expect(asked?.timeoutMs).toBe(2_000);
  });

  test('it says plainly when no file changed', async () => {
    answer = RenderWaitResponse.fromPartial({ latencyMs: 0.4 });
    const { stdout, exitCode } = await run('put', '--wait', '/nobody', 'v');
    expect([stdout, exitCode]).toEqual([
      'OK\nno file changed: none depends on /nobody, or none reads differently  0.4 ms\n',
      0,
    ]);
  });

  test('a resource that failed, or time that ran out, is exit 1', async () => {
    answer = RenderWaitResponse.fromPartial({ errors: ['nginx: check failed: exit 1'] });
    const failed = await run('put', '--wait', 'k', 'v');
    expect(failed).toMatchObject({
      exitCode: 1,
      stdout: 'OK\n',
      stderr: expect.stringContaining('nginx: check failed: exit 1\n'),
    });
    answer = RenderWaitResponse.fromPartial({ timedOut: true });
    expect(await run('put', '--wait', 'k', 'v')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('not rendered within 30s'),
    });
  });

  test('render status as a table, as JSON, as fields', async () => {
    const { stdout, exitCode } = await run('render', 'status');
    expect(exitCode).toBe(0);
    expect(stdout).toBe(
      [
        'source embedded at revision 12',
        '+----------+-----------------+---------+---------+--------+-----------------+-------------+--------------------+-------------+',
        '| RESOURCE |      DEST       |  STATE  | APPLIED | WANTED |   LAST CHECK    | LAST RELOAD |     LAST ERROR     |   PENDING   |',
        '+----------+-----------------+---------+---------+--------+-----------------+-------------+--------------------+-------------+',
        '| nginx    | out/nginx.conf  | in_sync | 12      | 12     | exit 0, 12s ago | -           |                    |             |',
        '| haproxy  | out/haproxy.cfg | failed  | 9       | 12     | -               | -           | line one; line two | retry in 4s |',
        '+----------+-----------------+---------+---------+--------+-----------------+-------------+--------------------+-------------+',
        'config error: conf.d/bad.toml:3: unknown key "dset"',
        '',
      ].join('\n'),
    );
    const json: unknown = JSON.parse((await run('render', 'status', '-w', 'json')).stdout);
    expect(json).toMatchObject({
      source_revision: 12,
      resources: [{ name: 'nginx', check: { ok: true }, reload: null }, { pending: 'retry in 4s' }],
    });
    expect((await run('render', 'status', '-w', 'fields')).stdout).toContain(
      '"LastError" : "line one\\nline two"\n',
    );
    expect((await run('render', 'status', '-w', 'protobuf')).exitCode).toBe(4);
  });
});

describe.skipIf(!peers('etcd', 'etcdctl'))('against a real etcd', () => {
  let etcd: RealEtcd;
  let folder: string;
  const env = () => ({ ETCDCTL_API: '3', ETCDCTL_ENDPOINTS: etcd.endpoint });
  const stock = (...argv: string[]): Promise<Run> => program(peer('etcdctl') ?? '', argv, '', env());
  const start = (...argv: string[]): Running => new Running(argv, env());
  const run = (...argv: string[]): Promise<Run> => confetctl(argv, '', env());
  const revisionNow = async (): Promise<string> =>
    /"revision":(\d+)/.exec((await stock('get', 'x', '-w', 'json')).stdout)?.[1] ?? '1';

  beforeAll(async () => {
    etcd = await startEtcd();
    folder = await mkdtemp(join(tmpdir(), 'confetctl-'));
  });

  afterAll(async () => {
    await etcd?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  test('put --wait against a plain etcd stores the key and says that nothing renders', async () => {
    expect(await run('put', '--wait', 'w', 'v')).toMatchObject({
      exitCode: 1,
      stdout: 'OK\n',
      stderr: expect.stringContaining('nothing renders here'),
    });
    expect(await run('render', 'status')).toMatchObject({ exitCode: 1 });
  });

  test('watch -- cmd runs for each event with quoted variables', async () => {
    const rev = String(Number(await revisionNow()) + 1);
    const watch = start(
      'watch',
      'e',
      '--rev',
      rev,
      '--',
      'sh',
      '-c',
      'echo "$ETCD_WATCH_EVENT_TYPE $ETCD_WATCH_KEY $ETCD_WATCH_VALUE $ETCD_WATCH_REVISION"',
    );
    await stock('put', 'e', 'a "b"');
    await watch.printed(`"PUT" "e" "a \\"b\\"" ${rev}\n`);
    await stock('del', 'e');
    await watch.printed(`"DELETE" "e" "" ${Number(rev) + 1}\n`);
    expect(watch.stdout).toBe(
      `PUT\ne\na "b"\n"PUT" "e" "a \\"b\\"" ${rev}\nDELETE\ne\n\n"DELETE" "e" "" ${Number(rev) + 1}\n`,
    );
  });

  test('a command that fails ends the watch with exit 1', async () => {
    const rev = String(Number(await revisionNow()) + 1);
    await stock('put', 'e', '1');
    const result = await start('watch', 'e', '--rev', rev, '--', 'sh', '-c', 'exit 3').result;
    expect(result).toMatchObject({
      exitCode: 1,
      stderr: 'command ["sh" "-c" "exit 3"] error (exit status 3)\n',
    });
  });

  test('ETCDCTL_WATCH_KEY names the key', async () => {
    const watch = new Running(['watch', '--rev', await revisionNow()], {
      ...env(),
      ETCDCTL_WATCH_KEY: 'from-env',
    });
    await stock('put', 'from-env', 'x');
    await watch.printed('PUT\nfrom-env\nx\n');
  });

  test('watch -i: several watches, progress, and complaints, until standard input ends', async () => {
    const watch = start('watch', '-i');
    watch.write('watch i1\nwatch --prev-kv "i2" -- echo hello\nnonsense x\n\nwatch\nprogress\n');
    await watch.complained('Invalid command watch (command type or key is not provided)');
    await watch.printed('progress notify: ');
    await stock('put', 'i1', '1');
    await stock('put', 'i2', '2');
    await watch.printed('PUT\ni1\n1\n');
    await watch.printed('PUT\ni2\n2\nhello\n');
    watch.end();
    expect(await watch.result).toMatchObject({
      exitCode: 3,
      stderr: [
        'Invalid command nonsense x (only support watch)',
        'Invalid command:  (watch and progress supported)',
        'Invalid command watch (command type or key is not provided)',
        'Error: Error reading watch request line: EOF',
        '',
      ].join('\n'),
    });
  });

  test('lock: held until interrupted; the next one waits; both ways with etcdctl', async () => {
    const first = start('lock', 'm1');
    await first.printed('m1/');
    expect(first.stdout).toMatch(/^m1\/[0-9a-f]+\n\n$/);
    const second = program(
      peer('etcdctl') ?? '',
      ['lock', 'm1', '--', 'sh', '-c', 'echo $ETCD_LOCK_KEY'],
      '',
      env(),
    );
    // The second one is in line once it has its key.
    while ((await stock('get', 'm1/', '--prefix', '--keys-only')).stdout.trim().split(/\n+/).length < 2);
    const third = start('lock', 'm1', '--', 'sh', '-c', 'echo third $ETCD_LOCK_KEY $ETCD_LOCK_REV');
    first.interrupt();
    expect((await first.result).exitCode).toBe(0);
    expect((await second).stdout).toMatch(/^m1\/[0-9a-f]+\n$/);
    expect((await third.result).stdout).toMatch(/^third m1\/[0-9a-f]+ \d+\n$/);
    expect((await stock('get', 'm1', '--prefix')).stdout).toBe('');
  });

  test("lock: a command's failure is exit 1, and the lock is free again", async () => {
    expect(await run('lock', 'm2', '--', 'sh', '-c', 'exit 3')).toMatchObject({
      exitCode: 1,
      stderr: 'Error: exit status 3\n',
    });
    expect(await run('lock', 'm2', '--', 'echo', 'free')).toMatchObject({ exitCode: 0, stdout: 'free\n' });
  });

  test('lease keep-alive prints each renewal and ends with the lease', async () => {
    const id = (await stock('lease', 'grant', '2')).stdout.split(' ')[1] ?? '';
    const keeping = start('lease', 'keep-alive', id);
    await keeping.printed(`lease ${id} keepalived with TTL(2)\n`);
    await stock('lease', 'revoke', id);
    expect(await keeping.result).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining(`lease ${id} expired or revoked.\n`),
    });
  });

  test('exec-watch: one run at a time, nothing lost, the batch on standard input', async () => {
    const [log, gate, began] = ['log', 'gate', 'began'].map((name) => join(folder, name));
    const script = `echo "[$ETCD_WATCH_ACTION $ETCD_WATCH_KEY $ETCD_WATCH_VALUE]" >> ${log}; cat >> ${log}; echo ran; touch ${began}; while [ ! -e ${gate} ]; do sleep 0.01; done`;
    const rev = String(Number(await revisionNow()) + 1);
    const watch = start('exec-watch', '--prefix', 'x/', '--rev', rev, '--', 'sh', '-c', script);
    await stock('put', 'x/1', 'one');
    await watch.printed('ran\n');
    for (let n = 2; n <= 6; n++) await stock('put', `x/${n}`, String(n));
    await stock('del', 'x/1');
    await program('touch', [gate ?? '']);
    let text = '';
    while (!text.includes('"type":"delete"')) text = await readFile(log ?? '', 'utf8');
    watch.interrupt();
    expect((await watch.result).exitCode).toBe(0);
    const events = text
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line): unknown => JSON.parse(line));
    expect(events.map((event) => (event as { key: string }).key)).toEqual([
      'x/1',
      'x/2',
      'x/3',
      'x/4',
      'x/5',
      'x/6',
      'x/1',
    ]);
    expect(text.split('\n')[0]).toBe('[set x/1 one]');
    expect(text.match(/^\[/gm)?.length).toBeLessThan(7);
  });

  test('exec-watch --recursive takes the folder alone; without a command it is refused', async () => {
    const rev = String(Number(await revisionNow()) + 1);
    const watch = start(
      'exec-watch',
      '--recursive',
      '/foo',
      '--rev',
      rev,
      '--',
      'sh',
      '-c',
      'echo "$ETCD_WATCH_KEY"',
    );
    await stock('put', '/foobar', '1');
    await stock('put', '/foo/a', '1');
    await watch.printed('/foo/a\n');
    watch.interrupt();
    expect((await watch.result).stdout).toBe('/foo/a\n');
    expect(await run('exec-watch', 'k')).toMatchObject({ exitCode: 128 });
  });
});
