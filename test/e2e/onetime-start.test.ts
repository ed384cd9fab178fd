import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { claimPort, runConfetd, scratch, writeFiles } from '../daemon.js';

/** Writes the URL of each module that is imported as a line of the file $LOADED. */
const HOOKS = `import { appendFileSync } from 'node:fs';
export function load(url, context, next) { appendFileSync(process.env.LOADED, url + '\\n'); return next(url, context); }`;

/** The modules that a one-shot with a Go template loads, as paths. */
async function loadedBy(...source: readonly string[]): Promise<readonly string[]> {
  const folder = scratch();
  const list = join(folder, 'loaded');
  const hooks = join(folder, 'hooks.mjs');
  const register = join(folder, 'register.mjs');
  writeFiles(folder, {
    'templates/a.tmpl': '{{getv "/a" "none"}}\n',
    'conf.d/a.toml': `[template]\nsrc = "a.tmpl"\ndest = "${folder}/a.out"\n`,
    'keys.json': '{"a": "1"}',
  });
  writeFileSync(hooks, HOOKS);
  writeFileSync(register, `import { register } from 'node:module'; register('file://${hooks}');`);
  await runConfetd(['--onetime', '--confdir', folder, ...source], {
    cwd: folder,
    env: { LOADED: list, NODE_OPTIONS: `--import file://${register}` },
  });
  const loaded = readFileSync(list, 'utf8').split('\n');
  expect(loaded.some((url) => url.endsWith('/dist/main/onetime.js'))).toBe(true);
  return loaded;
}

/** What takes its time to load, and this template has no need of. */
const NEEDLESS =
  /\/dist\/(proto\/generated|render\/engines\/handlebars|member|raft|wal|store)\/|\/node_modules\/(@grpc|chokidar|diff|execa|handlebars|lmdb|pino|prom-client|re2js|saxes|yaml)\//;

test.each([
  ['the environment', ['--backend', 'env']],
  ['JSON files', ['--backend', 'file', '--file', 'keys.json']],
])('a one-shot from %s loads no more than it needs', async (_name, source) => {
  const loaded = await loadedBy(...source);
  expect(loaded.filter((url) => NEEDLESS.test(url))).toEqual([]);
});

test('a one-shot from etcdv3 loads the protocol of keys alone', async () => {
  const loaded = await loadedBy('--backend', 'etcdv3', '--node', `http://127.0.0.1:${await claimPort()}`);
  const protocol = loaded.flatMap((url) => /generated\/(\w+)\.js$/.exec(url)?.[1] ?? []);
  expect(new Set(protocol)).toEqual(new Set(['etcd_kv', 'etcd_rpc']));
});
