import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Child } from '../child.js';
import { claimPort, Daemon, eventually, fileThat, scratch, writeFiles } from '../daemon.js';
import { peer } from '../peers.js';

/** A real nginx, configured, checked, verified and reloaded by a real daemon. */
describe.skipIf(peer('nginx') === undefined)('a running nginx', () => {
  const program = peer('nginx') ?? 'nginx';
  const upstreams: Server[] = [];
  let folder: string;
  let file: string;
  let port: number;
  let daemon: Daemon;
  let nginx: Child;
  let template: string;

  beforeAll(async () => {
    folder = scratch();
    port = await claimPort();
    file = join(folder, 'nginx.conf');
    const at = `${program} -p ${folder} -e stderr`;
    template = `user root;
worker_processes 1;
pid nginx.pid;
error_log stderr;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  upstream web {
    {{#each (gets "/services/web/*") as |instance|}}
    server {{instance.value}};
    {{else}}
    server 127.0.0.1:9 down;
    {{/each}}
  }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://web; }
  }
}
`;
    writeFiles(folder, {
      'templates/nginx.hbs': template,
      'conf.d/nginx.toml': `[template]
src = "nginx.hbs"
dest = "${file}"
keys = ["/services"]
check_cmd = "${at} -t -q -c {{.src}}"
verify_cmd = "${at} -t -q -c {{.dest}}"
reload_cmd = "test ! -s ${folder}/nginx.pid || ${at} -c {{.dest}} -s reload"
`,
    });
    daemon = await Daemon.start({ cwd: folder, args: ['--confdir', folder] });
    await fileThat(file, (text) => text.includes('down'), { what: () => daemon.process.output });
    nginx = new Child(program, ['-p', folder, '-e', 'stderr', '-c', file, '-g', 'daemon off;']);
    await eventually(() => ask(), { what: () => nginx.output });
  });
  afterAll(async () => {
    await daemon?.stop();
    if (nginx?.running) await nginx.end('SIGTERM');
    for (const server of upstreams) server.close();
  });

  const ask = async (): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${port}/`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(2_000),
    });
    return `${answer.status} ${await answer.text()}`;
  };
  const answers = (text: string) =>
    eventually(async () => expect(await ask()).toBe(text), {
      what: () => `${readFileSync(file, 'utf8')}\n${daemon.process.output}\n${nginx.output}`,
    });
  const upstream = async (name: string): Promise<string> => {
    const server = createServer((_request, response) => response.end(name));
    upstreams.push(server);
    const at = await claimPort();
    server.listen(at, '127.0.0.1');
    await once(server, 'listening');
    return `127.0.0.1:${at}`;
  };
  const put = async (key: string, value: string): Promise<void> => {
    const { code, stderr } = await daemon.confetctl('put', key, value);
    expect([code, stderr]).toEqual([0, '']);
  };

  test('answers from a new upstream after one put, and from the next after another', async () => {
    expect(await ask()).toMatch(/^502 /);
    await put('/services/web/a', await upstream('anna'));
    await answers('200 anna');
    await put('/services/web/a', await upstream('bert'));
    await answers('200 bert');
    expect(nginx.running).toBe(true);
  });

  test('a template that nginx refuses never reaches it; mended, it goes on', async () => {
    const before = readFileSync(file, 'utf8');
    writeFiles(folder, {
      'templates/nginx.hbs': template.replace('access_log off;', 'no_such_directive on;'),
    });
    await daemon.process.printed(/unknown directive .{1,2}no_such_directive/);
    await put('/services/web/a', await upstream('carl'));
    const status = await eventually(async () => {
      const { stdout } = await daemon.confetctl('render', 'status', '-w', 'json');
      expect(stdout).toContain('"failed"');
      return stdout;
    });
    expect(status).toContain('no_such_directive');
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(await ask()).toBe('200 bert');
    writeFiles(folder, { 'templates/nginx.hbs': template });
    await answers('200 carl');
  });

  test('a template that doesn’t parse is told with its line and column, and nothing changes', async () => {
    const before = readFileSync(file, 'utf8');
    writeFiles(folder, { 'templates/nginx.hbs': template.replace('{{else}}', '{{/if}}') });
    await daemon.process.printed(/nginx\.hbs:14:8: /);
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(await ask()).toBe('200 carl');
    writeFiles(folder, {
      'templates/nginx.hbs': template.replace('access_log off;', 'access_log off; # mended'),
    });
    await fileThat(file, (text) => text.includes('# mended'));
    await put('/services/web/a', await upstream('dora'));
    await answers('200 dora');
  });

  test('a value that nginx refuses is held back by the check', async () => {
    const before = readFileSync(file, 'utf8');
    const { code, stderr } = await daemon.confetctl('put', '--wait', '/services/web/bad', 'not an address {');
    expect(code).toBe(1);
    expect(stderr).toContain('nginx.conf');
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(await ask()).toBe('200 dora');
    await daemon.confetctl('del', '/services/web/bad');
    await put('/services/web/a', await upstream('emil'));
    await answers('200 emil');
  });

  test('a file changed by hand is put back by the next pass', async () => {
    expect((await daemon.stop()).code).toBe(0);
    const good = readFileSync(file, 'utf8');
    writeFiles(folder, { 'nginx.conf': `${good}# by hand\n` });
    await daemon.restart();
    await fileThat(file, (text) => text === good);
    expect(await ask()).toBe('200 emil');
  });
});
