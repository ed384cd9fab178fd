import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RealEtcd, startEtcd } from '../../etcd.js';
import { peers } from '../../peers.js';
import { confetctl } from './harness.js';

describe.skipIf(!peers('etcd'))('rollback, of a real etcd', () => {
  let etcd: RealEtcd;
  let prefix = '';
  let number = 0;
  beforeAll(async () => {
    etcd = await startEtcd();
  });
  afterAll(() => etcd.stop());
  beforeEach(() => {
    prefix = `/p${++number}/`;
  });
  const ctl = (...args: readonly string[]) => confetctl([`--endpoints=${etcd.endpoint}`, ...args]);
  async function put(key: string, value: string, ...flags: readonly string[]): Promise<number> {
    const { stdout } = await ctl('put', `${prefix}${key}`, value, '-w', 'json', ...flags);
    return (JSON.parse(stdout) as { header: { revision: number } }).header.revision;
  }
  const all = async (): Promise<string[]> =>
    (await ctl('get', '--prefix', prefix)).stdout.trim().replaceAll(prefix, '').split('\n');

  test('puts back what was changed and deleted, deletes what came since, in one revision', async () => {
    await put('a', '1');
    await put('b', '1');
    const revision = await put('c', '1');
    await put('a', '2');
    await ctl('del', `${prefix}b`);
    await put('d', 'new');
    await ctl('put', `${prefix.slice(0, -1)}-other`, 'left alone');
    const dry = await ctl('rollback', prefix, `--revision=${revision}`, '--dry-run');
    expect(dry.stdout).toBe(`put ${prefix}a\nput ${prefix}b\ndel ${prefix}d\n`);
    expect(await all()).toEqual(['a', '2', 'c', '1', 'd', 'new']);
    const run = await ctl('rollback', prefix, `--revision=${revision}`);
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(run.stdout).toMatch(/^revision \d+: 2 put, 1 deleted\n$/);
    expect(await all()).toEqual(['a', '1', 'b', '1', 'c', '1']);
    expect((await ctl('get', '--print-value-only', `${prefix.slice(0, -1)}-other`)).stdout).toBe(
      'left alone\n',
    );
    const again = await ctl('rollback', prefix, `--revision=${revision}`);
    expect(again.stdout).toBe('nothing to do: the keys are as they were\n');
  });

  test('takes several revisions where a transaction holds fewer, and says which', async () => {
    let revision = 0;
    for (let at = 0; at < 25; at++) revision = await put(`k${String(at).padStart(2, '0')}`, 'old');
    await ctl('del', '--prefix', prefix);
    const run = await ctl('rollback', prefix, `--revision=${revision}`, '--max-txn-ops=10', '-w', 'json');
    const { put: count, deleted, revisions } = JSON.parse(run.stdout) as Record<string, number[]>;
    expect([count, deleted, revisions?.length]).toEqual([25, 0, 3]);
    expect((await all()).length).toBe(50);
  });

  test('goes on over values that together pass what one request may hold', async () => {
    const big = 'x'.repeat(700_000);
    await put('a', big);
    const revision = await put('b', big);
    await ctl('del', '--prefix', prefix);
    const run = await ctl('rollback', prefix, `--revision=${revision}`);
    expect(run.stdout).toMatch(/^revisions \d+ to \d+: 2 put, 0 deleted\n$/);
  });

  test('keeps the lease of a key that is there, and leaves out one that went with its lease', async () => {
    const grant = async () =>
      /lease ([0-9a-f]+) /.exec((await ctl('lease', 'grant', '600')).stdout)?.[1] ?? '';
    const [kept, ended] = [await grant(), await grant()];
    await put('here', '1', `--lease=${kept}`);
    const revision = await put('gone', '1', `--lease=${ended}`);
    await put('here', '2', `--lease=${kept}`);
    await ctl('lease', 'revoke', ended);
    const run = await ctl('rollback', prefix, `--revision=${revision}`);
    expect(run.stderr).toBe(`${prefix}gone had a lease that is gone: it stays gone\n`);
    expect(await all()).toEqual(['here', '1']);
    const { stdout } = await ctl('get', `${prefix}here`, '-w', 'fields');
    expect(stdout).toContain(`"Lease" : ${BigInt(`0x${kept}`)}`);
  });

  test('asks for what it needs, and says what the server says', async () => {
    expect((await ctl('rollback', prefix)).stderr).toContain('rollback needs --revision N');
    expect((await ctl('rollback', '--revision=3')).stderr).toContain('rollback needs one prefix');
    const future = await ctl('rollback', prefix, '--revision=999999');
    expect(future).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('required revision is a future revision'),
    });
    const revision = await put('a', '1');
    await put('a', '2');
    await put('a', '3');
    await ctl('compaction', String(revision + 2));
    const past = await ctl('rollback', prefix, `--revision=${revision}`);
    expect(past.stderr).toContain('required revision has been compacted');
  });
});
