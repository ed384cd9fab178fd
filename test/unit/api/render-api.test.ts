import { expect, test } from 'vitest';
import { RenderApi } from '../../../src/api/render-api.js';
import { Client } from '../../../src/client/client.js';
import { silentLog } from '../../../src/io/log.js';
import { NodeClock } from '../../../src/io/node/clock.js';
import { NodeRandom } from '../../../src/io/node/random.js';
import { RenderService } from '../../../src/proto/generated/render.js';

test('a daemon without a member answers for its renderer, and for nothing else', async () => {
  const clock = new NodeClock();
  let sourceError = '';
  const orders: string[] = [];
  const api = new RenderApi({
    render: {
      status: () =>
        Promise.resolve({
          resources: [],
          source: 'etcdv3',
          sourceRevision: 7,
          sourceRevisionAt: 0,
          sourceState: 'connected',
          sourceSince: 0,
          sourceWhere: 'h:2379',
          sourceError,
          configErrors: [],
          filesKnown: true,
          histograms: [],
        }),
      why: () => Promise.reject(new Error('not used')),
      wait: () => Promise.resolve({ files: [], latencyMs: 1, timedOut: false, errors: [] }),
      pause: async (dest, forMs) => void orders.push(`pause ${dest} ${forMs}`),
      resume: async (dest) => void orders.push(`resume ${dest}`),
      accept: async (dest) => void orders.push(`accept ${dest}`),
    },
    clock,
    log: silentLog,
  });
  const { port } = await api.listen('http://127.0.0.1:0', 'elsewhere');
  const client = new Client({ endpoints: [`127.0.0.1:${port}`], clock, random: new NodeRandom() });
  try {
    expect((await client.renderStatus()).sourceRevision).toBe(7);
    await client.call(RenderService.pause, { dest: '/a', forMs: 5 }, 'write');
    await client.call(RenderService.resume, { dest: '' }, 'write');
    await client.call(RenderService.accept, { dest: '/b' }, 'write');
    expect(orders).toEqual(['pause /a 5', 'resume ', 'accept /b']);
    const negative = client.call(RenderService.pause, { dest: '', forMs: -1 }, 'write');
    await expect(negative).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(client.put({ key: Buffer.from('a') })).rejects.toMatchObject({ code: 'unimplemented' });
    const healthy = await fetch(`http://127.0.0.1:${port}/health`);
    expect([healthy.status, await healthy.json()]).toEqual([200, { health: 'true' }]);
    const scraped = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(scraped).toContain('\nconfetd_render_source_connected 1\n');
    expect(scraped).toContain('\nconfetd_render_source_revision 7\n');
    const ready = await fetch(`http://127.0.0.1:${port}/readyz/render`);
    expect([ready.status, await ready.text()]).toEqual([200, 'ok\n']);
    sourceError = 'connection refused';
    const lost = await fetch(`http://127.0.0.1:${port}/health`);
    expect([lost.status, await lost.json()]).toEqual([
      503,
      { health: 'false', reason: 'connection refused' },
    ]);
  } finally {
    client.close();
    await api.close();
  }
});
