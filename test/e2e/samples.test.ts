import { cpSync, existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../child.js';
import { confetctl, Daemon, eventually, fileThat, scratch } from '../daemon.js';
import { peer } from '../peers.js';

const ROOT = resolve(import.meta.dirname, '../..');

/** What a newcomer does first: the samples, from an empty store. */
describe('the samples', () => {
  let folder: string;
  let daemon: Daemon;
  let nginx: string;
  let haproxy: string;
  beforeAll(async () => {
    folder = scratch();
    for (const name of ['conf.d', 'templates'])
      cpSync(join(ROOT, name), join(folder, name), { recursive: true });
    daemon = await Daemon.start({ cwd: folder, args: ['--confdir', '.'] });
    nginx = join(folder, 'out/nginx.conf');
    haproxy = join(folder, 'out/haproxy.cfg');
  });
  afterAll(() => daemon?.stop());

  const accepted = async (): Promise<void> => {
    const programs = [
      [peer('nginx'), '-t', '-q', '-c', nginx],
      [peer('haproxy'), '-c', '-q', '-f', haproxy],
    ] as const;
    for (const [program, ...args] of programs) {
      if (program === undefined) continue;
      const { code, stderr, stdout } = await run(program, args);
      expect([code, `${stdout}${stderr}`]).toEqual([0, expect.any(String)]);
    }
  };

  test('both files appear from an empty store, and nginx and haproxy accept them', async () => {
    expect(await fileThat(nginx, (text) => text.includes('no services yet'))).not.toContain('upstream');
    await fileThat(haproxy, (text) => text.includes('frontend confetd'));
    await accepted();
  });

  test('a put by stock etcdctl is in the file, and what reads it accepts that too', async () => {
    const etcdctl = peer('etcdctl');
    const put = async (key: string, value: string): Promise<void> => {
      const { code, stderr } = etcdctl
        ? await run(etcdctl, ['--endpoints', daemon.endpoint, 'put', key, value], {
            env: { ETCDCTL_API: '3' },
          })
        : await daemon.confetctl('put', key, value);
      expect([code, stderr]).toEqual([0, '']);
    };
    await put('/services/web/a', '127.0.0.1:8001');
    await fileThat(nginx, (text) => text.includes('server 127.0.0.1:8001; # a'));
    await fileThat(haproxy, (text) => text.includes('server a 127.0.0.1:8001 check'));
    await put('/services/web/b', '127.0.0.1:8002');
    await put('/services/api/x', '127.0.0.1:9001');
    const text = await fileThat(nginx, (now) => now.includes('127.0.0.1:9001'));
    expect(text).toContain('upstream api {');
    expect(text).toContain('server 127.0.0.1:8002; # b');
    await fileThat(
      haproxy,
      (now) => now.includes('backend api') && now.includes('server b 127.0.0.1:8002 check'),
    );
    await accepted();
  });

  test('the line of the README answers with the files that changed and how long it took', async () => {
    const { code, stdout, stderr } = await daemon.confetctl(
      'put',
      '--wait',
      '/services/web/c',
      '127.0.0.1:8003',
    );
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/out\/nginx\.conf\s+rev 5\s+[\d.]+ m?s/);
    expect(stdout).toMatch(/out\/haproxy\.cfg\s+rev 5\s+[\d.]+ m?s/);
    // It has waited: no polling here.
    expect(readFileSync(nginx, 'utf8')).toContain('server 127.0.0.1:8003; # c');
    const elsewhere = await daemon.confetctl('put', '--wait', '/elsewhere', 'x');
    expect(elsewhere.stdout).toContain('no file changed');
  });

  test('a value with a line break never reaches the file; the others go on', async () => {
    const { code, stderr } = await daemon.confetctl(
      'put',
      '--wait',
      '/services/web/d',
      '1.2.3.4:1;\nevil on;',
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/nginx\.conf\.hbs:\d+:\d+/);
    expect(readFileSync(nginx, 'utf8')).not.toContain('evil');
    expect((await daemon.confetctl('del', '/services/web/d')).stdout).toBe('1\n');
    const again = await daemon.confetctl('put', '--wait', '/services/web/c', '127.0.0.1:8004');
    expect([again.code, again.stderr]).toEqual([0, '']);
    expect(readFileSync(nginx, 'utf8')).toContain('127.0.0.1:8004');
  });

  test('render status tells what is applied; a restart finds all in sync and writes nothing', async () => {
    const inSync = async (): Promise<void> => {
      const { stdout } = await daemon.confetctl('render', 'status', '-w', 'json');
      expect(stdout.match(/"state":"in_sync"/g)).toHaveLength(2);
    };
    await inSync();
    expect((await daemon.stop()).code).toBe(0);
    const written = statSync(nginx).mtimeMs;
    await daemon.restart();
    await eventually(inSync, { what: () => daemon.process.output });
    expect(daemon.process.output).not.toContain('has been updated');
    expect(statSync(nginx).mtimeMs).toBe(written);
  });

  test('emptied again, both files are accepted again', async () => {
    expect((await daemon.confetctl('del', '--prefix', '/services')).stdout).toBe('4\n');
    await fileThat(nginx, (text) => !text.includes('upstream'));
    await fileThat(haproxy, (text) => !text.includes('backend web'));
    await accepted();
    expect(existsSync(join(folder, 'data/member/wal'))).toBe(true);
  });

  test('confetctl finds no daemon: it says where it looked', async () => {
    const { code, stderr } = await confetctl([
      '--endpoints',
      '127.0.0.1:1',
      '--dial-timeout',
      '1s',
      'get',
      'x',
    ]);
    expect(code).not.toBe(0);
    expect(stderr).toContain('127.0.0.1:1');
  });
});
