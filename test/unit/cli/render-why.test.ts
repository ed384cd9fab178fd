import type { sendUnaryData } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import {
  RenderService,
  type RenderWhyRequest,
  RenderWhyResponse,
  ResourceStatus,
} from '../../../src/proto/generated/render.js';
import { serve } from '../client/servers.js';
import { confetctl } from './harness.js';

const NOW = Date.now();

/** An answer as it comes over the wire: what isn't given is left out. */
const held = ResourceStatus.fromPartial({
  name: 'web',
  src: 'w.hbs',
  dest: '/etc/web',
  state: 'held',
  appliedRevision: 5,
  wantedRevision: 7,
});
const answer = RenderWhyResponse.fromPartial({
  file: '/c/conf.d/web.toml',
  line: 3,
  templateFiles: ['/c/templates/w.hbs'],
  known: true,
  hasRevisions: true,
});

async function why(more: Partial<RenderWhyResponse>, ...args: readonly string[]) {
  const asked: RenderWhyRequest[] = [];
  const server = await serve([
    [
      RenderService,
      {
        why: (call: { request: RenderWhyRequest }, callback: sendUnaryData<RenderWhyResponse>) => {
          asked.push(call.request);
          callback(null, { ...answer, status: held, ...more });
        },
      },
    ],
  ]);
  try {
    const run = await confetctl(['render', 'why', ...args, '--endpoints', server.endpoint]);
    return { ...run, asked };
  } finally {
    server.stop();
  }
}

describe('render why', () => {
  test('asks for a path from this folder, and for a name', async () => {
    const { asked } = await why({}, 'web', '--limit', '7');
    expect(asked).toEqual([{ dest: `${process.cwd()}/web`, resource: 'web', limit: 7 }]);
  });

  test('says why a file is held, and how far it is behind', async () => {
    const status = { ...held, lastError: 'paused\nby hand', pending: 'render' };
    const { stdout } = await why({ status }, 'web');
    expect(stdout).toContain(
      '/etc/web: held at revision 5, the keys are at 7\n  because     paused; by hand\n  to do       render\n',
    );
  });

  test('counts what is left out of lists and causes', async () => {
    const { stdout } = await why(
      {
        keys: { count: 100_000, list: [{ key: '/a', exists: true, revision: 3 }] },
        cause: {
          revision: 7,
          at: NOW - 90_000,
          count: 12,
          keys: [{ key: '/a', revision: 7, deleted: false }],
        },
      },
      'web',
    );
    expect(stdout).toContain('keys: 100000\n  /a  revision 3\n  and 99999 more (--limit)\n');
    expect(stdout).toMatch(
      /last change: revision 7, \S+ \(1m3\ds ago\)\n {2}put {9}\/a {2}revision 7\n {14}and 11 more\n/,
    );
  });

  test('lets no name steer the terminal', async () => {
    const key = '/\u001b[2J\nkeys: 0';
    const { stdout } = await why({ keys: { count: 1, list: [{ key, exists: false, revision: 0 }] } }, 'web');
    expect(Buffer.from(stdout, 'latin1').toString('utf8')).toContain(
      "  /\u{fffd}[2J\u{fffd}keys: 0  doesn't exist\n",
    );
  });

  test('says so where no render has told what the file depends on', async () => {
    const { stdout } = await why({ known: false, subtrees: ['/app', ''] }, 'web');
    expect(stdout).toContain('not rendered yet: every key of /app/, / counts\n');
  });

  test('leaves revisions out where the source has none', async () => {
    const keys = { count: 1, list: [{ key: '/a', exists: true, revision: 0 }] };
    const globs = { count: 1, list: [{ glob: '/b/*', matches: 2, revision: 0 }] };
    const { stdout } = await why({ hasRevisions: false, keys, globs }, 'web');
    expect(stdout).toContain('keys: 1\n  /a\n');
    expect(stdout).toContain('globs: 1\n  /b/*  2 keys\n');
  });

  test('refuses a missing path, a second one, and formats that it does not have', async () => {
    expect((await why({})).stderr).toContain('render why needs the path of a file');
    expect((await why({}, 'a', 'b')).stderr).toContain('render why takes one file');
    expect((await why({}, 'a', '-w', 'fields')).stderr).toContain('fields not supported as output format');
  });
});
