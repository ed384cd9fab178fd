import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peer } from '../../../peers.js';
import { render, type World } from '../support.js';

const run = promisify(execFile);
const nginx = peer('nginx') ?? '';
const haproxy = peer('haproxy') ?? '';

const STORES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  empty: {},
  'one instance': { '/services/web/a': '127.0.0.1:8001' },
  'many services': {
    '/services/api-v2/x': '127.0.0.1:9001',
    '/services/api-v2/y': '127.0.0.1:9002',
    '/services/web/a': '127.0.0.1:8001',
    '/services/web/b': '127.0.0.1:8002',
    '/services/web.internal/c': '127.0.0.1:8003',
  },
  'a service with no instance of its own': { '/services/deep/er/x': '127.0.0.1:8001' },
};

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'confetd-samples-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

async function sample(name: string, world: World): Promise<string> {
  return render(await readFile(join('templates', name), 'utf8'), world);
}

describe.each(Object.entries(STORES))('the samples, from a store that is or has: %s', (_, keys) => {
  test.skipIf(nginx === '')('nginx accepts nginx.conf', async () => {
    const path = await file('nginx.conf', await sample('nginx.conf.hbs', { keys }));
    const { stderr } = await run(nginx, ['-t', '-c', path]);
    expect(stderr).toContain('test is successful');
  });

  test.skipIf(haproxy === '')('haproxy accepts haproxy.cfg', async () => {
    const path = await file('haproxy.cfg', await sample('haproxy.cfg.hbs', { keys }));
    await run(haproxy, ['-c', '-f', path]);
  });
});

test('every instance is in both samples', async () => {
  const keys = STORES['many services'] ?? {};
  const forNginx = await sample('nginx.conf.hbs', { keys });
  const forHaproxy = await sample('haproxy.cfg.hbs', { keys });
  for (const [key, value] of Object.entries(keys)) {
    const name = key.slice(key.lastIndexOf('/') + 1);
    expect(forNginx).toContain(`    server ${value}; # ${name}\n`);
    expect(forHaproxy).toContain(`    server ${name} ${value} check\n`);
  }
});

test('the samples change with their keys only, not with the revision: an unchanged file needs no reload', async () => {
  for (const name of ['nginx.conf.hbs', 'haproxy.cfg.hbs']) {
    expect(await readFile(join('templates', name), 'utf8')).not.toContain('@revision');
  }
});

test('a value with a line break never reaches a file', async () => {
  const keys = { '/services/web/a': '127.0.0.1:8001; }\nserver { listen 1; }' };
  await expect(sample('nginx.conf.hbs', { keys })).rejects.toThrow(/refuses/);
  await expect(sample('haproxy.cfg.hbs', { keys })).rejects.toThrow(/refuses/);
});

const MANUAL = `{{#each (lsdir "/services") as |service|}}
upstream {{service}} {
  {{#each (gets (printf "/services/%s/*" service)) as |i|}}
  server {{i.value}}; # {{base i.key}}
  {{else}}
  server 127.0.0.1:9 down;
  {{/each}}
}
{{/each}}

{{#each (lsdir "/services") as |service|}}
backend {{service}}
    balance roundrobin
    {{#gets (printf "/services/%s/*" service)}}
    server {{base key}} {{value}} check
    {{/gets}}
{{/each}}

{{#gets "/config/web/*"}}
{{toUpper (replace (base key) "-" "_" -1)}}={{shquote value}}
{{else}}
# nothing under /config/web
{{/gets}}
`;

test("the manual's samples render from a full store", async () => {
  const text = await render(MANUAL, {
    keys: {
      '/services/web/a': '127.0.0.1:8001',
      '/services/web/b': '127.0.0.1:8002',
      '/config/web/log-level': "it's",
    },
  });
  expect(text).toBe(`upstream web {
  server 127.0.0.1:8001; # a
  server 127.0.0.1:8002; # b
}

backend web
    balance roundrobin
    server a 127.0.0.1:8001 check
    server b 127.0.0.1:8002 check

LOG_LEVEL='it'\\''s'
`);
});

test("the manual's samples render from an empty store", async () => {
  expect(await render(MANUAL)).toBe('\n\n# nothing under /config/web\n');
});
