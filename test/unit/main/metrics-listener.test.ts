import { createServer } from 'node:net';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import type { RenderControl } from '../../../src/api/v3/render-control.js';
import { silentLog } from '../../../src/io/log.js';
import { NodeClock } from '../../../src/io/node/clock.js';
import { MetricsListener, parseAddress } from '../../../src/main/metrics-listener.js';
import { RenderStatusResponse, ResourceStatus } from '../../../src/proto/generated/render.js';

const clock = new NodeClock();
let listener: MetricsListener | undefined;
afterEach(() => listener?.close());

/** A renderer that answers as `status` says. */
function renderer(status: () => Promise<Partial<RenderStatusResponse>>): RenderControl {
  const unused = () => Promise.reject(new Error('not used'));
  return {
    status: async () => RenderStatusResponse.fromPartial(await status()),
    wait: unused,
    why: unused,
    pause: unused,
    resume: unused,
    accept: unused,
  };
}

async function open(render: RenderControl | undefined, registry?: Registry) {
  listener = await MetricsListener.open('127.0.0.1:0', { render, registry, clock, log: silentLog });
  const url = `http://${listener.address}`;
  return async (path: string) => {
    const answer = await fetch(url + path);
    return [answer.status, await answer.text()] as const;
  };
}

const well = { source: 'etcdv3', sourceState: 'connected', sourceWhere: 'h:2379', filesKnown: true };

describe('--metrics-addr', () => {
  it('tells of a process that runs, a backend that answers and files that are in sync', async () => {
    const resources = [ResourceStatus.fromPartial({ name: 'a', dest: '/a', state: 'in_sync' })];
    const get = await open(renderer(async () => ({ ...well, sourceRevision: 7, resources })));
    expect(await get('/health')).toEqual([200, 'ok']);
    expect(await get('/ready')).toEqual([200, 'ok']);
    expect(await get('/readyz/render')).toEqual([200, 'ok\n']);
    const [status, text] = await get('/ready/detailed');
    expect([status, JSON.parse(text)]).toEqual([
      200,
      {
        healthy: true,
        message: 'etcdv3 backend is healthy',
        duration_ms: expect.any(Number),
        checked_at: expect.stringMatching(/^\d{4}-.*Z$/),
        details: { backend: 'etcdv3', endpoint: 'h:2379', revision: '7' },
      },
    ]);
    const [, series] = await get('/metrics');
    expect(series).toContain('\nconfetd_render_source_revision 7\n');
    expect(series).toContain('process_cpu_user_seconds_total');
    expect((await get('/v2/keys'))[0]).toBe(404);
  });

  it('is not ready while the backend is away, and says which files are not in sync', async () => {
    const resources = [
      ResourceStatus.fromPartial({ dest: '/a', state: 'in_sync' }),
      ResourceStatus.fromPartial({ dest: '/b', state: 'failed', lastError: 'one\n  two' }),
      ResourceStatus.fromPartial({ dest: '/c', state: 'pending', pending: 'reload' }),
    ];
    const lost = { ...well, sourceState: 'lost', sourceError: 'connection refused', resources };
    const get = await open(renderer(async () => lost));
    expect(await get('/health')).toEqual([200, 'ok']);
    expect(await get('/ready')).toEqual([503, 'backend unhealthy: connection refused']);
    expect((await get('/ready/detailed'))[0]).toBe(503);
    expect(await get('/readyz/render')).toEqual([503, '/b\tfailed\tone; two\n/c\tpending\treload\n']);
  });

  it('is not ready before the keys were loaded, nor with a renderer that has ended', async () => {
    let answer = () => Promise.resolve({ ...well, filesKnown: false });
    const get = await open(renderer(() => answer()));
    expect(await get('/readyz/render')).toEqual([503, 'the keys are not loaded yet\n']);
    answer = () => Promise.reject(new Error('the renderer is not running'));
    expect(await get('/readyz/render')).toEqual([503, 'the renderer does not answer\n']);
    expect(await get('/ready')).toEqual([503, 'backend unhealthy: the renderer is not running']);
    expect(await get('/health')).toEqual([200, 'ok']);
  });

  it('shows a member’s series, and of a plain store nothing about files', async () => {
    const registry = new Registry();
    registry.setDefaultLabels({ of: 'member' });
    const get = await open(undefined, registry);
    expect(await get('/metrics')).toEqual([200, '\n']);
    expect(await get('/ready')).toEqual([200, 'ok']);
    expect((await get('/readyz/render'))[0]).toBe(404);
  });

  it.each([
    [':9100', '', 9100],
    ['127.0.0.1:0', '127.0.0.1', 0],
    ['localhost:65535', 'localhost', 65_535],
    ['[::1]:80', '::1', 80],
  ])('%s is an address', (text, host, port) => {
    expect(parseAddress(text)).toEqual({ host, port });
  });

  it.each(['9100', 'http://a:1', ':65536', '::1:80', 'a:b', ':'])('%s is none', (text) => {
    expect(() => parseAddress(text)).toThrow(`--metrics-addr ${text}: expected HOST:PORT or :PORT`);
  });

  it('refuses a port that is taken, and a host that isn’t this one’s', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => {
      other.listen(0, '127.0.0.1', resolve);
    });
    const { port } = other.address() as { port: number };
    const subjects = { render: undefined, registry: undefined, clock, log: silentLog };
    await expect(MetricsListener.open(`127.0.0.1:${port}`, subjects)).rejects.toMatchObject({
      code: 'port_in_use',
      message: `--metrics-addr 127.0.0.1:${port}: the port is in use: name another, or end the process that has it`,
    });
    await expect(MetricsListener.open('192.0.2.1:1', subjects)).rejects.toMatchObject({ code: 'usage' });
    other.close();
  });
});
