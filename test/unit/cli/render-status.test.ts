import type { sendUnaryData } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { RenderService, RenderStatusResponse } from '../../../src/proto/generated/render.js';
import { serve } from '../client/servers.js';
import { confetctl } from './harness.js';

/** What `render status` prints of a source, seen 90 s ago and as it is for 30 s. */
async function printed(source: Partial<RenderStatusResponse>, ...args: readonly string[]): Promise<string> {
  const now = Date.now();
  const status = RenderStatusResponse.fromPartial({
    source: 'embedded',
    sourceRevision: 57,
    sourceRevisionAt: now - 90_000,
    sourceSince: now - 30_000,
    sourceWhere: 'h1:2379',
    ...source,
  });
  const server = await serve([
    [
      RenderService,
      {
        status: (_call: unknown, callback: sendUnaryData<RenderStatusResponse>) => callback(null, status),
        wait: () => {},
      },
    ],
  ]);
  try {
    const { stdout, stderr } = await confetctl(['render', 'status', ...args, '--endpoints', server.endpoint]);
    expect(stderr).toBe('');
    return stdout;
  } finally {
    server.stop();
  }
}

const cutOff = { sourceState: 'lost', sourceError: 'cut off\nfrom the leader' };

test('says where keys come from, how new they are, and since when none came', async () => {
  expect(await printed({ sourceState: 'connected' })).toContain(
    'source embedded at revision 57, seen 1m30s ago: connected to h1:2379\n',
  );
  expect(await printed(cutOff)).toMatch(
    /^source embedded at revision 57, seen 1m30s ago: lost since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \(30s\): cut off; from the leader\n/,
  );
  expect(await printed({ sourceState: 'connecting', sourceRevision: 0, sourceRevisionAt: 0 })).toMatch(
    /^source embedded at revision 0: connecting since \S+ \(30s\)\n/,
  );
});

test('says that nothing is followed where no resource wants a key', async () => {
  expect(await printed({ sourceState: 'idle' })).toMatch(/^source embedded: no key is wanted\n/);
});

test('the same as JSON and as fields', async () => {
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  expect(JSON.parse(await printed(cutOff, '-w', 'json'))).toMatchObject({
    source: 'embedded',
    source_revision: 57,
    source_seen: time,
    source_state: 'lost',
    source_since: time,
    source_where: 'h1:2379',
    source_error: 'cut off\nfrom the leader',
  });
  expect(JSON.parse(await printed({ sourceRevisionAt: 0 }, '-w', 'json'))).toMatchObject({
    source_seen: null,
  });
  const fields = await printed(cutOff, '-w', 'fields');
  expect(fields).toContain('"SourceState" : "lost"\n');
  expect(fields).toMatch(/"SourceSince" : "\d{4}-.*Z"\n/);
  expect(fields).toContain('"SourceWhere" : "h1:2379"\n');
});
