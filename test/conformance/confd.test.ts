import { readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../child.js';
import { scratch, writeFiles } from '../daemon.js';
import { Rpc } from './rpc.js';
import { KINDS, type Server, startServer } from './servers.js';

const fixture = (name: string): string => readFileSync(`test/fixtures/gotemplate/${name}`, 'utf8');
/** The tutorial's own dest. */
const DEST = '/tmp/myapp.conf';

/** The confd section of the tutorial as it is printed, its files unchanged, with `confetd` in confd's place. */
describe.each(KINDS)('the tutorial’s confd section, from %s', (kind) => {
  let server: Server & { stop(): Promise<void> };
  let folder: string;

  beforeAll(async () => {
    folder = scratch();
    writeFiles(folder, {
      'confd/conf.d/nginx.toml': fixture('tutorial-nginx.toml'),
      'confd/templates/nginx.tmpl': fixture('tutorial-nginx.tmpl'),
      'bin/.keep': '',
    });
    symlinkSync(resolve('bin/confetd.cjs'), join(folder, 'bin/confetd'));
    server = await startServer(kind);
    const rpc = new Rpc(server.endpoint);
    for (const [key, value] of [
      ['/docker/node/n01', '192.168.100.111'],
      ['/docker/node/n02', '192.168.100.112'],
      ['/docker/node/n03', '192.168.100.113'],
      ['/docker/service/s01', '1005'],
      ['/docker/service/s02', '1007'],
    ] as const) {
      await rpc.put(key, value);
    }
    rpc.close();
  });
  afterAll(async () => {
    rmSync(DEST, { force: true });
    await server?.stop();
  });

  // A setting of these tests, which confetd would warn of.
  const shell = (command: string) =>
    run('/bin/sh', ['-c', `${command}`], {
      env: { PATH: `${join(folder, 'bin')}:${process.env.PATH}` },
    });
  const confetd = (rest: string): string =>
    `confetd -onetime -backend etcdv3 -node http://${server.endpoint} -confdir ${join(folder, 'confd')} ${rest}`;

  test('renders the bytes that confd renders', async () => {
    rmSync(DEST, { force: true });
    const { code, stdout, stderr } = await shell(confetd(`>/dev/null 2>&1 && cat ${DEST}`));
    expect([code, stderr]).toEqual([0, '']);
    expect(Buffer.from(stdout)).toHaveLength(881);
    expect(stdout).toBe(fixture('tutorial-nginx.conf'));
  });

  test('logs confd’s lines on standard error, and the second time only those of the start', async () => {
    rmSync(DEST, { force: true });
    const first = await shell(confetd(''));
    const messages = (text: string) =>
      text
        .trimEnd()
        .split('\n')
        // Only a host with nginx has its user.
        .filter((line) => !/ WARNING .*nginx/.test(line))
        .map((line) => /^\d{4}-\d\d-\d\dT\S+ \S+ confetd\[\d+\]: ([A-Z]+ .*)$/.exec(line)?.[1] ?? line);
    const start = [
      'INFO Backend set to etcdv3',
      'INFO Starting confd',
      `INFO Backend source(s) set to http://${server.endpoint}`,
    ];
    expect(messages(first.stderr)).toEqual([
      ...start,
      `INFO ${DEST} doesn't exist`,
      `INFO Target config ${DEST} out of sync`,
      `INFO Target config ${DEST} has been updated`,
    ]);
    expect(messages((await shell(confetd(''))).stderr)).toEqual(start);
    const debug = await shell(confetd('-log-level debug'));
    expect(messages(debug.stderr)).toContain(`DEBUG Target config ${DEST} in sync`);
    writeFiles('/tmp', { 'myapp.conf': 'other\n' });
    const changed = messages((await shell(confetd(''))).stderr);
    expect(changed[3]).toMatch(/^INFO \/tmp\/myapp\.conf has md5sum [0-9a-f]{32} should be [0-9a-f]{32}$/);
  });

  test('-noop leaves the file alone, -sync-only and -keep-stage-file are taken', async () => {
    writeFiles('/tmp', { 'myapp.conf': 'other\n' });
    const noop = await shell(confetd('-noop'));
    expect(noop.stderr).toContain(`WARNING Noop mode enabled. ${DEST} will not be modified`);
    expect(readFileSync(DEST, 'utf8')).toBe('other\n');
    expect((await shell(confetd('-sync-only -keep-stage-file'))).code).toBe(0);
    expect(readFileSync(DEST, 'utf8')).toBe(fixture('tutorial-nginx.conf'));
  });
});
