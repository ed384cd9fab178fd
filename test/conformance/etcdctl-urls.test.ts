import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../child.js';
import { Daemon } from '../daemon.js';
import { startEtcd } from '../etcd.js';
import { peer } from '../peers.js';
import { etcdctl, etcdctlGoing, KINDS, output, type Server } from './servers.js';

/** Servers that advertise where they listen, for `--cluster`. */
async function start(kind: Server['kind']): Promise<Server & { stop(): Promise<void> }> {
  if (kind === 'etcd') {
    const etcd = await startEtcd();
    return { kind, endpoint: etcd.endpoint, stop: () => etcd.stop() };
  }
  const daemon = await Daemon.start({ args: ['--no-render'] });
  return { kind, endpoint: daemon.endpoint, stop: async () => void (await daemon.stop()) };
}

/** The endpoint as a person may write it. */
const FORMS: readonly (readonly [string, (endpoint: string) => string])[] = [
  ['HOST:PORT', (endpoint) => endpoint],
  ['http://HOST:PORT', (endpoint) => `http://${endpoint}`],
  ['http://HOST:PORT/', (endpoint) => `http://${endpoint}/`],
];

/** Some commands dial with the URL as it is, which then is the authority of their requests. */
describe.skipIf(peer('etcdctl') === undefined).each(KINDS)('etcdctl on %s: endpoints', (kind) => {
  let real: Server & { stop(): Promise<void> };
  beforeAll(async () => {
    real = await start(kind);
  });
  afterAll(() => real?.stop());

  describe.each(FORMS)('written %s', (_form, written) => {
    let server: Server;
    const ctl = (...args: readonly string[]) => output(server, ...args);
    beforeAll(() => {
      server = { kind, endpoint: written(real.endpoint) };
    });

    test('endpoint status, hashkv and health', async () => {
      const [status] = JSON.parse(await ctl('endpoint', 'status', '-w', 'json'));
      expect(status).toMatchObject({ Endpoint: server.endpoint, Status: { version: '3.4.23' } });
      const [hash] = JSON.parse(await ctl('endpoint', 'hashkv', '-w', 'json'));
      expect(hash).toMatchObject({ Endpoint: server.endpoint, HashKV: { hash: expect.any(Number) } });
      const [health] = JSON.parse(await ctl('endpoint', 'health', '-w', 'json'));
      expect(health).toMatchObject({ endpoint: server.endpoint, health: true });
    });

    test('endpoint status and hashkv --cluster, whose endpoints are the members’ URLs', async () => {
      for (const command of ['status', 'hashkv']) {
        const answers = JSON.parse(await ctl('endpoint', command, '--cluster', '-w', 'json'));
        expect(answers).toMatchObject([{ Endpoint: `http://${real.endpoint}` }]);
      }
    });

    test('move-leader asks who leads before it is refused', async () => {
      const { stderr } = await etcdctl(server, ['move-leader', '123']);
      expect(stderr).toContain('Error: etcdserver: bad leader transferee');
    });

    test('put, get, watch and lock', async () => {
      expect(await ctl('put', 'u', 'v')).toBe('OK\n');
      expect(await ctl('get', 'u')).toBe('u\nv\n');
      const { header } = JSON.parse(await ctl('get', 'u', '-w', 'json'));
      const watch = etcdctlGoing(server, 'watch', 'u', '--rev', String(header.revision + 1));
      await ctl('put', 'u', 'w');
      await watch.until(() => watch.stdout === 'PUT\nu\nw\n', 'the change');
      await watch.end('SIGKILL');
      expect(await ctl('lock', 'l', 'echo', 'held')).toBe('held\n');
    });

    test('a client that is idle at first', async () => {
      // It connects, and a second later reads what to ask for.
      const late = '(sleep 1; printf "\\nput idle first\\n\\n\\n") | "$@"';
      const program = peer('etcdctl') ?? 'etcdctl';
      const args = ['-c', late, 'sh', program, '--endpoints', server.endpoint, 'txn'];
      const { code, stderr } = await run('sh', args, { env: { ETCDCTL_API: '3' } });
      expect([code, stderr]).toEqual([0, '']);
      expect(await ctl('get', 'idle')).toBe('idle\nfirst\n');
      await ctl('del', 'idle');
    });
  });
});
