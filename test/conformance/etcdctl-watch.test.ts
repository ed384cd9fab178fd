import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peer } from '../peers.js';
import { etcdctlGoing, KINDS, output, type Server, startServer } from './servers.js';

describe.skipIf(peer('etcdctl') === undefined).each(KINDS)('etcdctl on %s: watch', (kind) => {
  let server: Server & { stop(): Promise<void> };
  const ctl = (...args: readonly string[]) => output(server, ...args);
  const revision = async () => JSON.parse(await ctl('get', 'x', '-w', 'json')).header.revision as number;
  beforeAll(async () => {
    server = await startServer(kind);
  });
  afterAll(() => server?.stop());

  /** What a watch prints for the changes, from its first revision on: nothing depends on when it began. */
  async function watched(
    args: readonly string[],
    expected: string,
    changes: () => Promise<void>,
  ): Promise<void> {
    const from = (await revision()) + 1;
    const watch = etcdctlGoing(server, 'watch', ...args, '--rev', String(from));
    await changes();
    await watch.until(() => watch.stdout.length >= expected.length, 'its changes');
    expect(watch.stdout).toBe(expected);
    await watch.end('SIGKILL');
  }

  test('PUT and DELETE, each with its key and value on lines of their own', async () => {
    await watched(
      ['stock1'],
      'PUT\nstock1\n10\nPUT\nstock1\n20\nDELETE\nstock1\n\nPUT\nstock1\n30\n',
      async () => {
        await ctl('put', 'stock1', '10');
        await ctl('put', 'stock2', 'unseen');
        await ctl('put', 'stock1', '20');
        await ctl('del', 'stock1');
        await ctl('del', 'stock1');
        await ctl('put', 'stock1', '30');
      },
    );
  });

  test('--prefix, and a deletion of many in key order', async () => {
    const lines = ['PUT\nshop/b\n1\n', 'PUT\nshop/a\n2\n', 'DELETE\nshop/a\n\n', 'DELETE\nshop/b\n\n'];
    await watched(['shop', '--prefix'], lines.join(''), async () => {
      await ctl('put', 'shop/b', '1');
      await ctl('put', 'shop/a', '2');
      await ctl('del', 'shop/', '--prefix');
    });
  });

  test('--prev-kv shows what was there', async () => {
    await ctl('put', 'pv', 'zero');
    await ctl('del', 'pv');
    const watch = etcdctlGoing(server, 'watch', 'pv', '--prev-kv', '--rev', String((await revision()) + 1));
    await ctl('put', 'pv', 'one');
    await ctl('put', 'pv', 'two');
    await ctl('del', 'pv');
    await watch.until(() => watch.stdout.includes('DELETE\n') && watch.stdout.endsWith('pv\n\n'), 'DELETE');
    expect(watch.stdout).toBe('PUT\npv\none\nPUT\npv\none\npv\ntwo\nDELETE\npv\ntwo\npv\n\n');
    await watch.end('SIGKILL');
  });

  test('from a revision: history, then what comes', async () => {
    await ctl('put', 'past', '1');
    const from = await revision();
    await ctl('put', 'past', '2');
    const watch = etcdctlGoing(server, 'watch', 'past', '--rev', String(from));
    await watch.until(() => watch.stdout === 'PUT\npast\n1\nPUT\npast\n2\n', 'the past');
    await ctl('put', 'past', '3');
    await watch.until(() => watch.stdout.endsWith('PUT\npast\n3\n'), 'the present');
    await watch.end('SIGKILL');
  });

  test('from now on: a watch that was seen to run misses nothing after', async () => {
    const watch = etcdctlGoing(server, 'watch', 'now/', '--prefix');
    // It has no sign of having begun, but its first event.
    for (let n = 0; watch.stdout === ''; n++) {
      await ctl('put', 'now/begun', String(n));
      if (n > 200) throw new Error('the watch never began');
    }
    await ctl('put', 'now/x', '1');
    await ctl('del', 'now/x');
    await watch.until(() => watch.stdout.endsWith('PUT\nnow/x\n1\nDELETE\nnow/x\n\n'), 'both changes');
    await watch.end('SIGKILL');
  });

  test('a compacted start is refused with the revision', async () => {
    await ctl('put', 'gone', '1');
    await ctl('put', 'gone', '2');
    await ctl('compaction', String(await revision()));
    const watch = etcdctlGoing(server, 'watch', 'gone', '--rev', '2');
    const { code } = await watch.exited;
    expect(code).not.toBe(0);
    expect(watch.output).toContain(
      'watch was canceled (etcdserver: mvcc: required revision has been compacted)',
    );
  });

  test('a command per event, with the key and value in its environment', async () => {
    const from = String((await revision()) + 1);
    const script = 'echo "$ETCD_WATCH_EVENT_TYPE $ETCD_WATCH_KEY $ETCD_WATCH_VALUE"';
    const watch = etcdctlGoing(server, 'watch', 'run', '--rev', from, '--', 'sh', '-c', script);
    await ctl('put', 'run', 'it now');
    await watch.printed('"PUT" "run" "it now"\n');
    await watch.end('SIGKILL');
  });
});
