import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { KVService } from '../../src/proto/generated/etcd_rpc.js';
import { put, Rpc } from '../conformance/rpc.js';
import { Daemon, eventually, scratch } from '../daemon.js';

/** A folder of its own size, so that it can be full; undefined, with a printed reason, where none can be made. */
function smallDisk(megabytes: number): string | undefined {
  const folder = join(scratch(), 'disk');
  mkdirSync(folder);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], { stdio: 'pipe' });
    return folder;
  } catch {
    process.stderr.write('skipped: a full disk needs root and the right to mount a tmpfs\n');
    return undefined;
  }
}

const disk = smallDisk(300);

describe.skipIf(disk === undefined)('a full disk', () => {
  const mounted = disk ?? '';
  afterAll(() => {
    execFileSync('umount', ['-l', mounted]);
  });

  const fill = (): void => {
    const megabyte = Buffer.alloc(2 ** 20);
    try {
      for (;;) appendFileSync(join(mounted, 'filler'), megabyte);
    } catch {
      // Full: that was the point.
    }
  };

  test('it holds writes, serves reads, says so, and goes on by itself', { timeout: 90_000 }, async () => {
    const daemon = await Daemon.start({ dataDir: join(mounted, 'data'), args: ['--no-render'] });
    const acknowledged = new Map<string, number>();
    const rpc = new Rpc(daemon.endpoint);
    const write = async (number: number): Promise<boolean> => {
      const key = `k${number}`;
      const outcome = await rpc.outcome(KVService.put, put(key, 'x'.repeat(200_000)));
      if ('response' in outcome) acknowledged.set(key, outcome.response.header?.revision ?? 0);
      return 'response' in outcome;
    };
    const holdsAll = async (from: Rpc): Promise<void> => {
      for (const [key, revision] of acknowledged) {
        const [kv] = (await from.range(key)).kvs;
        expect([key, kv?.modRevision, kv?.value.length]).toEqual([key, revision, 200_000]);
      }
    };
    expect(await write(0)).toBe(true);
    fill();
    let number = 1;
    while (number < 600 && (await write(number))) number++;
    expect(number, 'the disk was never full').toBeLessThan(600);
    expect(daemon.process.output).toMatch(/the disk is too full for the state/);
    const [kv] = (await rpc.range('k0', { serializable: true })).kvs;
    expect(kv?.value.length).toBe(200_000);

    rmSync(join(mounted, 'filler'));
    await eventually(
      async () => {
        if (!(await write(1_000))) throw new Error('refused');
      },
      { timeoutMs: 30_000, what: () => `no write was taken:\n${daemon.process.output}` },
    );
    // The log may find room first; the state is tried again within five seconds.
    await daemon.process.printed(/there is room for the state again/);
    await holdsAll(rpc);
    rpc.close();

    // The same process all the time; and what it wrote is whole for the next one.
    expect(daemon.process.running).toBe(true);
    await daemon.kill();
    await daemon.restart();
    const again = new Rpc(daemon.endpoint);
    await holdsAll(again);
    again.close();
    await daemon.stop();
  });
});
