import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../daemon.js';
import { peer } from '../peers.js';
import { etcdctl, etcdctlGoing, KINDS, output, type Server, startServer } from './servers.js';

describe.skipIf(peer('etcdctl') === undefined).each(KINDS)(
  'etcdctl on %s: leases, locks, elections',
  (kind) => {
    let server: Server & { stop(): Promise<void> };
    const ctl = (...args: readonly string[]) => output(server, ...args);
    beforeAll(async () => {
      server = await startServer(kind);
    });
    afterAll(() => server?.stop());

    async function grant(ttl: number): Promise<string> {
      const text = await ctl('lease', 'grant', String(ttl));
      const id = /^lease ([0-9a-f]{16}) granted with TTL\((\d+)s\)\n$/.exec(text);
      expect(id?.[2], text).toBe(String(ttl));
      return id?.[1] ?? '';
    }

    test('grant, put, timetolive, list, revoke: one lease, many keys, gone in one revision', async () => {
      expect(await ctl('lease', 'list')).toBe('found 0 leases\n');
      const id = await grant(200);
      // The member's low two bytes lead a lease's ID.
      expect(id.slice(0, 4)).toBe('694d');
      for (const key of ['l/a', 'l/b', 'l/c']) expect(await ctl('put', key, 'x', '--lease', id)).toBe('OK\n');
      await ctl('put', 'l/b', 'detached');
      expect(await ctl('lease', 'list')).toBe(`found 1 leases\n${id}\n`);
      expect(await ctl('lease', 'timetolive', id)).toMatch(
        new RegExp(`^lease ${id} granted with TTL\\(200s\\), remaining\\((19[89]|200)s\\)\n$`),
      );
      expect(await ctl('lease', 'timetolive', id, '--keys')).toMatch(
        /, attached keys\(\[(l\/a l\/c|l\/c l\/a)\]\)\n$/,
      );
      const leased = JSON.parse(
        (await ctl('get', 'l/a', '-w', 'json')).replace(/"lease":(\d+)/, '"lease":"$1"'),
      );
      expect(BigInt(leased.kvs[0].lease).toString(16)).toBe(id);
      expect(await ctl('lease', 'revoke', id)).toBe(`lease ${id} revoked\n`);
      expect(await ctl('get', '--prefix', 'l/')).toBe('l/b\ndetached\n');
      const { header } = JSON.parse(await ctl('get', 'l/b', '-w', 'json'));
      expect(header.revision).toBe(leased.header.revision + 1);
    });

    test('leases that don’t exist', async () => {
      expect(await ctl('lease', 'timetolive', '1234')).toBe('lease 0000000000001234 already expired\n');
      expect(await ctl('lease', 'keep-alive', '1234')).toBe('lease 0000000000001234 expired or revoked.\n');
      const revoke = await etcdctl(server, ['lease', 'revoke', '1234']);
      expect([revoke.code, revoke.stderr.split('\n').at(-2)]).toEqual([
        1,
        'Error: failed to revoke lease (etcdserver: requested lease not found)',
      ]);
    });

    test('a short TTL is raised to what the election timeout allows, then its keys expire', async () => {
      const text = await ctl('lease', 'grant', '1');
      const id = /^lease ([0-9a-f]{16}) granted with TTL\(2s\)\n$/.exec(text)?.[1] ?? '';
      await ctl('put', 'brief', 'x', '--lease', id);
      const began = Date.now();
      const watch = etcdctlGoing(server, 'watch', 'brief', '--rev', '2');
      await watch.printed('DELETE\nbrief\n', 15_000);
      expect(Date.now() - began).toBeGreaterThan(1_000);
      await watch.end('SIGKILL');
      expect(await ctl('get', 'brief')).toBe('');
      expect(await ctl('lease', 'timetolive', id)).toBe(`lease ${id} already expired\n`);
    });

    test('keep-alive repeats, and its keys outlive the TTL', async () => {
      const id = await grant(2);
      await ctl('put', 'kept', 'x', '--lease', id);
      const line = `lease ${id} keepalived with TTL(2)\n`;
      const keep = etcdctlGoing(server, 'lease', 'keep-alive', id);
      // One about every third of the TTL: five of them last longer than it.
      await keep.until(() => keep.stdout.length >= 5 * line.length, 'five renewals');
      expect(keep.stdout.slice(0, 5 * line.length)).toBe(line.repeat(5));
      expect(await ctl('get', 'kept')).toBe('kept\nx\n');
      expect(await ctl('lease', 'keep-alive', '--once', id)).toBe(line);
      await ctl('lease', 'revoke', id);
      await keep.printed(`lease ${id} expired or revoked.\n`);
      expect((await keep.exited).code).toBe(0);
      expect(await ctl('get', 'kept')).toBe('');
    });

    test('lock: the second waits until the first goes', async () => {
      const first = etcdctlGoing(server, 'lock', 'mutex1');
      const held = await first.printed(/^mutex1\/[0-9a-f]+\n/);
      const second = etcdctlGoing(server, 'lock', 'mutex1');
      await eventually(async () => {
        const { count } = JSON.parse(await ctl('get', '--prefix', 'mutex1/', '-w', 'json'));
        expect(count).toBe(2);
      });
      expect(second.stdout).toBe('');
      await first.end('SIGINT');
      const taken = await second.printed(/^mutex1\/[0-9a-f]+\n/);
      expect(taken).not.toBe(held);
      await second.end('SIGINT');
      expect(await ctl('get', '--prefix', 'mutex1/')).toBe('');
    });

    test('lock with a command holds it while the command runs', async () => {
      const run = await etcdctl(server, ['lock', 'mutex2', '--', 'sh', '-c', 'echo "$ETCD_LOCK_KEY"']);
      expect(run.stdout).toMatch(/^mutex2\/[0-9a-f]+\n$/);
      expect(run.code).toBe(0);
      expect(await ctl('get', '--prefix', 'mutex2/')).toBe('');
      expect((await etcdctl(server, ['lock', 'mutex2', '--', 'sh', '-c', 'exit 3'])).code).not.toBe(0);
      expect(await ctl('get', '--prefix', 'mutex2/')).toBe('');
    });

    test('elect: one leader, the next when it resigns, and listeners see both', async () => {
      const listener = etcdctlGoing(server, 'elect', '-l', 'chief');
      const first = etcdctlGoing(server, 'elect', 'chief', 'anna');
      await first.printed(/^chief\/[0-9a-f]+\nanna\n/);
      const second = etcdctlGoing(server, 'elect', 'chief', 'bert');
      await eventually(async () => {
        const { count } = JSON.parse(await ctl('get', '--prefix', 'chief/', '-w', 'json'));
        expect(count).toBe(2);
      });
      await listener.printed('anna');
      expect(second.stdout).toBe('');
      await first.end('SIGINT');
      await second.printed(/^chief\/[0-9a-f]+\nbert\n/);
      await listener.printed('bert');
      await second.end('SIGINT');
      await listener.end('SIGKILL');
    });
  },
);
