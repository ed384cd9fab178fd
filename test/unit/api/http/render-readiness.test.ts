import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { renderReadiness } from '../../../../src/api/http/render-readiness.js';
import { RenderStatusResponse, ResourceStatus } from '../../../../src/proto/generated/render.js';
import { VirtualClock } from '../../../sim/clock.js';

const file = (dest: string, state: string, more: Partial<ResourceStatus> = {}) =>
  ResourceStatus.fromPartial({ dest, state, ...more });

function serving(status: () => Promise<RenderStatusResponse>) {
  const clock = new VirtualClock();
  const handler = renderReadiness({ status }, clock);
  const get = async (url: string): Promise<[number, string]> => {
    let answer: [number, string] = [0, ''];
    const response = {
      writeHead: (code: number) => {
        answer = [code, ''];
      },
      end: (body: string) => {
        answer = [answer[0], body];
      },
    } as unknown as ServerResponse;
    await clock.until(Promise.resolve(handler({ url } as IncomingMessage, response)));
    return answer;
  };
  return { get, clock };
}

function withFiles(resources: readonly ResourceStatus[], more: Partial<RenderStatusResponse> = {}) {
  const status = { sourceState: 'connected', filesKnown: true, ...more, resources: [...resources] };
  return serving(() => Promise.resolve(RenderStatusResponse.fromPartial(status)));
}

test('ok when every file is in sync; with ?verbose each of them, and what is wrong with the configuration', async () => {
  const { get } = withFiles([file('/a', 'in_sync'), file('/b', 'in_sync')], {
    configErrors: ['conf.d/x.toml:1:\nbad'],
  });
  expect(await get('/readyz/render')).toEqual([200, 'ok\n']);
  expect(await get('/readyz/render?verbose')).toEqual([
    200,
    '/a\tin_sync\n/b\tin_sync\nconfig error\tconf.d/x.toml:1:; bad\nok\n',
  ]);
  expect(await get('/readyz/render?verbose=0')).toEqual([200, 'ok\n']);
});

test('503 with a line for each file that is not in sync: path, state, reason', async () => {
  const { get } = withFiles([
    file('/a', 'in_sync'),
    file('/b', 'failed', {
      lastError: 'Config check failed: exit 1: one\ntwo\u001b[2J',
      pending: 'retry in 4s',
    }),
    file('/c', 'pending', { pending: 'reload' }),
    file('/d\n/e', 'held'),
  ]);
  expect(await get('/readyz/render')).toEqual([
    503,
    '/b\tfailed\tConfig check failed: exit 1: one; two [2J\n/c\tpending\treload\n/d; /e\theld\n',
  ]);
  expect((await get('/readyz/render?verbose'))[1]).toContain('/a\tin_sync\n/b\tfailed');
});

test('?dest asks for one file, whatever the others are; 404 where there is none', async () => {
  const { get } = withFiles([file('/a b', 'in_sync'), file('/c', 'failed', { lastError: 'bad' })]);
  expect(await get('/readyz/render?dest=%2Fa+b')).toEqual([200, 'ok\n']);
  expect(await get('/readyz/render?dest=/c')).toEqual([503, '/c\tfailed\tbad\n']);
  expect(await get('/readyz/render?dest=/none')).toEqual([404, 'no resource has dest /none\n']);
});

test('503 before it is known which files there are, and where the renderer is busy or gone', async () => {
  const starting = withFiles([file('/a', 'in_sync')], {
    filesKnown: false,
    sourceError: 'connection refused',
  });
  expect(await starting.get('/readyz/render')).toEqual([
    503,
    'the keys are not loaded yet: connection refused\n',
  ]);
  expect(await starting.get('/readyz/render?dest=/a')).toEqual([200, 'ok\n']);
  expect((await starting.get('/readyz/render?dest=/b'))[0]).toBe(503);
  const busy = serving(() => new Promise(() => {}));
  const began = busy.clock.monotonicMs();
  expect(await busy.get('/readyz/render')).toEqual([503, 'the renderer does not answer\n']);
  expect(busy.clock.monotonicMs() - began).toBe(1_000);
  const gone = serving(() => Promise.reject(new Error('gone')));
  expect(await gone.get('/readyz/render')).toEqual([503, 'the renderer does not answer\n']);
});

test('of thousands of files it lists a thousand', async () => {
  const { get } = withFiles(Array.from({ length: 3_000 }, (_, at) => file(`/f${at}`, 'held')));
  const [code, body] = await get('/readyz/render');
  const lines = body.trimEnd().split('\n');
  expect([code, lines.length, lines.at(-2)]).toEqual([503, 1_001, 'and 2000 more']);
});
