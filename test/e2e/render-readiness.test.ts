import { join } from 'node:path';
import { expect, test } from 'vitest';
import { claimPort, Daemon, eventually, fileThat, scratch, spawnConfetd, writeFiles } from '../daemon.js';

async function get(url: string): Promise<[number, string]> {
  const response = await fetch(url);
  return [response.status, await response.text()];
}

function folderOf(): string {
  const folder = scratch();
  const resource = (name: string, more = '') =>
    `[template]\nsrc = "${name}.tmpl"\ndest = "${folder}/${name}.out"\n${more}`;
  writeFiles(folder, {
    'templates/a.tmpl': '{{getv "/a" "none"}}\n',
    'templates/b.tmpl': '{{getv "/b" "good"}}\n',
    'conf.d/a.toml': resource('a'),
    'conf.d/b.toml': resource('b', 'check_cmd = "grep -q good {{.src}}"\n'),
  });
  return folder;
}

test('/readyz/render and /metrics follow the files of a member, while /readyz stays the member’s', async () => {
  const folder = folderOf();
  const daemon = await Daemon.start({ cwd: folder, args: ['--confdir', folder] });
  await eventually(async () => expect(await get(`${daemon.url}/readyz/render`)).toEqual([200, 'ok\n']));
  await daemon.confetctl('put', '--wait', '/b', 'bad');
  const [code, body] = await get(`${daemon.url}/readyz/render`);
  expect([code, body]).toEqual([
    503,
    expect.stringContaining(`${folder}/b.out\tfailed\tConfig check failed: exit 1`),
  ]);
  expect(body.trimEnd().split('\n').length).toBe(1);
  expect(await get(`${daemon.url}/readyz`)).toEqual([200, 'ok\n']);
  expect(await get(`${daemon.url}/readyz/render?dest=${folder}/a.out`)).toEqual([200, 'ok\n']);
  expect((await get(`${daemon.url}/readyz/render?verbose`))[1]).toContain(`${folder}/a.out\tin_sync\n`);
  const [, metrics] = await get(`${daemon.url}/metrics`);
  const b = `{resource="b",dest="${folder}/b.out"}`;
  expect(metrics).toMatch(/^confetd_render_resource_failures_total\{resource="b",dest="[^"]*"\} [1-9]/m);
  expect(metrics).toContain(`confetd_render_resource_pending${b} 1\n`);
  expect(metrics).toMatch(/^confetd_render_command_duration_seconds_count\{command="check"\} [2-9]/m);
  expect(metrics).toMatch(/^# TYPE confetd_render_duration_seconds histogram$/m);
  await daemon.confetctl('put', '--wait', '/b', 'good again');
  expect(await get(`${daemon.url}/readyz/render`)).toEqual([200, 'ok\n']);
  await daemon.stop();
});

test('a daemon without a member serves it too; one that does not render, does not', async () => {
  const folder = folderOf();
  const url = `http://127.0.0.1:${await claimPort()}`;
  const daemon = spawnConfetd(
    ['--confdir', folder, '--backend', 'env', '--listen-client-urls', url, '--advertise-client-urls', url],
    { cwd: folder },
  );
  await fileThat(join(folder, 'a.out'), (text) => text === 'none\n', { what: () => daemon.output });
  await eventually(async () => expect(await get(`${url}/readyz/render`)).toEqual([200, 'ok\n']));
  await daemon.end('SIGTERM');
  const store = await Daemon.start({ args: ['--no-render'] });
  expect((await get(`${store.url}/readyz/render`))[0]).toBe(404);
  await store.stop();
});
